"""Intra-list diversity: how unlike each other the items of a list are."""

import numpy as np
from numpy.typing import NDArray

from shopgraph.types import FloatMatrix, IntVector, iter_batches

_USERS_AT_ONCE = 1024


def intra_list_diversity_at_k(ranked: IntVector, vectors: FloatMatrix, k: int) -> NDArray[np.float64]:
    """Mean unlikeness (1 − cosine) / 2 over all pairs of items in the first k places, one value a user.

    Ziegler, McNee, Konstan and Lausen, "Improving Recommendation Lists Through Topic Diversification" (WWW
    2005), equation 3, there as the sum of likenesses. 0 for copies of one item, 1/2 for items that have
    nothing to do with each other; a list of fewer than two items has 0.

    Args:
        ranked: item_idx, shape (n_users, n_places), -1 where a list is shorter.
        vectors: of length 1 at most, shape (n_items, dim).
        k: cut-off, >= 1.

    Raises:
        ValueError: k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    found = np.zeros(len(ranked))
    for batch in iter_batches(len(ranked), _USERS_AT_ONCE):
        first = ranked[batch, :k]
        there = first >= 0
        own = np.where(there[:, :, None], vectors[first], np.float32(0)).astype(np.float64)
        itself = np.einsum("nkd,nkd->n", own, own)
        products = (np.square(own.sum(axis=1)).sum(axis=1) - itself) / 2  # Σ over pairs
        n_items = there.sum(axis=1)
        n_pairs = n_items * (n_items - 1) / 2
        mean = products / np.maximum(n_pairs, 1)
        found[batch] = np.where(n_pairs > 0, (1 - mean) / 2, 0.0)
    return found
