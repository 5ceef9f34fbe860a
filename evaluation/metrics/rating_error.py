"""Errors of predicted stars."""

import numpy as np

from shopgraph.types import FloatVector


def mean_absolute_error(predicted: FloatVector, actual: FloatVector) -> float:
    """Mean of |predicted − actual|, in stars.

    Raises:
        ValueError: shapes differ, or there is nothing to compare.
    """
    return float(np.abs(_errors(predicted, actual)).mean())


def mean_squared_error(predicted: FloatVector, actual: FloatVector) -> float:
    """Mean of (predicted − actual)², in stars².

    Raises:
        ValueError: shapes differ, or there is nothing to compare.
    """
    return float((_errors(predicted, actual) ** 2).mean())


def root_mean_squared_error(predicted: FloatVector, actual: FloatVector) -> float:
    """Root of the mean squared error, in stars.

    Raises:
        ValueError: shapes differ, or there is nothing to compare.
    """
    return float(np.sqrt(mean_squared_error(predicted, actual)))


def _errors(predicted: FloatVector, actual: FloatVector) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if predicted.shape != actual.shape or not len(actual):
        raise ValueError(f"predicted {predicted.shape} and actual {actual.shape} must be alike and not empty")
    errors: np.ndarray[tuple[int], np.dtype[np.float64]] = predicted.astype(np.float64) - actual
    return errors
