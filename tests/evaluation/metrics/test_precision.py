import numpy as np

from evaluation.metrics.precision import precision_at_k


def test_divides_by_k_even_for_a_short_list() -> None:
    hits = np.array([[True, True], [False, False]])
    np.testing.assert_array_equal(precision_at_k(hits, np.array([2, 1], np.int32), 4), [0.5, 0])
