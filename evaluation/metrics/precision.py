"""Precision: how much of what was shown the user wanted."""

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.lists import checked
from shopgraph.types import BoolVector, IntVector


def precision_at_k(hits: BoolVector, n_relevant: IntVector, k: int) -> NDArray[np.float64]:
    """Hits in the first k places / k, also where the list is shorter than k.

    Arguments, returned shape and errors as in `ndcg_at_k`.
    """
    values: NDArray[np.float64] = checked(hits, n_relevant, k).sum(axis=1) / k
    return values
