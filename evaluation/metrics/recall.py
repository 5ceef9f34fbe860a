"""Recall: how much of what the user wanted was found."""

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.lists import checked
from shopgraph.types import BoolVector, IntVector


def recall_at_k(hits: BoolVector, n_relevant: IntVector, k: int) -> NDArray[np.float64]:
    """Hits in the first k places / n_relevant, NOT divided by min(k, n_relevant).

    Arguments, returned shape and errors as in `ndcg_at_k`.
    """
    values: NDArray[np.float64] = checked(hits, n_relevant, k).sum(axis=1) / n_relevant
    return values
