import numpy as np
import pytest
from scipy import sparse

from evaluation.metrics.category_fit import category_divergence_at_k

# items 0 and 1 are of category 0, item 2 of category 1, item 3 of both, item 4 of none
CATEGORIES = sparse.csr_array(np.array([[1, 0], [1, 0], [0, 1], [1, 1], [0, 0]]))


def divergence(past: list[int], ranked: list[int], k: int = 10) -> float:
    row = sparse.csr_array(np.bincount(past, minlength=5)[None, :])
    return float(category_divergence_at_k(np.array([ranked], np.int32), row, CATEGORIES, k)[0])


def test_the_proportions_of_the_past_diverge_by_nothing() -> None:
    assert divergence([0, 2], [1, 2]) == pytest.approx(0)
    assert divergence([0, 2], [3]) == pytest.approx(0)
    assert divergence([0, 2, 4], [4, 1, 2]) == pytest.approx(0)  # what has no category is left out


def test_one_category_missing_by_hand() -> None:
    # p = (3/4, 1/4), q = (1, 0): 3/4 · ln(0.75 / 0.9975) + 1/4 · ln(0.25 / 0.0025)
    expected = 0.75 * np.log(0.75 / 0.9975) + 0.25 * np.log(100)
    assert divergence([0, 0, 1, 2], [1, 0]) == pytest.approx(expected)


def test_a_list_with_nothing_of_the_past_has_the_most() -> None:
    assert divergence([0], [2]) == pytest.approx(np.log(100))
    assert divergence([0], [-1]) == pytest.approx(np.log(100))


def test_who_has_no_past_diverges_by_nothing() -> None:
    assert divergence([], [2]) == 0
    assert divergence([4], [2]) == 0


def test_only_the_first_k_places_count_and_users_do_not_mix() -> None:
    past = sparse.csr_array(np.array([[1, 0, 1, 0, 0], [1, 0, 0, 0, 0]]))
    ranked = np.array([[0, 2, 1], [0, 2, 1]], np.int32)
    found = category_divergence_at_k(ranked, past, CATEGORIES, 2)
    assert found == pytest.approx([0, np.log(1 / (0.99 * 0.5 + 0.01))])


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        divergence([0], [0], k=0)
