"""What the metrics read: which places of each user's list were hits."""

import numpy as np

from shopgraph.types import BoolVector, Heldout, IntVector


def hits_of(ranked: IntVector, heldout: Heldout) -> BoolVector:
    """True where the item at that place is one of the user's held-out items.

    Args:
        ranked: item_idx, best first, shape (len(heldout), n_places), row n for `heldout.user_idx[n]`;
            -1 where the list is shorter.
        heldout: the relevant items.

    Returns:
        shape of `ranked`.
    """
    n_items = 1 + max(int(ranked.max(initial=0)), int(heldout.item_idx.max(initial=0)))
    owners = np.repeat(np.arange(len(heldout)), np.diff(heldout.indptr))
    relevant = owners * n_items + heldout.item_idx
    places = np.arange(len(ranked))[:, None] * n_items + ranked
    found: BoolVector = np.isin(places, relevant) & (ranked >= 0)
    return found


def checked(hits: BoolVector, n_relevant: IntVector, k: int) -> BoolVector:
    """The first k places of `hits`.

    Raises:
        ValueError: k < 1, shapes differ, or a user has nothing relevant.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if hits.ndim != 2 or n_relevant.shape != hits.shape[:1]:
        raise ValueError(f"hits {hits.shape} and n_relevant {n_relevant.shape} do not fit each other")
    if len(n_relevant) and n_relevant.min() < 1:
        raise ValueError("every user needs at least one relevant item")
    return hits[:, :k]
