"""A metric per arm, its variance by shopper, and how two arms differ.

Shoppers are the units that were assigned at random, so they are what varies: a shopper's many lists are one
observation. A metric is a ratio of two sums over shoppers; where the denominator is 1 for each it is a mean.
"""

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Sums = NDArray[np.float64]
"""One number a shopper, shape (n_units,)."""


@dataclass(frozen=True)
class Estimate:
    """A metric of one arm; `variance` is that of `value`, nan below two shoppers."""

    value: float
    variance: float
    n_units: int
    n_positive: int
    """Shoppers whose numerator is not 0."""


@dataclass(frozen=True)
class Contrast:
    """How far an arm's metric lies from a multiple of another's, with its variance."""

    value: float
    variance: float
    n_units: int

    @property
    def z(self) -> float:
        """The value in standard errors; 0 where nothing varies."""
        return self.value / sqrt(self.variance) if self.variance > 0 else 0.0


def ratio(numerators: Sums, denominators: Sums) -> Estimate:
    """Sum of numerators over sum of denominators, with its variance by the delta method.

    Var(R) ≈ Σ(x_i − R·y_i)² / (n·(n−1)·ȳ²), x and y a shopper's sums: Deng, Knoblich and Lu, Applying the
    Delta Method in Metric Analytics, KDD 2018, eq. (3), written as the variance of its linearised terms.

    Args:
        numerators: a shopper's sum of what counts.
        denominators: a shopper's sum of what it is counted against, all > 0.
    """
    n = len(numerators)
    total = float(denominators.sum())
    value = float(numerators.sum()) / total if total > 0 else nan
    variance = nan
    if n > 1 and total > 0:
        rest = numerators - value * denominators
        variance = float(rest @ rest) * n / (n - 1) / total**2
    return Estimate(value, variance, n, int(np.count_nonzero(numerators)))


def contrast(treatment: Estimate, control: Estimate, factor: float = 1.0) -> Contrast:
    """The difference treatment − factor · control; the arms' shoppers are independent."""
    return Contrast(
        treatment.value - factor * control.value,
        treatment.variance + factor**2 * control.variance,
        treatment.n_units + control.n_units,
    )


def lift(treatment: Estimate, control: Estimate) -> Contrast:
    """The relative change treatment / control − 1, variance by the delta method; nan where control is 0."""
    n_units = treatment.n_units + control.n_units
    if not control.value > 0:
        return Contrast(nan, nan, n_units)
    quotient = treatment.value / control.value
    variance = (treatment.variance + quotient**2 * control.variance) / control.value**2
    return Contrast(quotient - 1, variance, n_units)


def fixed_interval(estimate: Estimate | Contrast, alpha: float) -> tuple[float, float]:
    """The normal interval: it holds at one moment that was fixed beforehand, and only there."""
    half = float(norm.ppf(1 - alpha / 2)) * sqrt(estimate.variance)
    return estimate.value - half, estimate.value + half


def fixed_p_value(difference: Contrast) -> float:
    """Two-sided p of the z-test, for a moment that was fixed beforehand."""
    return float(2 * norm.sf(abs(difference.z)))
