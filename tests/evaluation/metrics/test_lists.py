"""Which places are hits, and all ranking metrics together: properties, a slow reference, ir-measures."""

import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.hit_rate import hit_rate_at_k
from evaluation.metrics.lists import hits_of
from evaluation.metrics.ndcg import ndcg_at_k
from evaluation.metrics.precision import precision_at_k
from evaluation.metrics.recall import recall_at_k
from shopgraph.types import Heldout

METRICS = {"ndcg": ndcg_at_k, "recall": recall_at_k, "hr": hit_rate_at_k, "precision": precision_at_k}
N_ITEMS = 12


def heldout_of(relevant: list[list[int]]) -> Heldout:
    indptr = np.cumsum([0, *map(len, relevant)])
    return Heldout(
        np.arange(len(relevant), dtype=np.int32),
        indptr.astype(np.int64),
        np.array([item for items in relevant for item in items], np.int32),
    )


@st.composite
def lists_and_relevant(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]]]:
    n_users = draw(st.integers(1, 4))
    items = st.integers(0, N_ITEMS - 1)
    ranked = [draw(st.lists(items, unique=True, max_size=8)) for _ in range(n_users)]
    relevant = [draw(st.lists(items, unique=True, min_size=1, max_size=8)) for _ in range(n_users)]
    return ranked, relevant


def padded(ranked: list[list[int]], width: int) -> np.ndarray:
    return np.array([[*items, *[-1] * (width - len(items))] for items in ranked], np.int32)


def slow(name: str, ranked: list[int], relevant: list[int], k: int) -> float:
    hits = [item in relevant for item in ranked[:k]]
    match name:
        case "ndcg":
            gain = sum(1 / math.log2(place + 2) for place, hit in enumerate(hits) if hit)
            return gain / sum(1 / math.log2(place + 2) for place in range(min(k, len(relevant))))
        case "recall":
            return sum(hits) / len(relevant)
        case "hr":
            return float(any(hits))
        case _:
            return sum(hits) / k


def test_hits_are_found_by_user_and_place() -> None:
    ranked = np.array([[3, 1], [1, 3], [-1, -1]], np.int32)
    hits = hits_of(ranked, heldout_of([[3], [3, 0], [0]]))
    assert hits.tolist() == [[True, False], [False, True], [False, False]]


def test_missing_places_never_hit_the_neighbours_last_item() -> None:
    hits = hits_of(np.array([[0, -1], [-1, -1]], np.int32), heldout_of([[5], [5]]))
    assert not hits.any()


@given(lists_and_relevant(), st.integers(1, 10))
def test_metrics_equal_the_slow_reference_and_stay_within_bounds(
    drawn: tuple[list[list[int]], list[list[int]]], k: int
) -> None:
    ranked, relevant = drawn
    hits = hits_of(padded(ranked, 8), heldout_of(relevant))
    n_relevant = np.array([len(items) for items in relevant], np.int32)
    for name, metric in METRICS.items():
        values = metric(hits, n_relevant, k)
        expected = [slow(name, *user, k) for user in zip(ranked, relevant, strict=True)]
        np.testing.assert_allclose(values, expected)
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()


@given(lists_and_relevant())
def test_moving_a_hit_forward_never_hurts(drawn: tuple[list[list[int]], list[list[int]]]) -> None:
    ranked, relevant = drawn
    hits = hits_of(padded(ranked, 8), heldout_of(relevant))
    n_relevant = np.array([len(items) for items in relevant], np.int32)
    better = -np.sort(-hits.astype(int), axis=1) > 0
    for k in (1, 3, 10):
        assert (ndcg_at_k(better, n_relevant, k) >= ndcg_at_k(hits, n_relevant, k) - 1e-12).all()


@pytest.mark.parametrize("k", [1, 5, 10])
def test_metrics_equal_ir_measures(k: int) -> None:
    rng = np.random.default_rng(k)
    ranked = [rng.permutation(40)[: rng.integers(1, 12)].tolist() for _ in range(60)]
    relevant = [rng.permutation(40)[: rng.integers(1, 15)].tolist() for _ in range(60)]
    theirs = {
        "ndcg": ir_measures.nDCG @ k,
        "recall": ir_measures.R @ k,
        "hr": ir_measures.Success @ k,
        "precision": ir_measures.P @ k,
    }
    qrels = [ir_measures.Qrel(f"{u}", f"{item}", 1) for u, items in enumerate(relevant) for item in items]
    run = [
        ir_measures.ScoredDoc(f"{u}", f"{item}", -float(place))
        for u, items in enumerate(ranked)
        for place, item in enumerate(items)
    ]
    found = ir_measures.calc_aggregate(list(theirs.values()), qrels, run)
    hits = hits_of(padded(ranked, 12), heldout_of(relevant))
    n_relevant = np.array([len(items) for items in relevant], np.int32)
    for name, metric in METRICS.items():
        assert metric(hits, n_relevant, k).mean() == pytest.approx(found[theirs[name]], abs=1e-6)
