from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from evaluation.days import among_items, as_of, purchases_between, without_last_purchases
from graph.schema import MADE_BY
from shopgraph.types import ITEM, FloatMatrix, GraphSnapshot, Histories, Interactions, NodeTable
from tests.planted import NOW, PURCHASE, VIEW, planted_snapshot

NOON_S = int(NOW.timestamp())
DAY_S = 86_400


def at(days: float) -> int:
    return NOON_S + int(days * DAY_S)


@pytest.fixture
def shop() -> GraphSnapshot:
    """Two shoppers and six items; item 1 came a day ago."""
    snapshot = planted_snapshot(n_users=2, n_items=6, n_tastes=2, with_text=True)
    rows = [
        (0, 0, PURCHASE, at(-5)),
        (0, 2, PURCHASE, at(-4)),
        (0, 3, PURCHASE, at(-3)),
        (0, 1, PURCHASE, at(-0.5)),
        (0, 2, PURCHASE, at(-0.4)),
        (1, 4, VIEW, at(-3)),
        (1, 4, PURCHASE, at(-1.5)),
        (1, 5, VIEW, at(-0.2)),
        (1, 0, PURCHASE, at(-0.1)),
    ]
    user, item, code, time = (np.array(column) for column in zip(*rows, strict=True))
    created = np.full(6, at(-100))
    created[1] = at(-0.9)
    return replace(
        snapshot,
        interactions=Interactions(
            user.astype(np.int32),
            item.astype(np.int32),
            code.astype(np.int8),
            np.ones(len(rows), np.float32),
            time.astype(np.int64),
        ),
        items=replace(snapshot.items, created_at=created),
    )


def test_the_shop_of_a_day_ago_knows_neither_later_events_nor_later_items(shop: GraphSnapshot) -> None:
    past = as_of(shop, NOW - timedelta(days=1))
    assert past.nodes[ITEM].ids == ("i000", "i002", "i003", "i004", "i005")
    assert past.interactions.item_idx.tolist() == [0, 1, 2, 3, 3]
    assert past.items.text == tuple(text for n, text in enumerate(shop.items.text) if n != 1)
    assert shop.text_vectors is not None
    assert past.text_vectors is not None
    np.testing.assert_array_equal(past.text_vectors, np.delete(shop.text_vectors, 1, axis=0))
    assert past.relations[MADE_BY].src.tolist() == [0, 1, 2, 3, 4]
    assert past.relations[MADE_BY].dst.tolist() == [0, 0, 1, 0, 1]


def test_a_days_purchases_are_the_first_ones_of_known_items(shop: GraphSnapshot) -> None:
    past = as_of(shop, NOW - timedelta(days=1))
    found = purchases_between(shop, past, NOW)
    # item 2 was bought before, item 1 is not known yet, item 5 was only viewed
    assert found.user_idx.tolist() == [1]
    assert found.item_idx.tolist() == [0]
    half = purchases_between(shop, past, NOW - timedelta(days=0.2))
    assert len(half) == 0


def test_a_last_purchase_is_held_out_with_all_that_was_done_with_its_item(shop: GraphSnapshot) -> None:
    before = NOW - timedelta(days=1)
    found, old = without_last_purchases(shop, before, 1.0, np.random.default_rng(0))
    assert old.user_idx.tolist() == [0]  # the other one has bought one item only
    assert as_of(found, before).nodes[ITEM].ids[old.item_idx[0]] == "i003"
    x = found.interactions
    assert x.item_idx[x.user_idx == 0].tolist() == [0, 2, 1, 2]
    assert len(x) == len(shop.interactions) - 1


def test_a_model_answers_in_another_catalogue_than_its_own() -> None:
    known, asked = (NodeTable(ids, ids) for ids in (("a", "c", "d"), ("a", "b", "c")))

    def counts(histories: Histories) -> FloatMatrix:
        scores = np.zeros((len(histories), 3), np.float32)
        np.add.at(scores, (histories.owners(), histories.item_idx), 1)
        return scores

    history = Histories(
        np.array([0, 3]),
        np.array([0, 1, 2], np.int32),
        np.zeros(3, np.int8),
        np.ones(3, np.float32),
        np.zeros(3, np.int64),
        NOW,
    )
    found = among_items("counts", counts, known, asked)(history)["counts"]
    assert found.tolist() == [[1, -np.inf, 1]]  # b is unknown to it, d is not asked for
