from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from evaluation.days import as_of
from gnn.item_item.sequence import SequenceConfig
from gnn.linear.model import LinearKG, LinearKGConfig
from graph.schema import MADE_BY
from ranking.config import FusionConfig, HybridConfig
from ranking.hybrid import Hybrid
from ranking.scorer import Scorer
from ranking.training import fit_hybrid
from ranking.updating import (
    Changes,
    UpdateConfig,
    changes_between,
    interactions_of,
    learned_from,
    update_hybrid,
)
from shopgraph.types import (
    ITEM,
    USER,
    Edges,
    FloatMatrix,
    GraphSnapshot,
    Interactions,
    NodeTable,
)
from tests.planted import NOW, PURCHASE, planted_snapshot

CONFIG = HybridConfig(
    fusion=FusionConfig(max_users=200, n_candidates=40, n_hard=10),
    graph=LinearKGConfig(dim=16, epochs=12, batch_size=32),
    others={"order": SequenceConfig()},
)
UPDATE = UpdateConfig(epochs=2, replay=2.0, min_users=8)
YESTERDAY = NOW - timedelta(days=1)
NEW_ITEM, TASTE, N_TASTES = 20, 0, 4
BUYERS = (0, 4, 8)


@pytest.fixture(scope="module")
def after() -> GraphSnapshot:
    """Today: item 20 came yesterday, and three shoppers of its taste have bought it since."""
    snapshot = planted_snapshot(n_users=80, with_text=True)
    x = snapshot.interactions
    earlier = (x.item_idx != NEW_ITEM) & (x.time < YESTERDAY.timestamp())
    columns = [column[earlier] for column in vars(x).values()]
    today = int(YESTERDAY.timestamp()) + 60
    added = ([*BUYERS], [NEW_ITEM] * 3, [PURCHASE] * 3, [1.0] * 3, [today] * 3)
    joined = [
        np.concatenate([column, np.array(values, column.dtype)])
        for column, values in zip(columns, added, strict=True)
    ]
    order = np.lexsort((joined[1], joined[4], joined[0]))
    created = np.full(snapshot.n_items, int(NOW.timestamp()) - 10_000_000)
    created[NEW_ITEM] = today - 30
    return replace(
        snapshot,
        interactions=Interactions(*(column[order] for column in joined)),
        items=replace(snapshot.items, created_at=created),
        checksum="after",
    )


@pytest.fixture(scope="module")
def before(after: GraphSnapshot) -> GraphSnapshot:
    return as_of(after, YESTERDAY)


@pytest.fixture(scope="module")
def earlier(before: GraphSnapshot) -> Hybrid:
    return fit_hybrid(before, CONFIG, np.random.default_rng(0))


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def later(before: GraphSnapshot, after: GraphSnapshot, earlier: Hybrid, said: list[str]) -> Hybrid:
    changes = changes_between(before, after)
    return update_hybrid(earlier, after, changes, CONFIG, UPDATE, np.random.default_rng(1), said.append)


def of_known_items(scores: FloatMatrix) -> FloatMatrix:
    return np.delete(scores, NEW_ITEM, axis=1)


def changes_of_buyers(after: GraphSnapshot) -> Changes:
    changes = changes_between(after, after, YESTERDAY)
    assert changes.user_idx.tolist() == [*BUYERS]
    return changes


def test_changes_are_told_by_id_and_number(before: GraphSnapshot, after: GraphSnapshot) -> None:
    changes = changes_between(before, after)
    assert changes.user_idx.tolist() == [*BUYERS]
    assert (changes.n_users, changes.n_items, changes.n_events) == (0, 1, 3)
    assert changes.n_relations == 2  # its brand and its category
    assert changes.item_idx.tolist() == [NEW_ITEM]
    assert changes.item_rows.tolist() == [*range(NEW_ITEM), -1, *range(NEW_ITEM, after.n_items - 1)]


def test_nothing_new_is_false_and_since_makes_known_events_new(after: GraphSnapshot) -> None:
    assert not changes_between(after, after)
    again = changes_between(after, after, YESTERDAY)
    assert (again.user_idx.tolist(), again.item_idx.tolist()) == ([*BUYERS], [NEW_ITEM])
    assert again.n_events == 0
    assert not changes_between(after, after, datetime(2030, 1, 1, tzinfo=UTC))


