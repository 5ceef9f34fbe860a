"""Calibration of categories: whether a list has them in the proportions of the shopper's own past."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shopgraph.types import IntVector

_SMOOTHING = 0.01


def category_divergence_at_k(
    ranked: IntVector, past: sparse.csr_array, categories: sparse.csr_array, k: int
) -> NDArray[np.float64]:
    """KL divergence of the list's categories from those of the past in nats, one value a user; 0 is best.

    Steck, "Calibrated Recommendations" (RecSys 2018), equations 2, 3, 6 and 7: p(g|u) is the mean of p(g|i)
    over the past, q(g|u) that over the list, and Σ_g p·log(p / q̃) with q̃ = 0.99·q + 0.01·p. An item's
    categories share its weight alike; items without any are left out. At most ln 100, where the list has
    nothing of the past; 0 for a shopper whose past has no category.

    Args:
        ranked: item_idx, shape (n_users, n_places), -1 where a list is shorter.
        past: weight of each past item, shape (n_users, n_items), not negative.
        categories: 1 where an item is of a category, shape (n_items, n_categories).
        k: cut-off, >= 1.

    Raises:
        ValueError: k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    of_item = _rows_to_one(categories)
    first = ranked[:, :k]
    owners, places = np.nonzero(first >= 0)
    shape = (len(ranked), categories.shape[0])
    listed = sparse.csr_array((np.ones(len(owners)), (owners, first[owners, places])), shape=shape)
    p, q = (_rows_to_one(which @ of_item) for which in (past, listed))
    wanted = p.tocoo()
    smoothed = (1 - _SMOOTHING) * _values_at(q, wanted.row, wanted.col) + _SMOOTHING * wanted.data
    terms = wanted.data * np.log(wanted.data / smoothed)
    return np.bincount(wanted.row, terms, minlength=len(ranked)).astype(np.float64)


def _rows_to_one(matrix: sparse.csr_array) -> sparse.csr_array:
    """Each row divided by its sum, entries of 0 left out; a row of zeros stays empty."""
    there = matrix.astype(np.float64).tocsr()
    there.eliminate_zeros()
    totals = np.repeat(there.sum(axis=1), np.diff(there.indptr))
    return sparse.csr_array((there.data / totals, there.indices, there.indptr), shape=there.shape)


def _values_at(
    matrix: sparse.csr_array, rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Values at (row, column), 0 where there is none."""
    if not matrix.nnz:
        return np.zeros(len(rows))
    entries = sparse.csr_array(matrix).tocoo()
    width = np.int64(matrix.shape[1])
    keys = entries.row * width + entries.col
    order = np.argsort(keys)
    asked = rows * width + columns
    place = np.minimum(np.searchsorted(keys[order], asked), len(keys) - 1)
    met = keys[order][place] == asked
    found: NDArray[np.float64] = np.where(met, entries.data[order][place], 0.0)
    return found
