import numpy as np

from evaluation.metrics.recall import recall_at_k


def test_share_of_the_relevant_items_is_not_capped_at_k() -> None:
    hits = np.array([[True, True, False], [False, False, True], [False, False, False]])
    np.testing.assert_array_equal(recall_at_k(hits, np.array([5, 1, 2], np.int32), 2), [0.4, 0, 0])
