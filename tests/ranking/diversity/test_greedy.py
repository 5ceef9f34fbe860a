from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.diversity.greedy import Dpp, Mmr, Objective, Relevance, greedy
from ranking.diversity.likeness import likeness_to
from shopgraph.types import FloatMatrix, FloatVector


def problem(seed: int, n: int = 8, dim: int = 3) -> tuple[FloatVector, FloatMatrix]:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.sort(rng.random(n))[::-1].astype(np.float32), vectors


def objective_of(
    method: str, relevance: FloatVector, vectors: FloatMatrix, diversity: float, n: int
) -> Objective:
    if method == "mmr":
        return Mmr(relevance, vectors, diversity)
    return Dpp(relevance, vectors, diversity, n)


def likeness(vectors: FloatMatrix) -> FloatMatrix:
    return np.stack([likeness_to(vectors, place) for place in range(len(vectors))])


def log_det(alike: FloatMatrix, items: list[int]) -> float:
    kernel = alike.astype(np.float64) + 0.01 * np.eye(len(alike))
    return float(np.linalg.slogdet(kernel[np.ix_(items, items)])[1])


def mmr_gain(
    relevance: FloatVector, alike: FloatMatrix, diversity: float, taken: list[int], item: int
) -> float:
    nearest = max((alike[item, other] for other in taken), default=0.0)
    return float((1 - diversity) * relevance[item] - diversity * nearest)


def dpp_gain(
    relevance: FloatVector, alike: FloatMatrix, diversity: float, taken: list[int], item: int
) -> float:
    grown = log_det(alike, [*taken, item]) - (log_det(alike, taken) if taken else 0.0)
    return float((1 - diversity) * relevance[item] + diversity * grown)


def test_the_third_item_is_the_one_unlike_the_first_two() -> None:
    # two pairs of equal items: the best of each pair comes first
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    relevance = np.array([1.0, 0.9, 0.8, 0.7], np.float32)
    for objective in (Mmr(relevance, vectors, 0.5), Dpp(relevance, vectors, 0.5, 4)):
        assert greedy(objective, 4, 4).tolist() == [0, 2, 1, 3]


def test_mmr_by_hand() -> None:
    # likeness to the first: 1, 0.8, 0.5; halves: 0.45 - 0.4 = 0.05 is less than 0.4 - 0.25 = 0.15
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    objective = Mmr(np.array([1.0, 0.9, 0.8], np.float32), vectors, 0.5)
    objective.take(0)
    assert objective.gains()[1:].tolist() == pytest.approx([0.05, 0.15], abs=1e-6)


def test_without_diversity_the_order_is_that_of_relevance() -> None:
    relevance, vectors = problem(0)
    for objective in (Relevance(relevance), Mmr(relevance, vectors, 0.0), Dpp(relevance, vectors, 0.0, 8)):
        assert greedy(objective, 8, 8).tolist() == list(range(8))


@given(st.integers(0, 10_000), st.floats(0, 1), st.sampled_from(["mmr", "dpp"]))
def test_each_item_taken_adds_the_most_by_the_formula(seed: int, diversity: float, method: str) -> None:
    relevance, vectors = problem(seed, dim=6)
    gain = mmr_gain if method == "mmr" else dpp_gain
    taken: list[int] = []
    for place in greedy(objective_of(method, relevance, vectors, diversity, 6), 8, 6).tolist():
        left = [item for item in range(8) if item not in taken]
        gains = {item: gain(relevance, likeness(vectors), diversity, taken, item) for item in left}
        assert gains[place] > max(gains.values()) - 1e-3
        taken.append(place)


def test_greedy_dpp_is_near_the_best_set() -> None:
    relevance, vectors = problem(3, n=9, dim=6)
    alike = likeness(vectors)
    found = greedy(Dpp(relevance, vectors, 1.0, 4), 9, 4).tolist()
    best = max(log_det(alike, list(items)) for items in combinations(range(9), 4))
    assert log_det(alike, found) > best - 0.5


def test_more_items_than_dimensions_can_be_taken() -> None:
    relevance, vectors = problem(1, n=40, dim=2)
    found = greedy(Dpp(relevance, vectors, 1.0, 40), 40, 40)
    assert sorted(found.tolist()) == list(range(40))


@given(st.integers(0, 1_000), st.sampled_from(["mmr", "dpp"]), st.floats(0, 1))
def test_a_short_list_is_the_beginning_of_a_long_one(seed: int, method: str, diversity: float) -> None:
    relevance, vectors = problem(seed, n=20)

    long = greedy(objective_of(method, relevance, vectors, diversity, 15), 20, 15).tolist()
    short = greedy(objective_of(method, relevance, vectors, diversity, 6), 20, 6).tolist()
    assert short == long[:6]


def test_only_allowed_candidates_are_taken() -> None:
    relevance, taken = np.array([3.0, 2.0, 1.0], np.float32), list[int]()
    found = greedy(Relevance(relevance), 3, 2, lambda: np.array([False, len(taken) == 1, True]), taken.append)
    assert found.tolist() == [2, 1]
    assert taken == [2, 1]
