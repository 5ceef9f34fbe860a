"""Normalised discounted cumulative gain, binary relevance."""

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.lists import checked
from shopgraph.types import BoolVector, IntVector


def ndcg_at_k(hits: BoolVector, n_relevant: IntVector, k: int) -> NDArray[np.float64]:
    """Discounted gain of the first k places over that of the best list possible.

    A hit at place p (from 1) gains 1 / log2(p + 1). The best list holds min(k, n_relevant) hits in front.

    Args:
        hits: shape (n_users, n_places), true where the item at that place is relevant; best first.
        n_relevant: held-out items of each user, >= 1, shape (n_users,).
        k: cut-off, >= 1; a list with fewer places counts with what it has.

    Returns:
        One value in [0, 1] for each user.

    Raises:
        ValueError: k < 1, shapes differ, or a user has nothing relevant.
    """
    first = checked(hits, n_relevant, k)
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(n_relevant, k) - 1]
    values: NDArray[np.float64] = first @ discount[: first.shape[1]] / ideal
    return values
