"""What the peers are told, against a graph small enough to count by hand; and their metric against ours."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evaluation.harness import evaluate
from gnn.popularity import Popularity
from ranking.holdout import hold_out
from shopgraph.benches.peers import Limits
from shopgraph.benches.task import Split, write_task
from shopgraph.types import GraphSnapshot, Histories, Interactions
from tests.planted import PURCHASE, VIEW, planted_snapshot

COMMON = Path(__file__).parents[3] / "benchmarks" / "peers" / "common.py"


@pytest.fixture(scope="module")
def common() -> ModuleType:
    """The peers' shared script, as a module."""
    spec = importlib.util.spec_from_file_location("peers_common", COMMON)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _split(train: GraphSnapshot, seed: int = 0) -> Split:
    rng = np.random.default_rng(seed)
    train, heldout = hold_out(train, "random", rng)
    return Split(train, heldout, *hold_out(train, "random", rng))


def test_a_pair_counts_all_its_events_and_stands_where_the_last_one_was(tmp_path: Path) -> None:
    # user 0 bought item 2, viewed item 1, bought item 2 again; user 1 only viewed item 3
    snapshot = planted_snapshot(n_users=2, n_items=4)
    types = np.array([PURCHASE, VIEW, PURCHASE, VIEW], np.int8)
    columns = (np.array([0, 0, 0, 1], np.int32), np.array([2, 1, 2, 3], np.int32), types)
    told = Interactions(*columns, np.ones(4, np.float32), np.arange(4, dtype=np.int64))
    train = replace(snapshot, interactions=told)
    write_task(tmp_path, replace(_split(planted_snapshot()), train=train), Limits(), seed=0)
    written = np.load(tmp_path / "train.npz")
    view = snapshot.event_types[VIEW].default_weight / snapshot.event_types[PURCHASE].default_weight
    assert written["indptr"].tolist() == [0, 2, 3]
    assert written["item_idx"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(written["weight"], [view, 2, view])
    assert written["place"].tolist() == [1, 2, 0]
    assert written["owned"].tolist() == [False, True, False]


def test_items_keep_their_numbers_as_entities(tmp_path: Path) -> None:
    split = _split(planted_snapshot(n_items=40, n_tastes=4))
    write_task(tmp_path, split, Limits(), seed=0)
    triples = np.load(tmp_path / "triples.npy")
    assert len(triples) == 80  # each item has a brand and a category
    assert sorted(set(triples[:, 0])) == list(range(40))
    # 40 items, then 4 brands and 4 categories; an item's taste is its number's rest by 4
    np.testing.assert_array_equal((triples[:, 2] - 40) % 4, triples[:, 0] % 4)


def test_the_task_is_read_as_it_was_written(common: ModuleType, tmp_path: Path) -> None:
    split = _split(planted_snapshot())
    write_task(tmp_path, split, Limits(seconds=7, epochs=3, settings=2, threads=1), seed=5)
    task = common.read_task(tmp_path)
    assert (task.n_users, task.n_items) == (split.train.n_users, split.train.n_items)
    assert (task.seconds, task.max_epochs, task.max_settings, task.seed) == (7, 3, 2, 5)
    np.testing.assert_array_equal(task.validation_users, split.validation.user_idx)
    np.testing.assert_array_equal(task.validation_items.indices, split.validation.item_idx)
    assert task.part.weights.nnz + len(split.validation.item_idx) <= task.train.weights.nnz


def test_the_peers_lists_and_metric_are_ours(common: ModuleType, tmp_path: Path) -> None:
    split = _split(planted_snapshot())
    write_task(tmp_path, split, Limits(), seed=0)
    task = common.read_task(tmp_path)
    popularity = Popularity()
    popularity.fit(split.part, np.random.default_rng(0))

    def score(histories: Histories) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return popularity.score(histories)

    ours = evaluate({"popularity": score}, split.part, split.validation)["popularity"]
    everyone = popularity.score(split.part.histories)
    lists = common.top_lists(lambda rows: everyone[rows], task.validation_users, task.part.owned)
    np.testing.assert_array_equal(lists, ours.ranked)
    assert common.mean_ndcg(lists, task.validation_items) == pytest.approx(ours.per_user["ndcg@10"].mean())


def test_a_watch_stops_when_validation_gets_no_better(common: ModuleType) -> None:
    scores = iter([0.1, 0.3, 0.2, 0.25, 0.9])
    watch = common.Watch(max_epochs=10, validate=lambda _: next(scores), patience=2)
    while watch.go_on(None):
        pass
    assert (watch.epoch, watch.best_epoch, watch.best, watch.stopped) == (4, 2, 0.3, "no better")


def test_a_refit_lasts_as_many_epochs_as_were_best(common: ModuleType) -> None:
    watch = common.Watch(max_epochs=3)
    while watch.go_on(None):
        pass
    assert watch.epoch == 3
