"""Hit rate: whether anything the user wanted was found."""

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.lists import checked
from shopgraph.types import BoolVector, IntVector


def hit_rate_at_k(hits: BoolVector, n_relevant: IntVector, k: int) -> NDArray[np.float64]:
    """1 for a user with a hit in the first k places, else 0.

    Arguments, returned shape and errors as in `ndcg_at_k`.
    """
    values: NDArray[np.float64] = (checked(hits, n_relevant, k).sum(axis=1) > 0).astype(np.float64)
    return values
