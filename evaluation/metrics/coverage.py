"""Catalogue coverage: how much of the shop gets shown to anybody."""

import numpy as np

from shopgraph.types import IntVector


def coverage_at_k(ranked: IntVector, n_items: int, k: int) -> float:
    """Share of the catalogue that stands in the first k places of at least one list.

    Args:
        ranked: item_idx, shape (n_users, n_places), -1 where a list is shorter.
        n_items: size of the catalogue, >= 1.
        k: cut-off, >= 1.

    Raises:
        ValueError: k < 1 or n_items < 1.
    """
    if k < 1 or n_items < 1:
        raise ValueError(f"k and n_items must be at least 1, got {k} and {n_items}")
    shown = np.zeros(n_items + 1, np.bool_)
    shown[ranked[:, :k]] = True  # -1 marks the extra last place
    return float(shown[:-1].mean())
