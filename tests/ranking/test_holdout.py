from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from graph.schema import SEARCHED
from ranking.holdout import (
    bought,
    heldout_from_ids,
    hold_out,
    main_event,
    validation_cut,
    with_relations,
)
from shopgraph.types import NO_TIME, Edges, GraphSnapshot, Heldout, Interactions
from tests.planted import NOW, PURCHASE, VIEW, planted_snapshot

DAY = 86_400
NOW_S = int(NOW.timestamp())


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def relevant(heldout: Heldout) -> dict[int, list[int]]:
    return {
        int(user): heldout.item_idx[heldout.indptr[n] : heldout.indptr[n + 1]].tolist()
        for n, user in enumerate(heldout.user_idx)
    }


def with_events(rows: list[tuple[int, int, int, int]]) -> GraphSnapshot:
    """Rows are (user, item, type, days before now), in the order of user and time."""
    columns = np.array(rows)
    interactions = Interactions(
        columns[:, 0].astype(np.int32),
        columns[:, 1].astype(np.int32),
        columns[:, 2].astype(np.int8),
        np.ones(len(rows), np.float32),
        NOW_S - columns[:, 3].astype(np.int64) * DAY,
    )
    return replace(planted_snapshot(n_users=3), interactions=interactions)


def test_random_keeps_an_item_per_user_and_leaves_no_held_item_in_the_history() -> None:
    snapshot = planted_snapshot(n_users=200)
    train, heldout = hold_out(snapshot, "random", rng(), share=0.5)
    assert len(np.unique(train.interactions.user_idx)) == 200
    for user, items in relevant(heldout).items():
        left = train.interactions.item_idx[train.interactions.user_idx == user]
        assert not set(items) & set(left.tolist())
    assert len(train.interactions) == pytest.approx(len(snapshot.interactions) / 2, rel=0.05)


def test_random_takes_all_events_of_a_taken_item_and_counts_purchases_alone() -> None:
    snapshot = with_events([(0, 5, VIEW, 9), (0, 5, PURCHASE, 8), (0, 6, VIEW, 7), (0, 6, PURCHASE, 6)])
    train, heldout = hold_out(snapshot, "random", rng(), share=0.99)
    assert len(train.interactions) == 2
    assert len(set(train.interactions.item_idx.tolist())) == 1
    assert set(relevant(heldout)[0]) | set(train.interactions.item_idx.tolist()) == {5, 6}


def test_time_cuts_at_the_moment_and_what_was_bought_before_is_not_relevant() -> None:
    snapshot = with_events(
        [
            (0, 1, PURCHASE, 20),
            (0, 2, VIEW, 15),
            (0, 1, PURCHASE, 3),
            (0, 2, PURCHASE, 2),
            (0, 3, VIEW, 1),
            (1, 4, PURCHASE, 30),
            (2, 4, PURCHASE, 1),
        ]
    )
    searches = Edges(
        np.zeros(2, np.int32),
        np.arange(2, dtype=np.int32),
        np.ones(2, np.float32),
        np.array([NOW_S - 20 * DAY, NOW_S - DAY]),
    )
    snapshot = replace(snapshot, relations={SEARCHED: searches})
    train, heldout = hold_out(snapshot, "time", rng(), days=10)
    assert train.now == NOW - timedelta(days=10)
    assert train.interactions.item_idx.tolist() == [1, 2, 4]
    assert relevant(heldout) == {0: [2], 2: [4]}
    assert train.relations[SEARCHED].dst.tolist() == [0]


def test_last_takes_the_last_purchase_with_its_views_and_all_that_follows() -> None:
    snapshot = with_events(
        [
            (0, 1, PURCHASE, 9),
            (0, 2, VIEW, 8),
            (0, 3, VIEW, 7),
            (0, 2, PURCHASE, 6),
            (0, 4, VIEW, 5),
            (1, 5, PURCHASE, 4),
        ]
    )
    train, heldout = hold_out(snapshot, "last", rng())
    assert relevant(heldout) == {0: [2]}
    assert train.interactions.item_idx.tolist() == [1, 3, 5]


def test_validation_is_by_time_where_times_are_known_else_at_random() -> None:
    timed = planted_snapshot(n_users=100)
    train, heldout = validation_cut(timed, rng())
    assert train.now < timed.now
    bought_later = timed.interactions.type_code == PURCHASE
    assert len(heldout.item_idx) == pytest.approx(0.1 * bought_later.sum(), rel=0.2)
    x = timed.interactions
    untimed = replace(timed, interactions=replace(x, time=np.full(len(x), NO_TIME)))
    train, _ = validation_cut(untimed, rng())
    assert train.now == timed.now
    assert len(train.interactions) == pytest.approx(0.9 * len(x), rel=0.05)


def test_validation_takes_the_last_items_where_that_is_asked_for() -> None:
    events = [(0, 5, PURCHASE, 9), (0, 6, PURCHASE, 8), (1, 5, PURCHASE, 7), (1, 7, PURCHASE, 1)]
    _, heldout = validation_cut(with_events(events), rng(), "last")
    assert relevant(heldout) == {0: [6], 1: [7]}


def test_what_was_bought_before_is_relevant_where_repeats_count() -> None:
    events = [(0, 5, PURCHASE, 9), (0, 5, PURCHASE, 1), (0, 6, PURCHASE, 1), (1, 5, PURCHASE, 2)]
    snapshot = with_events(events)
    assert relevant(hold_out(snapshot, "time", rng(), days=3)[1]) == {0: [6], 1: [5]}
    assert relevant(hold_out(snapshot, "time", rng(), days=3, repeats=True)[1]) == {0: [5, 6], 1: [5]}


def test_the_main_event_is_the_weightiest_that_occurs() -> None:
    assert main_event(with_events([(0, 1, VIEW, 2), (0, 1, PURCHASE, 1)])) == "purchase"
    assert main_event(with_events([(0, 1, VIEW, 2)])) == "view_item"


def test_bought_marks_purchases_not_views() -> None:
    snapshot = with_events([(0, 1, VIEW, 2), (0, 3, PURCHASE, 1), (2, 0, PURCHASE, 1)])
    marked = bought(snapshot.histories, snapshot)
    assert list(zip(*map(list, marked.nonzero()), strict=True)) == [(0, 3), (2, 0)]


def test_test_pairs_become_rows_and_unknown_ids_are_left_out() -> None:
    snapshot = planted_snapshot()
    pairs = [("u002", "i001"), ("u000", "i003"), ("u002", "i000"), ("nobody", "i001"), ("u000", "none")]
    assert relevant(heldout_from_ids(snapshot, pairs)) == {0: [3], 2: [0, 1]}


def test_relations_are_kept_by_name() -> None:
    kept = with_relations(planted_snapshot(), {"MADE_BY"})
    assert [edge_type[1] for edge_type in kept.relations] == ["MADE_BY"]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_out_of_range_is_the_callers_mistake(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        hold_out(planted_snapshot(), "random", rng(), share=share)
