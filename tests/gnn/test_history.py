from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from gnn.history import OfLast, event_weights, history_matrix, type_weight_vector
from shopgraph.types import NO_TIME, EventType, Histories

NOW = datetime(2026, 1, 31, tzinfo=UTC)
TYPES = (EventType("view_item", "VIEWED", 0.2), EventType("rate", "RATED", 0.6))
WEIGHTS = type_weight_vector(TYPES, {})


def history(
    types: list[int], values: list[float], days_ago: list[float | None], items: list[int]
) -> Histories:
    time = [NO_TIME if days is None else int(NOW.timestamp() - 86_400 * days) for days in days_ago]
    return Histories(
        np.array([0, len(types)]),
        np.array(items, np.int32),
        np.array(types, np.int8),
        np.array(values, np.float32),
        np.array(time, np.int64),
        NOW,
    )


def test_a_rating_weighs_by_its_stars() -> None:
    found = event_weights(history([1, 1, 0], [5, 2, 9], [None] * 3, [0, 1, 2]), WEIGHTS, None)
    assert found.tolist() == pytest.approx([0.6, 0.24, 0.2])


def test_time_halves_and_a_missing_time_does_not() -> None:
    found = event_weights(history([0, 0, 0], [1, 1, 1], [None, 20, -5], [0, 1, 2]), WEIGHTS, 10)
    assert found.tolist() == pytest.approx([0.2, 0.05, 0.2])


def test_places_halve_only_where_no_event_has_a_time() -> None:
    untimed = history([0, 0, 0], [1, 1, 1], [None] * 3, [0, 1, 2])
    assert event_weights(untimed, WEIGHTS, 10, 1).tolist() == pytest.approx([0.05, 0.1, 0.2])
    timed = history([0, 0, 0], [1, 1, 1], [None, 10, 0], [0, 1, 2])
    assert event_weights(timed, WEIGHTS, 10, 1).tolist() == pytest.approx([0.2, 0.1, 0.2])


def test_an_item_met_twice_counts_by_its_weightiest_event() -> None:
    matrix = history_matrix(history([0, 1, 0], [1, 5, 1], [None] * 3, [3, 3, 1]), 5, WEIGHTS)
    assert matrix.toarray().tolist() == [pytest.approx([0, 0.2, 0, 0.6, 0])]


def test_the_last_single_history_is_remembered_and_no_other() -> None:
    asked: list[int] = []

    def count(histories: Histories) -> int:
        asked.append(len(histories.item_idx))
        return len(histories.item_idx)

    of_last = OfLast(count)
    one, other = history([0], [1], [None], [3]), history([0, 0], [1, 1], [None] * 2, [3, 4])
    state, changed = object(), object()
    assert [of_last(one, state), of_last(one, state), of_last(other, state)] == [1, 1, 2]
    assert asked == [1, 2]
    assert of_last(other, changed) == 2  # what it depends on is another
    assert asked == [1, 2, 2]
    both = replace(one, indptr=np.array([0, 0, 1]))
    assert of_last(both) == of_last(both) == 1
    assert asked == [1, 2, 2, 1, 1]
