"""Exposure: how much attention lists give to items and to groups of items, and how unequally."""

import numpy as np
from numpy.typing import NDArray

from shopgraph.types import IntVector


def exposure_at_k(ranked: IntVector, n_items: int, k: int) -> NDArray[np.float64]:
    """What the first k places of all lists give to each item, shape (n_items,).

    Place p (from 1) gives 1 / log2(p + 1), as in Singh and Joachims, "Fairness of Exposure in Rankings" (KDD
    2018), section 3.1.

    Args:
        ranked: item_idx, shape (n_users, n_places), -1 where a list is shorter.
        n_items: size of the catalogue.
        k: cut-off, >= 1.

    Raises:
        ValueError: k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    first = ranked[:, :k]
    there = first >= 0
    discount = 1 / np.log2(np.arange(2, first.shape[1] + 2))
    weight = np.broadcast_to(discount, first.shape)[there]
    return np.bincount(first[there], weight, minlength=n_items).astype(np.float64)


def gini(exposure: NDArray[np.float64]) -> float:
    """Gini coefficient: 0 where all items have the same, near 1 where one has all.

    Σ_i (2i − n − 1)·x_i / (n·Σ x) over the values in ascending order, i from 1.

    Args:
        exposure: of each item of the catalogue, those never shown included; not negative.

    Raises:
        ValueError: nothing has any.
    """
    total, n = exposure.sum(), len(exposure)
    if not total > 0:
        raise ValueError("nothing has any exposure")
    rank = np.arange(1, n + 1)
    return float((2 * rank - n - 1) @ np.sort(exposure) / (n * total))


def exposure_shares(
    exposure: NDArray[np.float64], codes: NDArray[np.integer], n_groups: int
) -> NDArray[np.float64]:
    """Each group's share of all exposure, shape (n_groups,); all 0 where nothing was shown.

    Args:
        exposure: of each item.
        codes: the group of each item, 0..n_groups-1.
        n_groups: how many there are.
    """
    total = np.bincount(codes, exposure, n_groups)
    shares: NDArray[np.float64] = total / max(float(total.sum()), np.finfo(np.float64).tiny)
    return shares
