"""Some columns of EASE's inverse alone, so that a day's events do not cost the whole of it.

A column of `P = G⁻¹` solves `G·p = e_j`; G is only multiplied with, in its sparse parts, so nothing
n_items × n_items is ever held. Conjugate gradients, preconditioned by the diagonal (Y. Saad, "Iterative
Methods for Sparse Linear Systems", 2003, algorithm 9.1), many columns at a time. P is symmetric: the columns
of the changed items are their rows, too. Between two items that did not change P changes by products of two
of its small entries: that is left out until the next full fit.
"""

import numpy as np
from numpy.typing import NDArray

from gnn.history import FloatCsr, float_csr
from gnn.item_item.ease import EaseSystem
from gnn.item_item.past import largest_entries
from shopgraph.types import FloatMatrix, FloatVector, IntVector, iter_batches

_COLUMNS_AT_ONCE = 256
_MAX_STEPS = 50
_RESIDUAL = 1e-3


def inverse_columns(system: EaseSystem, columns: NDArray[np.integer]) -> FloatMatrix:
    """Columns of G⁻¹, shape (n_items, len(columns)); residuals below 1e-3 of their right-hand sides."""
    n_items = system.interactions.shape[1]
    found = np.empty((n_items, len(columns)), np.float32)
    backward = system.interactions.T.tocsr()
    sides = [(np.float32(weight), members, members.T.tocsr()) for weight, members in system.sides]
    diagonal = system.ridge + _squares(backward)
    for weight, members, _ in sides:
        diagonal = diagonal + weight * _squares(members)

    def product(x: FloatMatrix) -> FloatMatrix:
        total: FloatMatrix = backward @ (system.interactions @ x) + system.ridge[:, None] * x
        for weight, members, transposed in sides:
            total += weight * (members @ (transposed @ x))
        return total

    for block in iter_batches(len(columns), _COLUMNS_AT_ONCE):
        mine = columns[block]
        x = np.zeros((n_items, len(mine)), np.float32)
        residual = x.copy()
        residual[mine, np.arange(len(mine))] = 1
        step = residual / diagonal[:, None]
        fit = (residual * step).sum(axis=0)
        for _ in range(_MAX_STEPS):
            image = product(step)
            length = fit / (step * image).sum(axis=0)
            x += length * step
            residual -= length * image
            if np.einsum("nc,nc->c", residual, residual).max() < _RESIDUAL**2:
                break
            scaled = residual / diagonal[:, None]
            was, fit = fit, (residual * scaled).sum(axis=0)
            step = scaled + (fit / was) * step
        found[:, block] = x
    return found


def with_new_columns(
    system: EaseSystem,
    similarity: FloatCsr,
    divisor: FloatVector,
    item_rows: IntVector,
    changed: IntVector,
    top_k: int,
) -> tuple[FloatCsr, FloatVector]:
    """B with the changed items' rows and columns computed anew, and what its columns were divided by.

    A row of an item that did not change takes a changed column's entry where that is above the row's
    smallest; so it may come to hold a few more than `top_k`.

    Args:
        system: of the later snapshot.
        similarity: the earlier B.
        divisor: what its columns were divided by.
        item_rows: row of each later item in the earlier B, -1 where it is new; ascending where known.
        changed: the later items to compute, ascending; all new ones are among them.
        top_k: entries kept in a changed row.
    """
    n_items = len(item_rows)
    columns = inverse_columns(system, changed)
    at = np.arange(len(changed))
    divisor = divisor[np.maximum(item_rows, 0)]
    divisor[changed] = columns[changed, at] / system.column_scale[changed]
    rows = system.shaped(columns.T / -divisor, system.row_scale[changed][:, None])
    rows[at, changed] = 0
    columns = system.shaped(columns / -divisor[changed], system.row_scale[:, None])
    columns[changed] = 0
    kept, least = _unchanged(similarity, item_rows, changed, top_k)
    columns[columns <= least[:, None]] = 0
    whole = kept + _spread_columns(columns, changed) + _spread_rows(rows, changed, top_k)
    whole.sort_indices()
    return float_csr(whole.data, whole.indices, whole.indptr, n_items), divisor


def _unchanged(
    similarity: FloatCsr, item_rows: IntVector, changed: IntVector, top_k: int
) -> tuple[FloatCsr, FloatVector]:
    """(the entries between items that did not change, in the new numbers; the least of each full row)."""
    n_items = len(item_rows)
    new_row = np.full(similarity.shape[1], -1, np.int32)
    known = np.setdiff1d(np.flatnonzero(item_rows >= 0), changed)
    new_row[item_rows[known]] = known
    picked = similarity[item_rows[known]]
    lengths = np.diff(picked.indptr)
    least = np.zeros(n_items, np.float32)
    full = np.flatnonzero(lengths >= top_k)
    if len(full):
        least[known[full]] = np.minimum.reduceat(picked.data, picked.indptr[:-1][lengths > 0])[
            np.searchsorted(np.flatnonzero(lengths > 0), full)
        ]
    there = new_row[picked.indices] >= 0
    owners = known[np.repeat(np.arange(len(known)), lengths)[there]]
    indptr = np.searchsorted(owners, np.arange(n_items + 1))
    return float_csr(picked.data[there], new_row[picked.indices[there]], indptr, n_items), least


def _spread_columns(columns: FloatMatrix, changed: IntVector) -> FloatCsr:
    """A sparse square matrix of the positive entries of some columns."""
    rows, places = np.nonzero(columns > 0)
    indptr = np.searchsorted(rows, np.arange(len(columns) + 1))
    return float_csr(columns[rows, places], changed[places], indptr, len(columns))


def _spread_rows(rows: FloatMatrix, changed: IntVector, top_k: int) -> FloatCsr:
    """A sparse square matrix of the `top_k` largest positive entries of some rows."""
    n_items = rows.shape[1]
    values, found = largest_entries(rows, min(top_k, n_items))
    lengths = np.zeros(n_items, np.int64)
    lengths[changed] = values.shape[1]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    spread = float_csr(values.ravel(), found.ravel(), indptr, n_items)
    spread.eliminate_zeros()
    return spread


def _squares(rows: FloatCsr) -> FloatVector:
    """Squared length of each row."""
    found: FloatVector = np.asarray(rows.multiply(rows).sum(axis=1), np.float32).ravel()
    return found
