from dataclasses import replace

import numpy as np
import pytest

from gnn.history import float_csr
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from gnn.linear.tasks import Tasks
from gnn.training.board import EpochReport
from shopgraph.types import GraphSnapshot, Heldout
from tests.gnn.recommender_suite import without_last_event
from tests.planted import planted_snapshot

SMALL = LinearKGConfig(dim=8, epochs=12, batch_size=16, min_degree=1)


def with_events(snapshot: GraphSnapshot, names: list[str], stars: list[float]) -> GraphSnapshot:
    """The snapshot, its events called so, over and over, and rated with so many stars."""
    x = snapshot.interactions
    codes = {event.name: code for code, event in enumerate(snapshot.event_types)}
    called = np.array([codes[name] for name in names], np.int8)[np.arange(len(x)) % len(names)]
    rated = np.array(stars, np.float32)[np.arange(len(x)) % len(stars)]
    value = np.where(called == codes["rate"], rated, 1).astype(np.float32)
    return replace(snapshot, interactions=replace(x, type_code=called, value=value))


def tasks_of(snapshot: GraphSnapshot, tasks: dict[str, float]) -> Tasks:
    config = SMALL.model_copy(update={"tasks": tasks})
    return Tasks(snapshot.histories, snapshot.n_items, snapshot.event_types, config)


def test_each_task_looks_for_what_was_met_by_its_event() -> None:
    snapshot = with_events(planted_snapshot(), ["view_item", "purchase", "rate"], [4, 2])
    tasks = tasks_of(snapshot, {"purchase": 1.0, "rate": 0.5})
    history = snapshot.histories.row(3)
    items = np.unique(history.item_idx)
    everything = float_csr(np.full(len(items), 0.3, np.float32), items, np.array([0, len(items)]), 40)
    found = tasks.targets(np.array([3]), everything)
    for name, matrix in zip(("purchase", "rate"), found, strict=True):
        code = [event.name for event in snapshot.event_types].index(name)
        met = history.type_code == code
        assert matrix.indices.tolist() == np.unique(history.item_idx[met]).tolist()
        expected = [history.value[met & (history.item_idx == item)].max() for item in matrix.indices]
        assert matrix.data.tolist() == (expected if name == "rate" else [1.0] * matrix.nnz)
    first = float_csr(np.ones(1, np.float32), items[:1], np.array([0, 1]), 40)
    assert all(set(matrix.indices) <= {items[0]} for matrix in tasks.targets(np.array([3]), first))


def test_without_tasks_all_that_is_left_out_is_looked_for() -> None:
    snapshot = planted_snapshot()
    matrix = float_csr(np.array([0.3], np.float32), np.array([2]), np.array([0, 1]), 40)
    (found,) = tasks_of(snapshot, {}).targets(np.array([0]), matrix)
    assert found is matrix
    assert not list(tasks_of(snapshot, {}).parameters())


def test_an_event_that_the_shop_does_not_know_is_named() -> None:
    with pytest.raises(ValueError, match="unknown event 'buy'"):
        tasks_of(planted_snapshot(), {"buy": 1.0})


def test_several_tasks_find_the_pattern_from_one_set_of_vectors() -> None:
    snapshot = with_events(planted_snapshot(), ["view_item", "purchase", "add_to_cart", "rate"], [4, 2])
    train, targets = without_last_event(snapshot)
    heldout = Heldout(
        np.arange(len(targets), dtype=np.int32), np.arange(len(targets) + 1), targets.astype(np.int32)
    )
    reached = []
    for tasks in ({}, {"purchase": 1.0, "view_item": 0.3, "add_to_cart": 0.5, "rate": 0.1}):
        reports: list[EpochReport] = []
        config = SMALL.model_copy(update={"tasks": tasks})
        model = LinearKG(config, validation=heldout, on_epoch=reports.append)
        model.fit(train, np.random.default_rng(0))
        reached.append(max(report.ndcg or 0 for report in reports))
        assert reports[-1].loss < 0.9 * reports[0].loss
    assert reached[1] > 0.8 * reached[0]


def test_stars_alone_teach_who_likes_what() -> None:
    """Everybody rates all they touch: 5 stars for the own taste (item % 4), else 1; no other loss."""
    snapshot = with_events(planted_snapshot(n_users=200, n_events=20), ["rate"], [5])
    rng = np.random.default_rng(1)
    x = snapshot.interactions
    items = rng.integers(0, 40, len(x)).astype(np.int32)
    stars = np.where(items % 4 == x.user_idx % 4, 5, 1).astype(np.float32)
    rated = replace(snapshot, interactions=replace(x, item_idx=items, value=stars))
    model = LinearKG(SMALL.model_copy(update={"tasks": {"rate": 1.0}, "epochs": 40, "learning_rate": 0.02}))
    model.fit(rated, np.random.default_rng(0))
    scores = model.score(rated.histories)
    own = np.arange(40)[None, :] % 4 == np.arange(200)[:, None] % 4
    above = [(scores[u, own[u]][:, None] > scores[u, ~own[u]]).mean() for u in range(200)]
    assert np.mean(above) > 0.8