def test_an_item_with_another_relation_is_changed(after: GraphSnapshot) -> None:
    edges = after.relations[MADE_BY]
    fewer = Edges(edges.src[1:], edges.dst[1:], edges.weight[1:], edges.time[1:])
    changes = changes_between(replace(after, relations={**after.relations, MADE_BY: fewer}), after)
    assert changes
    assert (changes.item_idx.tolist(), changes.user_idx.tolist()) == ([0], [])


def test_a_new_user_in_front_shifts_nobody(after: GraphSnapshot) -> None:
    users, x = after.nodes[USER], after.interactions
    shifted = replace(
        after,
        nodes={**after.nodes, USER: NodeTable(("a new one", *users.ids), ("", *users.names))},
        interactions=replace(x, user_idx=x.user_idx + 1),
    )
    changes = changes_between(after, shifted)
    assert (changes.n_users, changes.user_idx.tolist()) == (1, [])


def test_the_changed_and_a_sample_of_the_others_are_learned_from(after: GraphSnapshot) -> None:
    changes = changes_of_buyers(after)
    users = learned_from(after, changes, UPDATE, np.random.default_rng(0))
    assert set(BUYERS) <= set(users.tolist())
    assert len(users) == 3 + 2 * 3
    few = UpdateConfig(replay=0, min_users=1)
    assert learned_from(after, changes, few, np.random.default_rng(0)).tolist() == [*BUYERS]
    everyone = UpdateConfig(min_users=10_000)
    assert len(learned_from(after, changes, everyone, np.random.default_rng(0))) == 80
    part = interactions_of(after, np.array(BUYERS))
    assert np.unique(part.interactions.user_idx).tolist() == [*BUYERS]
    assert part.n_users == 80


def test_an_update_brings_a_new_item_into_the_lists_of_its_taste(after: GraphSnapshot, later: Hybrid) -> None:
    assert after.nodes[ITEM].ids[NEW_ITEM] == "i020"
    users = np.setdiff1d(np.arange(after.n_users), BUYERS)
    scores = Scorer(later).score(after.histories.take(users))
    listed = np.argsort(-scores, axis=1)[:, :12]  # ten items of a taste, eight of them bought at most
    has = (listed == NEW_ITEM).any(axis=1)
    of_taste = users % N_TASTES == TASTE
    assert has[of_taste].mean() > 0.9
    assert has[~of_taste].mean() < 0.2


def test_untouched_shoppers_keep_their_lists(
    before: GraphSnapshot, after: GraphSnapshot, earlier: Hybrid, later: Hybrid
) -> None:
    untouched = np.setdiff1d(np.arange(after.n_users), BUYERS)
    was = Scorer(earlier).score(before.histories.take(untouched))
    now = of_known_items(Scorer(later).score(after.histories.take(untouched)))
    correlations = [np.corrcoef(one, other)[0, 1] for one, other in zip(was, now, strict=True)]
    assert min(correlations) > 0.95


def test_an_update_walks_over_far_fewer_shoppers_than_a_training(
    after: GraphSnapshot, said: list[str]
) -> None:
    full: list[str] = []
    fit_hybrid(after, CONFIG, np.random.default_rng(0), full.append)
    epochs, all_epochs = (sum("epoch" in line for line in lines) for lines in (said, full))
    assert epochs == UPDATE.epochs
    changes = changes_of_buyers(after)
    n_shoppers = len(learned_from(after, changes, UPDATE, np.random.default_rng(0)))
    assert epochs * n_shoppers < 0.1 * all_epochs * after.n_users


def test_the_earlier_hybrid_and_all_that_was_learned_on_validation_stay(
    before: GraphSnapshot, earlier: Hybrid, later: Hybrid, after: GraphSnapshot
) -> None:
    scores = Scorer(earlier).score(before.histories)
    again = fit_hybrid(before, CONFIG, np.random.default_rng(0))
    np.testing.assert_array_equal(scores, Scorer(again).score(before.histories))
    assert later.weights == earlier.weights
    assert later.scales == earlier.scales
    assert later.calibration == earlier.calibration
    assert (earlier.n_items, later.n_items) == (before.n_items, after.n_items)


def test_every_model_is_there_and_the_graph_model_went_on(earlier: Hybrid, later: Hybrid) -> None:
    assert set(later.models) == set(earlier.models)
    was, now = earlier.models["linear"], later.models["linear"]
    assert isinstance(was, LinearKG)
    assert isinstance(now, LinearKG)
    moved = of_known_items(now.item_vectors.T).T - was.item_vectors
    assert 0 < np.linalg.norm(moved) < 0.3 * np.linalg.norm(was.item_vectors)
