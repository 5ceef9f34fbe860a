"""The one suite that every Recommender passes: subclass `RecommenderSuite`, name it Test…, define `make`."""

from dataclasses import replace
from pathlib import Path as FilePath

import numpy as np
import pytest

from graph.schema import ALSO_BOUGHT, MADE_BY
from shopgraph.types import (
    ITEM,
    USER,
    Edges,
    EdgeType,
    GraphSnapshot,
    Histories,
    Interactions,
    NodeRef,
    NodeTable,
    Path,
    PathEdge,
    Recommender,
)
from tests.planted import edges, planted_snapshot

LONELY_ITEM = 39
"""An item of `awkward_snapshot` that nobody touched and that no edge reaches."""
ONE_EVENT_USER, NO_EVENT_USER = 58, 59


class RecommenderSuite:
    """What holds for every model.

    `personal` is false for a model that ranks alike for everyone, such as popularity: it can't find
    the planted tastes.
    """

    personal = True

    def make(self) -> Recommender:
        """A new model, not fitted, small enough to fit `planted_snapshot()` in about a second."""
        raise NotImplementedError

    def reload(self, model: Recommender, folder: FilePath) -> Recommender:
        """The model saved to `folder` and loaded from it."""
        model.save(folder)  # type: ignore[attr-defined]  # the Protocol leaves saving to the classes
        return type(model).load(folder)  # type: ignore[attr-defined,no-any-return]  # as above

    def fitted(self, snapshot: GraphSnapshot, seed: int = 0) -> Recommender:
        model = self.make()
        model.fit(snapshot, np.random.default_rng(seed))
        return model

    def test_scores_are_finite_float32_and_not_all_alike(self) -> None:
        snapshot = planted_snapshot()
        scores = self.fitted(snapshot).score(snapshot.histories)
        assert scores.shape == (snapshot.n_users, snapshot.n_items)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
        assert scores[0].std() > 0

    def test_awkward_graph_gives_finite_scores(self) -> None:
        snapshot = awkward_snapshot()
        scores = self.fitted(snapshot).score(snapshot.histories)
        assert np.isfinite(scores).all()
        assert np.abs(scores[ONE_EVENT_USER]).max() > 0

    def test_empty_history_scores_zero(self) -> None:
        snapshot = awkward_snapshot()
        model = self.fitted(snapshot)
        nobody = snapshot.histories.row(NO_EVENT_USER)
        assert not model.score(nobody).any()
        assert sum(share.value for share in model.shares(nobody, 0)) == 0

    def test_no_histories_give_no_rows(self) -> None:
        snapshot = planted_snapshot()
        none = snapshot.histories.take(np.array([], np.int64))
        assert self.fitted(snapshot).score(none).shape == (0, snapshot.n_items)

    def test_batch_equals_one_by_one(self) -> None:
        snapshot = awkward_snapshot()
        model = self.fitted(snapshot)
        batch = model.score(snapshot.histories)
        single = np.concatenate([model.score(snapshot.histories.row(n)) for n in range(snapshot.n_users)])
        np.testing.assert_allclose(batch, single, atol=1e-5)

    def test_same_seed_gives_the_same_scores(self) -> None:
        snapshot = planted_snapshot()
        first = self.fitted(snapshot, seed=3).score(snapshot.histories)
        np.testing.assert_allclose(first, self.fitted(snapshot, seed=3).score(snapshot.histories), atol=1e-5)

    def test_loaded_model_scores_and_explains_the_same(self, tmp_path: FilePath) -> None:
        snapshot = awkward_snapshot()
        model = self.fitted(snapshot)
        loaded = self.reload(model, tmp_path)
        assert (loaded.name, loaded.exactness) == (model.name, model.exactness)
        np.testing.assert_array_equal(loaded.score(snapshot.histories), model.score(snapshot.histories))
        history = snapshot.histories.row(0)
        assert list(loaded.shares(history, 7)) == list(model.shares(history, 7))

    def test_shares_sum_to_the_score(self) -> None:
        snapshot = awkward_snapshot()
        model = self.fitted(snapshot)
        for user in (0, 1, ONE_EVENT_USER, NO_EVENT_USER):
            history = snapshot.histories.row(user)
            scores = model.score(history)[0]
            targets = {0, 1, 7, LONELY_ITEM, *history.item_idx.tolist()}
            for item_idx in targets:
                total = sum(share.value for share in model.shares(history, item_idx))
                assert total == pytest.approx(scores[item_idx], abs=1e-4)

    def test_shares_start_at_past_items_and_walk_real_edges(self) -> None:
        snapshot = awkward_snapshot()
        model = self.fitted(snapshot)
        history = snapshot.histories.row(0)
        for item_idx in (4, 7, LONELY_ITEM):
            for share in model.shares(history, item_idx):
                assert share.past_item_idx is None or share.past_item_idx in history.item_idx
                if share.kind == "path":
                    assert share.path[0] == NodeRef(ITEM, share.past_item_idx or 0)
                    assert share.path[-1] == NodeRef(ITEM, item_idx)
                    assert_path_exists(snapshot, share.path)
                else:
                    assert share.path == ()

    def test_planted_pattern_is_found(self) -> None:
        if not self.personal:
            pytest.skip("this model ranks alike for everyone")
        assert self.auc_of_last_event(planted_snapshot()) > 0.9

    def test_shuffled_pattern_is_not_found(self) -> None:
        assert self.auc_of_last_event(planted_snapshot(shuffled=True)) == pytest.approx(0.5, abs=0.15)

    def auc_of_last_event(self, snapshot: GraphSnapshot) -> float:
        """Mean share of the items new to a user that score below the one of their unseen last event."""
        train, targets = without_last_event(snapshot)
        scores = self.fitted(train).score(train.histories)
        own = scores[np.arange(len(targets)), targets][:, None]
        new = np.ones(scores.shape, np.bool_)
        new[train.histories.owners(), train.histories.item_idx] = False
        new[np.arange(len(targets)), targets] = False
        below = np.where(scores < own, 1.0, np.where(scores == own, 0.5, 0.0))
        return float(((below * new).sum(1) / new.sum(1)).mean())


