from collections.abc import Mapping

import numpy as np
import pytest
from scipy import sparse

from ranking.config import FusionConfig
from ranking.fusion import collect_rows, collect_validation, learn_weights
from ranking.holdout import bought, hold_out
from ranking.listwise import most_likely
from shopgraph.types import FloatMatrix, Heldout, Histories
from tests.planted import NOW, planted_snapshot
from tests.ranking.test_listwise import N_ITEMS, drawn


def one_event_each(n_users: int) -> Histories:
    every = np.arange(n_users, dtype=np.int32)
    time = np.zeros(n_users, np.int64)
    item = np.zeros(n_users, np.int32)
    return Histories(
        np.arange(n_users + 1), item, np.zeros(n_users, np.int8), np.ones_like(every, np.float32), time, NOW
    )


def test_sampled_candidates_give_nearly_the_weights_of_all() -> None:
    values, relevant = drawn([1.5, 0.5], n_users=2000)
    histories = one_event_each(2000)
    heldout = Heldout(
        np.arange(2000, dtype=np.int32), np.arange(2001), relevant.argmax(axis=1).astype(np.int32)
    )
    place = iter(range(2000))

    def parts(batch: Histories) -> Mapping[str, FloatMatrix]:
        rows = [next(place) for _ in range(len(batch))]
        return {"graph": values[rows, :, 0], "newness": values[rows, :, 1]}

    nothing = sparse.csr_array((2000, N_ITEMS), dtype=np.bool_)
    config = FusionConfig(n_candidates=20, n_hard=5, max_users=2000)
    rows = collect_rows(parts, histories, heldout, nothing, [], config, np.random.default_rng(0))
    assert rows.values.shape == (2, 2000, 20)
    assert rows.relevant.sum() == 2000
    np.testing.assert_allclose(np.exp(rows.log_weight).sum(axis=1), N_ITEMS, rtol=1e-5)
    assert most_likely(rows, l2=0.0) == pytest.approx([1.5, 0.5], abs=0.15)


def test_what_is_bought_is_never_ranked() -> None:
    snapshot = planted_snapshot()
    train, heldout = hold_out(snapshot, "random", np.random.default_rng(0), share=0.3)
    is_bought = bought(train.histories, train)

    def parts(batch: Histories) -> Mapping[str, FloatMatrix]:
        return {"graph": np.tile(np.arange(40, dtype=np.float32), (len(batch), 1))}

    rows = collect_rows(
        parts, train.histories, heldout, is_bought, [], FusionConfig(), np.random.default_rng(0)
    )
    for row, user in enumerate(rows.user_idx):
        items = rows.values[0, row].astype(int)
        padding = rows.log_weight[row] < -1e20
        assert set(items[padding]) == set(is_bought[[user]].indices)


def test_each_choice_learns_its_own_weights() -> None:
    snapshot = planted_snapshot(n_users=200)
    train, heldout = hold_out(snapshot, "random", np.random.default_rng(0), share=0.3)
    taste = np.arange(40) % 4

    def parts(batch: Histories) -> Mapping[str, FloatMatrix]:
        own = taste[batch.item_idx[batch.indptr[:-1]]]
        good = (own[:, None] == taste).astype(np.float32)
        return {"graph": good, "popularity": np.zeros_like(good)}

    choices = {"": ("graph", "popularity"), "graph": ("popularity",)}
    rows = collect_validation(
        parts, train, heldout, choices.values(), FusionConfig(), np.random.default_rng(0)
    )
    learned = {choice: learn_weights(rows.only(names), FusionConfig()) for choice, names in choices.items()}
    assert learned[""].weights["graph"] > 1
    assert list(learned["graph"].weights) == ["popularity"]
    assert learned[""].ndcg > 2 * learned["graph"].ndcg


def test_what_was_bought_can_be_found_again_where_repeats_count() -> None:
    snapshot = planted_snapshot(n_users=100)
    histories = snapshot.histories
    again = histories.item_idx[histories.indptr[:-1]]
    heldout = Heldout(np.arange(100, dtype=np.int32), np.arange(101), again)

    def parts(batch: Histories) -> Mapping[str, FloatMatrix]:
        return {"features": (again[batch.user_idx][:, None] == np.arange(40)).astype(np.float32)}

    rows = collect_validation(
        parts, snapshot, heldout, [["features"]], FusionConfig(), np.random.default_rng(0), repeats=True
    )
    assert learn_weights(rows, FusionConfig()).ndcg == pytest.approx(1)
