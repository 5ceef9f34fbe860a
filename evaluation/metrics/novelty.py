"""Novelty: how far recommendations are from what everybody buys anyway."""

import numpy as np
from numpy.typing import NDArray

from shopgraph.types import FloatVector, IntVector


def self_information(n_buyers: NDArray[np.integer], n_users: int) -> FloatVector:
    """-log2((n_buyers + 1) / (n_users + 1)) bits for each item: 0 if everyone bought it.

    Vargas and Castells, "Rank and Relevance in Novelty and Diversity Metrics" (RecSys 2011),
    with one added to both counts so that an item nobody bought stays finite.
    """
    return -np.log2((n_buyers + 1) / (n_users + 1)).astype(np.float32)


def novelty_at_k(ranked: IntVector, information: FloatVector, k: int) -> NDArray[np.float64]:
    """Mean self-information in bits of the items in the first k places, one value for each user.

    Args:
        ranked: item_idx, shape (n_users, n_places), -1 where a list is shorter; an empty list has 0.
        information: `self_information` of each item in the training data.
        k: cut-off, >= 1.

    Raises:
        ValueError: k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    first = ranked[:, :k]
    present = first >= 0
    bits = np.where(present, information[first], 0.0).sum(axis=1)
    values: NDArray[np.float64] = bits / np.maximum(present.sum(axis=1), 1)
    return values
