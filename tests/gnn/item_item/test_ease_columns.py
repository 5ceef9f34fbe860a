from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.days import as_of
from gnn.history import snapshot_matrix, type_weight_vector
from gnn.item_item.ease import EaseSystem, ease_system, item_memberships
from gnn.item_item.ease_columns import inverse_columns
from gnn.item_item.model import Ease, ItemItemConfig
from shopgraph.types import FloatMatrix, GraphSnapshot, Interactions, IntVector
from tests.planted import planted_snapshot

CONFIG = ItemItemConfig(l2=5.0, top_k=200, dropout=0.1)
LATEST_S = 43_200


def system_of(snapshot: GraphSnapshot) -> EaseSystem:
    interactions = snapshot_matrix(snapshot, type_weight_vector(snapshot.event_types, {}))
    sides = [(0.5, members) for _, members in item_memberships(snapshot)]
    return ease_system(interactions, sides, l2=5.0, dropout=0.1)


def dense(system: EaseSystem) -> FloatMatrix:
    x = system.interactions.toarray()
    gram: FloatMatrix = x.T @ x + np.diag(system.ridge)
    for weight, members in system.sides:
        gram += weight * members.toarray() @ members.toarray().T
    return gram


def fitted(snapshot: GraphSnapshot, config: ItemItemConfig = CONFIG) -> Ease:
    model = Ease(config)
    model.fit(snapshot, np.random.default_rng(0))
    return model


def until_lately(snapshot: GraphSnapshot) -> tuple[GraphSnapshot, IntVector]:
    """(the snapshot without its last hours, the items of those hours)."""
    x = snapshot.interactions
    early = x.time < snapshot.now.timestamp() - LATEST_S
    before = replace(snapshot, interactions=Interactions(*(column[early] for column in vars(x).values())))
    changed = np.unique(x.item_idx[~early])
    assert 0 < len(changed) <= snapshot.n_items // 8
    return before, changed


def test_columns_are_those_of_the_inverse() -> None:
    system = system_of(planted_snapshot())
    columns = np.array([3, 17, 38])
    whole = np.linalg.inv(dense(system).astype(np.float64))
    np.testing.assert_allclose(inverse_columns(system, columns), whole[:, columns], atol=2e-3 * whole.max())


def test_going_on_is_nearer_to_a_fit_than_what_was_and_exact_for_what_changed() -> None:
    snapshot = planted_snapshot(n_users=200, n_items=160, n_events=12)
    before, changed = until_lately(snapshot)
    earlier, exact = fitted(before), fitted(snapshot)
    later = earlier.gone_on(snapshot, np.arange(snapshot.n_items, dtype=np.int32), changed)
    was, now, goal = (model.score(snapshot.histories) for model in (earlier, later, exact))
    assert np.linalg.norm(now - goal) < 0.65 * np.linalg.norm(was - goal)
    np.testing.assert_allclose(now[:, changed], goal[:, changed], atol=0.02 * goal.max())


def test_a_new_item_gets_its_row_and_column_and_the_others_keep_theirs() -> None:
    snapshot = planted_snapshot(n_users=100)
    earlier = fitted(snapshot)
    known = np.delete(np.arange(snapshot.n_items), 20)
    x = snapshot.interactions
    old = Interactions(*(column[x.item_idx != 20] for column in vars(x).values()))
    without = fitted(replace(snapshot, interactions=old))
    rows = np.arange(snapshot.n_items, dtype=np.int32)
    rows[20] = -1  # as if item 20 had not been there: its row and column must not be read
    later = without.gone_on(snapshot, rows, np.array([20], np.int32))
    goal, found = earlier.score(snapshot.histories), later.score(snapshot.histories)
    np.testing.assert_allclose(found[:, 20], goal[:, 20], atol=0.02 * goal.max())
    assert np.corrcoef(found[:, known].ravel(), goal[:, known].ravel())[0, 1] > 0.99


@pytest.mark.parametrize("config", [CONFIG, CONFIG.model_copy(update={"half_life_days": 30.0})])
def test_where_much_changed_or_events_fade_all_is_computed_anew(config: ItemItemConfig) -> None:
    snapshot = planted_snapshot(n_users=200, n_items=160, n_events=12)
    before, changed = until_lately(snapshot)
    if config.half_life_days is None:
        changed = np.arange(snapshot.n_items, dtype=np.int32)
    rows = np.arange(snapshot.n_items, dtype=np.int32)
    later = fitted(before, config).gone_on(snapshot, rows, changed)
    exact = fitted(snapshot, config)
    np.testing.assert_array_equal(later.score(snapshot.histories), exact.score(snapshot.histories))


def test_a_model_goes_on_as_well_after_saving(tmp_path: Path) -> None:
    snapshot = planted_snapshot(n_users=200, n_items=160, n_events=12)
    before, changed = until_lately(snapshot)
    earlier = fitted(before)
    earlier.save(tmp_path)
    again = Ease.load(tmp_path)
    assert isinstance(again, Ease)
    rows = np.arange(snapshot.n_items, dtype=np.int32)
    one, other = (model.gone_on(snapshot, rows, changed) for model in (earlier, again))
    np.testing.assert_array_equal(one.score(snapshot.histories), other.score(snapshot.histories))


def test_where_no_item_changed_and_where_one_is_gone_the_rest_stays() -> None:
    snapshot = planted_snapshot(n_users=100)
    model, everything = fitted(snapshot), np.arange(snapshot.n_items, dtype=np.int32)
    none = np.zeros(0, np.int32)
    same = model.gone_on(snapshot, everything, none)
    np.testing.assert_allclose(same.score(snapshot.histories), model.score(snapshot.histories), rtol=1e-5)
    past = as_of(with_late_item(snapshot, 7), snapshot.now)
    fewer = model.gone_on(past, np.delete(everything, 7), none)
    without = [7 not in snapshot.histories.row(user).item_idx for user in range(snapshot.n_users)]
    users = np.flatnonzero(without)
    goal = np.delete(model.score(snapshot.histories.take(users)), 7, axis=1)
    np.testing.assert_allclose(fewer.score(past.histories.take(users)), goal, rtol=1e-5)


def with_late_item(snapshot: GraphSnapshot, item_idx: int) -> GraphSnapshot:
    """The shop where one item is made known only after now."""
    created = np.zeros(snapshot.n_items, np.int64)
    created[item_idx] = int(snapshot.now.timestamp()) + 1
    return replace(snapshot, items=replace(snapshot.items, created_at=created))
