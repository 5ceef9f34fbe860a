from collections.abc import Callable

import numpy as np
import pytest

from ranking.listwise import (
    FusionRows,
    HalvesNdcg,
    _Likelihood,
    _SmoothNdcg,
    best_ranking,
    calibrated,
    most_likely,
    search,
)

N_ITEMS = 60


def drawn(weights: list[float], n_users: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random parts, and one item a user drawn from the softmax of their weighted sum."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_users, N_ITEMS, len(weights))).astype(np.float32)
    scores = values @ np.array(weights) + rng.gumbel(size=(n_users, N_ITEMS))
    relevant = np.zeros((n_users, N_ITEMS), np.bool_)
    relevant[np.arange(n_users), scores.argmax(axis=1)] = True
    return values, relevant


def rows_of(values: np.ndarray, relevant: np.ndarray, log_weight: np.ndarray | None = None) -> FusionRows:
    if log_weight is None:
        log_weight = np.zeros(relevant.shape, np.float32)
    names = tuple("abcdef"[: values.shape[2]])
    users = np.arange(len(values), dtype=np.int32)
    by_part = np.ascontiguousarray(np.moveaxis(values, -1, 0))
    return FusionRows(names, by_part, relevant, log_weight, users, np.ones_like(users))


def test_the_weights_that_drew_the_items_are_the_most_likely() -> None:
    found = most_likely(rows_of(*drawn([1.5, 0.5, 0.0])), l2=0.0)
    assert found == pytest.approx([1.5, 0.5, 0.0], abs=0.1)


def test_no_weight_falls_below_zero() -> None:
    rows = rows_of(*drawn([-1.0, 1.0], n_users=500))
    likely = most_likely(rows, l2=1e-4)
    ranked = best_ranking(rows, likely, l2=1e-4)
    for weights in (likely, ranked, search(rows, ranked, 3)):
        assert weights[0] == 0
        assert weights[1] > 0.5


@pytest.mark.parametrize("objective", [_Likelihood, _SmoothNdcg])
def test_slopes_are_those_of_finite_differences(
    objective: Callable[[FusionRows], Callable[[np.ndarray], tuple[float, np.ndarray]]],
) -> None:
    values, relevant = drawn([1.0, 0.5], n_users=6)
    relevant[:, :2] = True
    log_weight = np.random.default_rng(0).uniform(0, 2, relevant.shape).astype(np.float32)
    log_weight[:, 5] = -1e30
    relevant[:, 5] = False
    loss = objective(rows_of(values, relevant, log_weight))
    at, step = np.array([0.7, 0.3]), 1e-2
    _, slope = loss(at)
    for part, unit in enumerate(np.eye(2)):
        measured = (loss(at + step * unit)[0] - loss(at - step * unit)[0]) / (2 * step)
        assert slope[part] == pytest.approx(measured, rel=0.02, abs=1e-4)


def test_smooth_ndcg_nears_ndcg_as_scores_spread() -> None:
    values = -np.arange(8, dtype=np.float32)[None, :, None]
    relevant = np.zeros((1, 8), np.bool_)
    relevant[0, 2] = True
    # third place: 1 / log2(4)
    assert _SmoothNdcg(rows_of(values, relevant))(np.array([20.0]))[0] == pytest.approx(0.5, abs=1e-3)


def test_a_candidate_that_stands_for_many_pushes_a_smooth_place_down_by_as_many() -> None:
    values = np.array([[[1.0], [0.0]]], np.float32)
    relevant = np.array([[False, True]])
    log_weight = np.log(np.array([[6.0, 1.0]], np.float32))
    # six items ahead: place 7, 1 / log2(8)
    found = _SmoothNdcg(rows_of(values, relevant, log_weight))(np.array([20.0]))[0]
    assert found == pytest.approx(1 / 3, abs=1e-3)


def test_the_best_ranking_cares_for_the_top_and_not_for_the_tail() -> None:
    # part a finds one of two items for all; part b moves the other from place 50 to 25
    rng = np.random.default_rng(0)
    n_users = 400
    relevant = np.zeros((n_users, N_ITEMS), np.bool_)
    relevant[:, 0] = True
    values = np.zeros((n_users, N_ITEMS, 2), np.float32)
    values[:, :, 0] = rng.normal(size=(n_users, N_ITEMS))
    values[: n_users // 2, 0, 0] = 4
    values[:, :, 1] = rng.normal(size=(n_users, N_ITEMS))
    values[n_users // 2 :, 0, 1] += 0.7
    rows = rows_of(values, relevant)
    measure = HalvesNdcg(relevant)
    likely = most_likely(rows, l2=1e-4)
    ranked = best_ranking(rows, likely, l2=1e-4)
    assert measure(rows.scores(ranked)).mean() > measure(rows.scores(likely)).mean()


def test_ndcg_of_one_relevant_item_at_place_three_is_a_half() -> None:
    scores = -np.tile(np.arange(20, dtype=np.float32), (2, 1))
    relevant = np.zeros((2, 20), np.bool_)
    relevant[0, 2] = relevant[1, 10] = True
    np.testing.assert_allclose(HalvesNdcg(relevant)(scores), [0.5, 0.0])


def test_ndcg_of_two_relevant_items_is_divided_by_the_best_list() -> None:
    relevant = np.array([[True, False, True, False]])
    scores = np.array([[4, 3, 2, 1]], np.float32)
    best = 1 + 1 / np.log2(3)
    assert HalvesNdcg(relevant)(scores)[0] == pytest.approx((1 + 0.5) / best)


def test_equal_scores_find_nothing() -> None:
    relevant = np.zeros((1, 20), np.bool_)
    relevant[0, 0] = True
    assert HalvesNdcg(relevant)(np.zeros((1, 20), np.float32))[0] == 0


def test_the_search_keeps_only_steps_that_no_half_loses_by() -> None:
    rows = rows_of(*drawn([0.4, 0.2], n_users=400))
    start = np.array([0.1, 0.4])
    measure = HalvesNdcg(rows.relevant)
    before = measure(rows.scores(start))
    found = search(rows, start, 3)
    after = measure(rows.scores(found))
    assert (after >= before - 1e-9).all()
    assert after.mean() > before.mean()


def test_calibrated_weights_keep_their_ratio_and_find_their_size() -> None:
    rows = rows_of(*drawn([1.5, 0.5]))
    assert calibrated(rows, np.array([30.0, 10.0])) == pytest.approx([1.5, 0.5], abs=0.1)
