"""What a shopper's own past says of what is bought again: baselines where repeats count."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shopgraph.types import FloatMatrix, FloatVector, Histories

_OTHERS = np.float32(-1e6)
"""Below every own item: nobody has so many baskets."""


def last_baskets(histories: Histories, popularity: FloatVector) -> FloatMatrix:
    """Items of the latest basket first, then those of the one before; more often bought before less.

    A basket is all that one history holds of one time. Items never bought follow, the popular first.

    Args:
        histories: a batch, oldest event first.
        popularity: any score of each item, shape (n_items,).

    Returns:
        Scores, shape (len(histories), n_items).
    """
    owners = histories.owners()
    since = _baskets_since(histories, owners)
    counts, places = _bought(histories, owners, since, len(popularity))
    scores = _by_popularity(len(histories), popularity)
    rows, columns = np.repeat(np.arange(len(histories)), np.diff(counts.indptr)), counts.indices
    scores[rows, columns] = counts.data / (counts.data + 1) - places
    return scores


def most_bought(histories: Histories, popularity: FloatVector) -> FloatMatrix:
    """Items bought most often first, of equals the one bought later; arguments as in `last_baskets`."""
    owners = histories.owners()
    counts, places = _bought(histories, owners, _baskets_since(histories, owners), len(popularity))
    scores = _by_popularity(len(histories), popularity)
    rows, columns = np.repeat(np.arange(len(histories)), np.diff(counts.indptr)), counts.indices
    scores[rows, columns] = counts.data + 1 / (places + 2)
    return scores


def _baskets_since(histories: Histories, owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many baskets of its owner came after each event's, shape (n_events,)."""
    if not len(owners):
        return np.zeros(0, np.int64)
    starts = np.ones(len(owners), np.bool_)
    starts[1:] = (owners[1:] != owners[:-1]) | (histories.time[1:] != histories.time[:-1])
    basket = np.cumsum(starts)
    last: NDArray[np.int64] = basket[histories.indptr[1:][owners] - 1] - basket
    return last


def _bought(
    histories: Histories, owners: NDArray[np.int64], since: NDArray[np.int64], n_items: int
) -> tuple[sparse.csr_array, NDArray[np.float32]]:
    """Events of each item of each history, and, in the same places, the baskets since the last of them."""
    keys, first, counts = np.unique(
        (owners * n_items + histories.item_idx)[::-1], return_index=True, return_counts=True
    )
    indptr = np.searchsorted(keys, np.arange(len(histories) + 1) * n_items)
    matrix = sparse.csr_array(
        (counts.astype(np.float32), keys % n_items, indptr), shape=(len(histories), n_items)
    )
    return matrix, since[::-1][first].astype(np.float32)


def _by_popularity(n_rows: int, popularity: FloatVector) -> FloatMatrix:
    order = np.argsort(-popularity, kind="stable")
    scores = np.empty(len(popularity), np.float32)
    scores[order] = _OTHERS - np.arange(len(popularity), dtype=np.float32)
    return np.tile(scores, (n_rows, 1))
