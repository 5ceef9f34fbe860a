import numpy as np
import pytest

from evaluation.metrics.novelty import novelty_at_k, self_information


def test_self_information_of_hand_worked_counts() -> None:
    # 7 users: bought by all, by 3, by nobody
    np.testing.assert_allclose(self_information(np.array([7, 3, 0]), 7), [0, 1, 3])


def test_mean_over_the_items_shown() -> None:
    information = np.array([0, 1, 3], np.float32)
    ranked = np.array([[1, 2, 0], [2, -1, -1], [-1, -1, -1]], np.int32)
    np.testing.assert_array_equal(novelty_at_k(ranked, information, 2), [2, 3, 0])


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        novelty_at_k(np.zeros((1, 1), np.int32), np.ones(1, np.float32), 0)
