"""What the peers are told, against a graph small enough to count by hand; and their metric against ours."""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evaluation.cold import View, cold_items, cold_users
from evaluation.harness import evaluate
from gnn.popularity import Popularity
from ranking.config import HybridConfig
from ranking.holdout import bought, hold_out
from shopgraph.benches.peers import Limits
from shopgraph.benches.task import Split, write_task
from shopgraph.types import GraphSnapshot, Histories, Interactions
from tests.planted import PURCHASE, VIEW, planted_snapshot

COMMON = Path(__file__).parents[3] / "benchmarks" / "peers" / "common.py"


@pytest.fixture(scope="module")
def common() -> Iterator[ModuleType]:
    """The peers' shared script, as a module."""
    sys.path.insert(0, str(COMMON.parent))
    spec = importlib.util.spec_from_file_location("peers_common", COMMON)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(COMMON.parent))


def _split(train: GraphSnapshot, seed: int = 0, *, repeats: bool = False) -> Split:
    rng = np.random.default_rng(seed)
    train, heldout = hold_out(train, "random", rng)
    part, validation = hold_out(train, "random", rng)
    return Split(train, train, {"split": View(heldout)}, part, validation, repeats, HybridConfig())


def test_a_pair_counts_all_its_events_and_stands_where_the_last_one_was(tmp_path: Path) -> None:
    # user 0 bought item 2, viewed item 1, bought item 2 again; user 1 only viewed item 3
    snapshot = planted_snapshot(n_users=2, n_items=4)
    types = np.array([PURCHASE, VIEW, PURCHASE, VIEW], np.int8)
    columns = (np.array([0, 0, 0, 1], np.int32), np.array([2, 1, 2, 3], np.int32), types)
    told = Interactions(*columns, np.ones(4, np.float32), np.arange(4, dtype=np.int64))
    train = replace(snapshot, interactions=told)
    split = replace(_split(planted_snapshot()), train=train, views={})
    write_task(tmp_path, split, Limits(), seed=0)
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


def test_with_repeats_a_peer_lists_what_was_bought(common: ModuleType, tmp_path: Path) -> None:
    split = _split(planted_snapshot(), repeats=True)
    write_task(tmp_path, split, Limits(), seed=0)
    task = common.read_task(tmp_path)
    bought_most = task.train.owned.toarray()
    fitted = common.Fitted(lambda rows: bought_most[rows], 0)
    lists, unanswered = common.answers(task, fitted)
    assert not unanswered
    users = split.views["split"].heldout.user_idx
    owned = bought(split.train.histories.take(users), split.train).toarray()
    assert owned[np.arange(len(users)), lists["split"][:, 0]].all()


def test_a_cold_user_is_told_by_what_is_given_alone(common: ModuleType, tmp_path: Path) -> None:
    train, heldout = hold_out(planted_snapshot(n_users=200), "last", np.random.default_rng(0))
    cut = cold_users(train, heldout, np.random.default_rng(0), ordered=True)
    split = replace(_split(train), train=cut.train, known=cut.known, views=cut.views)
    write_task(tmp_path, split, Limits(), seed=0)
    task = common.read_task(tmp_path)
    view = task.views["given_1"]
    assert task.train.weights[view.users].nnz == 0
    assert view.given.weights.getnnz(axis=1).max() == 1
    nobody = common.Fitted(lambda rows: np.zeros((len(rows), task.n_items)), 0)
    assert set(common.answers(task, nobody)[1]) == set(cut.views)
    past = common.Fitted(nobody.scores, 0, lambda given, rows: given.weights[rows].toarray())
    lists, unanswered = common.answers(task, past)
    assert not unanswered
    # all of the past is known, so the one item that is given may not be listed
    assert not view.known.owned[np.arange(len(view.users)), lists["given_1"][:, 0]].any()


def test_nobody_is_asked_for_items_that_no_peer_has_met(common: ModuleType, tmp_path: Path) -> None:
    train, heldout = hold_out(planted_snapshot(n_users=200), "last", np.random.default_rng(0))
    cut = cold_items(train, heldout, np.random.default_rng(0))
    split = replace(_split(train), train=cut.train, known=cut.known, views=cut.views)
    write_task(tmp_path, split, Limits(), seed=0)
    task = common.read_task(tmp_path)
    fitted = common.Fitted(lambda rows: np.ones((len(rows), task.n_items)), 0)
    lists, unanswered = common.answers(task, fitted)
    assert unanswered == {"cold_among_cold": "it knows nothing of items without interactions"}
    warm = lists["warm_among_warm"]
    assert task.views["warm_among_warm"].among[warm[warm >= 0]].all()


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
