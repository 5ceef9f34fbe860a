"""How much each event of a history weighs, and histories as a sparse users × items matrix."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shopgraph.types import NO_TIME, EventType, FloatMatrix, FloatVector, GraphSnapshot, Histories

FloatCsr: TypeAlias = "sparse.csr_array[np.float32, tuple[int, int]]"

T = TypeVar("T")

_DAY_S = 86_400.0
_RATED, _MOST_STARS = "rate", 5.0


def type_weight_vector(event_types: Sequence[EventType], overrides: Mapping[str, float]) -> FloatMatrix:
    """Weights of each type_code, shape (n_event_types, 2): a fixed one, and one per unit of value.

    A rating of five stars weighs as much as its type says, one of n stars n / 5 of that.

    Raises:
        ValueError: an override names an event that the snapshot does not know.
    """
    names = [event.name for event in event_types]
    if unknown := sorted(set(overrides) - set(names)):
        raise ValueError(f"type_weights names the unknown event {unknown[0]!r}; known: {', '.join(names)}")
    weights = np.array([overrides.get(event.name, event.default_weight) for event in event_types], np.float32)
    rated = np.array([name == _RATED for name in names])
    return np.stack([np.where(rated, 0, weights), np.where(rated, weights / _MOST_STARS, 0)], axis=1)


def event_weights(
    histories: Histories,
    type_weights: FloatMatrix,
    half_life_days: float | None,
    half_life_events: float | None = None,
) -> FloatVector:
    """Weight of each event, shape (n_events,): its type's, halved every `half_life_days` before `now`.

    An event without a time, or from after `now`, counts as if it happened now. In a history that has no
    time at all, weights are halved every `half_life_events` places before the last event instead: give
    that only where the order means something.
    """
    weights = type_weights[histories.type_code]
    fixed_and_rated = weights[:, 0] + weights[:, 1] * np.clip(histories.value, 0, _MOST_STARS)
    timed = histories.time != NO_TIME
    halvings = np.zeros(len(timed))
    if half_life_days is not None:
        age_s = np.where(timed, histories.now.timestamp() - histories.time, 0.0)
        halvings = np.maximum(age_s, 0.0) / (_DAY_S * half_life_days)
    if half_life_events is not None:
        owners = histories.owners()
        without_time = np.bincount(owners, timed, len(histories))[owners] == 0
        places = histories.indptr[1:][owners] - 1 - np.arange(len(timed))
        halvings = np.where(without_time, places / half_life_events, halvings)
    return (fixed_and_rated * np.exp2(-halvings)).astype(np.float32)


class OfLast(Generic[T]):
    """A function of histories that remembers its value for the last single one.

    One answer asks for the same several times: to find candidates, to score them and to explain. Whoever
    gets the value must not change it. Threads may share it.
    """

    def __init__(self, compute: Callable[[Histories], T]) -> None:
        self._compute = compute
        self._last: tuple[weakref.ref[Histories], object, T] | None = None

    def __call__(self, histories: Histories, given: object = None) -> T:
        """The value; `given` is what else it depends on, the same object as long as it is unchanged."""
        last = self._last
        if last is not None and last[0]() is histories and last[1] is given:
            return last[2]
        value = self._compute(histories)
        if len(histories) == 1:
            self._last = (weakref.ref(histories), given, value)
        return value


def history_matrix(
    histories: Histories,
    n_items: int,
    type_weights: FloatMatrix,
    half_life_days: float | None = None,
    half_life_events: float | None = None,
) -> FloatCsr:
    """Histories × items, float32; an item met several times counts by its weightiest event, once."""
    weights = event_weights(histories, type_weights, half_life_days, half_life_events)
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
    snapshot: GraphSnapshot,
    type_weights: FloatMatrix,
    half_life_days: float | None = None,
    half_life_events: float | None = None,
) -> FloatCsr:
    """Every user's history as a row of users × items."""
    return history_matrix(
        snapshot.histories, snapshot.n_items, type_weights, half_life_days, half_life_events
    )
