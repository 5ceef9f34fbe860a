import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.intra_list import intra_list_diversity_at_k

VECTORS = np.array([[1, 0], [1, 0], [0, 1], [-1, 0]], np.float32)


def test_pairs_by_hand() -> None:
    ranked = np.array([[0, 1, 2], [0, 3, -1], [0, 1, -1], [2, -1, -1], [-1, -1, -1]], np.int32)
    # equal, a right angle twice; opposite; equal; one item; none
    expected = [(0 + 0.5 + 0.5) / 3, 1, 0, 0, 0]
    np.testing.assert_allclose(intra_list_diversity_at_k(ranked, VECTORS, 3), expected)


def test_places_behind_k_do_not_count() -> None:
    ranked = np.array([[0, 1, 3]], np.int32)
    assert intra_list_diversity_at_k(ranked, VECTORS, 2).tolist() == [0]


@given(st.integers(0, 10_000))
def test_equals_going_through_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(9, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ranked = rng.permutation(9)[:6].astype(np.int32)
    pairs = [
        (1 - float(vectors[ranked[a]] @ vectors[ranked[b]])) / 2 for a in range(6) for b in range(a + 1, 6)
    ]
    found = intra_list_diversity_at_k(ranked[None, :], vectors, 6)[0]
    assert found == pytest.approx(np.mean(pairs), abs=1e-6)
    assert 0 <= found <= 1


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        intra_list_diversity_at_k(np.zeros((1, 1), np.int32), VECTORS, 0)
