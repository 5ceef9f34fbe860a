"""How much each event of a history weighs, and histories as a sparse users × items matrix."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shopgraph.types import NO_TIME, EventType, FloatVector, GraphSnapshot, Histories

FloatCsr: TypeAlias = "sparse.csr_array[np.float32, tuple[int, int]]"

_DAY_S = 86_400.0


def type_weight_vector(event_types: Sequence[EventType], overrides: Mapping[str, float]) -> FloatVector:
    """Weight of each type_code, shape (n_event_types,).

    Raises:
        ValueError: an override names an event that the snapshot does not know.
    """
    names = [event.name for event in event_types]
    if unknown := sorted(set(overrides) - set(names)):
        raise ValueError(f"type_weights names the unknown event {unknown[0]!r}; known: {', '.join(names)}")
    return np.array([overrides.get(event.name, event.default_weight) for event in event_types], np.float32)


def event_weights(
    histories: Histories, type_weights: FloatVector, half_life_days: float | None
) -> FloatVector:
    """Weight of each event, shape (n_events,): its type's, halved every `half_life_days` before `now`.

    An event without a time, or from after `now`, counts as if it happened now.
    """
    weights = type_weights[histories.type_code]
    if half_life_days is None:
        return weights
    age_s = np.where(histories.time == NO_TIME, 0.0, histories.now.timestamp() - histories.time)
    halvings = np.maximum(age_s, 0.0) / (_DAY_S * half_life_days)
    return (weights * np.exp2(-halvings)).astype(np.float32)


def history_matrix(
    histories: Histories, n_items: int, type_weights: FloatVector, half_life_days: float | None = None
) -> FloatCsr:
    """Histories × items, float32; an item met several times counts by its weightiest event, once."""
    weights = event_weights(histories, type_weights, half_life_days)
    rows, columns = histories.owners(), histories.item_idx
    order = np.lexsort((-weights, columns, rows))
    rows, columns, weights = rows[order], columns[order], weights[order]
    first = np.ones(len(rows), np.bool_)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    kept = first & (weights != 0)
    indptr = np.searchsorted(rows[kept], np.arange(len(histories) + 1))
    return float_csr(weights[kept], columns[kept], indptr, n_items)


def float_csr(
    data: FloatVector, columns: NDArray[np.integer], indptr: NDArray[np.integer], n_columns: int
) -> FloatCsr:
    """A CSR matrix of these arrays, which it keeps."""
    csr = (data, columns.astype(np.int32), indptr.astype(np.int64))
    return sparse.csr_array(csr, shape=(len(indptr) - 1, n_columns))


def float_csr_of_pairs(
    data: FloatVector, rows: NDArray[np.integer], columns: NDArray[np.integer], shape: tuple[int, int]
) -> FloatCsr:
    """A CSR matrix of (row, column) pairs in any order; repeated pairs are summed."""
    order = np.lexsort((columns, rows))
    indptr = np.searchsorted(rows[order], np.arange(shape[0] + 1))
    matrix = float_csr(data[order], columns[order], indptr, shape[1])
    matrix.sum_duplicates()
    return matrix


def snapshot_matrix(
    snapshot: GraphSnapshot, type_weights: FloatVector, half_life_days: float | None = None
) -> FloatCsr:
    """Every user's history as a row of users × items."""
    return history_matrix(snapshot.histories, snapshot.n_items, type_weights, half_life_days)
