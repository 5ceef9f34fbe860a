"""95 % intervals by resampling users, of means, of paired differences and of coverage."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.coverage import coverage_at_k
from shopgraph.types import IntVector

N_RESAMPLES = 1000
_LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap_intervals(
    values: NDArray[np.float64], rng: np.random.Generator, n_resamples: int = N_RESAMPLES
) -> list[Interval]:
    """The mean of each column with its percentile interval; all columns share the resampled users.

    Args:
        values: shape (n_users, n_columns), n_users >= 1.
        rng: draws the resamples.
        n_resamples: how many; 1000 put the interval's ends within about 3 % of its width.

    Raises:
        ValueError: there is no user.
    """
    if values.ndim != 2 or not len(values):
        raise ValueError(f"values must have shape (n_users >= 1, n_columns), got {values.shape}")
    means = np.array([counts @ values for counts in _resamples(len(values), rng, n_resamples)]) / len(values)
    low, high = np.quantile(means, _tails(), axis=0)
    columns = zip(values.mean(axis=0), low, high, strict=True)
    return [Interval(float(mean), float(lowest), float(highest)) for mean, lowest, highest in columns]


def bootstrap_interval(
    values: NDArray[np.float64], rng: np.random.Generator, n_resamples: int = N_RESAMPLES
) -> Interval:
    """The mean over users and its interval; `values` has shape (n_users,)."""
    return bootstrap_intervals(values[:, None], rng, n_resamples)[0]


def paired_difference(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """Mean of `ours - theirs`, user by user: an interval above 0 says that ours is better.

    Raises:
        ValueError: the two do not hold the same users.
    """
    if ours.shape != theirs.shape:
        raise ValueError(f"paired values need the same users, got {ours.shape} and {theirs.shape}")
    return bootstrap_interval(ours - theirs, rng, n_resamples)


def coverage_interval(
    ranked: IntVector, n_items: int, k: int, rng: np.random.Generator, n_resamples: int = 200
) -> Interval:
    """Coverage with a basic bootstrap interval, clipped to [0, 1].

    A resample holds only 63 % of the users and so covers less: its spread is taken, centred on the
    coverage of all users.
    """
    observed = coverage_at_k(ranked, n_items, k)
    found = [
        coverage_at_k(ranked[counts > 0], n_items, k) for counts in _resamples(len(ranked), rng, n_resamples)
    ]
    low, high = np.clip(observed + np.quantile(found, _tails()) - np.mean(found), 0, 1)
    return Interval(observed, float(low), float(high))


def _resamples(n_users: int, rng: np.random.Generator, n_resamples: int) -> Iterator[NDArray[np.int64]]:
    """How often each user was drawn, once per resample."""
    for _ in range(n_resamples):
        yield np.bincount(rng.integers(n_users, size=n_users), minlength=n_users)


def _tails() -> tuple[float, float]:
    return (1 - _LEVEL) / 2, (1 + _LEVEL) / 2
