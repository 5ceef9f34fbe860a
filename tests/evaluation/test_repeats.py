from collections.abc import Callable

import numpy as np
import pytest

from evaluation.repeats import last_baskets, most_bought
from shopgraph.types import FloatMatrix, FloatVector, Histories
from tests.planted import NOW

POPULARITY = np.array([1, 5, 2, 4, 3], np.float32)


def histories(*rows: list[tuple[int, int]]) -> Histories:
    """Each row holds (item, time), oldest first."""
    events = np.array([event for row in rows for event in row], np.int64).reshape(-1, 2)
    return Histories(
        np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64),
        events[:, 0].astype(np.int32),
        np.zeros(len(events), np.int8),
        np.ones(len(events), np.float32),
        events[:, 1],
        NOW,
    )


def order(scores: np.ndarray) -> list[int]:
    return [int(item) for item in np.argsort(-scores, kind="stable")]


def test_the_latest_basket_comes_first_and_the_more_frequent_item_in_it() -> None:
    # baskets: {4, 2} at 1, {0} at 2, {4, 3} at 3; item 4 was bought twice
    scores = last_baskets(histories([(2, 1), (4, 1), (0, 2), (3, 3), (4, 3)]), POPULARITY)
    assert order(scores[0]) == [4, 3, 0, 2, 1]


def test_the_most_bought_comes_first_and_of_equals_the_later() -> None:
    scores = most_bought(histories([(2, 1), (2, 2), (0, 3), (4, 4)]), POPULARITY)
    assert order(scores[0]) == [2, 4, 0, 1, 3]


@pytest.mark.parametrize("baseline", [last_baskets, most_bought])
def test_a_shopper_without_a_past_gets_what_is_popular(
    baseline: Callable[[Histories, FloatVector], FloatMatrix],
) -> None:
    scores = baseline(histories([], [(0, 1)]), POPULARITY)
    assert order(scores[0]) == [1, 3, 4, 2, 0]
    assert order(scores[1]) == [0, 1, 3, 4, 2]
