import numpy as np
import pytest

from evaluation.metrics.coverage import coverage_at_k


def test_counts_items_shown_to_anybody_within_k() -> None:
    ranked = np.array([[0, 1, 4], [1, 2, 3], [0, -1, -1]], np.int32)
    assert coverage_at_k(ranked, n_items=6, k=2) == 0.5


def test_nothing_shown_covers_nothing() -> None:
    assert coverage_at_k(np.full((2, 3), -1, np.int32), n_items=6, k=3) == 0


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        coverage_at_k(np.zeros((1, 1), np.int32), n_items=6, k=0)