def awkward_snapshot(with_text: bool = False) -> GraphSnapshot:
    """The planted snapshot with a lonely item, doubled edges, item–item edges, a relation without
    edges, a user with one event, a user with none and a user who bought one item twice.
    """
    snapshot = planted_snapshot(with_text=with_text)
    relations = {
        edge_type: _select(found, found.src != LONELY_ITEM) for edge_type, found in snapshot.relations.items()
    }
    doubled = np.repeat(np.arange(len(relations[MADE_BY])), 2)
    relations[MADE_BY] = _select(relations[MADE_BY], doubled)
    relations[ALSO_BOUGHT] = edges([0, 0, 1, 7], [4, 7, 5, 0])
    relations[EdgeType(ITEM, "SOLD_WITH", "Voucher")] = edges([], [])
    relations[EdgeType(USER, "FOLLOWS", USER)] = edges([0, 1], [1, 2])
    x = snapshot.interactions
    keep = (x.item_idx != LONELY_ITEM) & (x.user_idx < ONE_EVENT_USER)
    keep[np.flatnonzero((x.user_idx == ONE_EVENT_USER) & (x.item_idx != LONELY_ITEM))[:1]] = True
    rows = np.flatnonzero(keep)
    rows = np.sort(np.append(rows, rows[0]))
    return replace(
        snapshot,
        nodes={**snapshot.nodes, "Voucher": NodeTable((), ())},
        relations=relations,
        interactions=_events(x, rows),
    )


def without_last_event(snapshot: GraphSnapshot) -> tuple[GraphSnapshot, np.ndarray]:
    """The snapshot less each user's last event, and the items of those events, one per user."""
    x = snapshot.interactions
    last = snapshot.histories.indptr[1:] - 1
    train = replace(snapshot, interactions=_events(x, np.setdiff1d(np.arange(len(x)), last)))
    return train, x.item_idx[last]


def assert_path_exists(snapshot: GraphSnapshot, path: Path) -> None:
    """Every step of the path is an edge of the snapshot."""
    for start, step, end in zip(path[:-2:2], path[1:-1:2], path[2::2], strict=True):
        assert isinstance(start, NodeRef)
        assert isinstance(step, PathEdge)
        assert isinstance(end, NodeRef)
        src, dst = (start, end) if step.forward else (end, start)
        found: Edges = snapshot.relations[EdgeType(src.label, step.relation, dst.label)]
        assert ((found.src == src.idx) & (found.dst == dst.idx)).any(), (start, step, end)


def one_history(snapshot: GraphSnapshot, items: list[int], type_code: int, days_ago: list[int]) -> Histories:
    """A history of these items, all of one event type."""
    now = int(snapshot.now.timestamp())
    return Histories(
        np.array([0, len(items)], np.int64),
        np.array(items, np.int32),
        np.full(len(items), type_code, np.int8),
        np.ones(len(items), np.float32),
        np.array([now - 86_400 * days for days in days_ago], np.int64),
        snapshot.now,
    )


def _select(found: Edges, rows: np.ndarray) -> Edges:
    return Edges(found.src[rows], found.dst[rows], found.weight[rows], found.time[rows])


def _events(x: Interactions, rows: np.ndarray) -> Interactions:
    return Interactions(x.user_idx[rows], x.item_idx[rows], x.type_code[rows], x.value[rows], x.time[rows])
