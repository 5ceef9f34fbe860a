from collections.abc import Callable

import numpy as np
import pytest

from evaluation.metrics.rating_error import mean_absolute_error, mean_squared_error, root_mean_squared_error

PREDICTED = np.array([4, 3, 5, 1], np.float32)
ACTUAL = np.array([5, 3, 3, 2], np.float32)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (mean_absolute_error, (1 + 0 + 2 + 1) / 4),
        (mean_squared_error, (1 + 0 + 4 + 1) / 4),
        (root_mean_squared_error, np.sqrt(1.5)),
    ],
)
def test_hand_worked_errors(metric: Callable[..., float], expected: float) -> None:
    assert metric(PREDICTED, ACTUAL) == pytest.approx(expected)
    assert metric(ACTUAL, ACTUAL) == 0


@pytest.mark.parametrize("metric", [mean_absolute_error, mean_squared_error, root_mean_squared_error])
def test_nothing_to_compare_is_refused(metric: Callable[..., float]) -> None:
    with pytest.raises(ValueError, match="not empty"):
        metric(PREDICTED[:0], ACTUAL[:0])
    with pytest.raises(ValueError, match="alike"):
        metric(PREDICTED[:3], ACTUAL)


def test_mean_absolute_error_is_at_most_the_root_mean_square() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        predicted, actual = rng.uniform(1, 5, (2, 30)).astype(np.float32)
        assert mean_absolute_error(predicted, actual) <= root_mean_squared_error(predicted, actual)
