import numpy as np

from evaluation.metrics.hit_rate import hit_rate_at_k


def test_one_hit_within_k_is_enough() -> None:
    hits = np.array([[True, True, False], [False, False, True], [False, True, False]])
    np.testing.assert_array_equal(hit_rate_at_k(hits, np.array([2, 1, 9], np.int32), 2), [1, 0, 1])
