"""Intervals and p-values that hold whenever and however often one looks.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central
limit theory and asymptotic confidence sequences (Annals of Statistics 2024; arXiv 2103.06476), Theorem 2.2: a
normal mixture, as in Robbins (1970) and Howard et al. (2021). With n units and an estimate of variance V (of
the estimate itself, so σ² = n·V)

    estimate ± sqrt(V · (1 + 1/r) · log((1 + r) / α²)),   r = n·ρ²

covers the truth at all n at once with probability 1 − α, asymptotically. Turned round it is the p-value of
the mixture sequential probability ratio test (Johari, Pekelis and Walsh 2017).
"""

from math import exp, log, sqrt

from scipy.special import lambertw

from evaluation.experiments.estimates import Contrast, Estimate


def tuned_for(n_units: int, alpha: float) -> float:
    """ρ² that makes the intervals narrowest at n_units; they hold at any other number too.

    The minimum of (1 + 1/r)·log((1 + r)/α²) is where r = log(1 + r) − 2·log α, that is at
    r = −W₋₁(−α²/e) − 1.
    """
    if n_units < 1 or not 0 < alpha < 1:
        raise ValueError(f"need at least one unit and 0 < alpha < 1, got {n_units} and {alpha}")
    return (-float(lambertw(-(alpha**2) / exp(1), -1).real) - 1) / n_units


def boundary(n_units: int, alpha: float, rho2: float) -> float:
    """How many standard errors the interval reaches to each side after n_units (1.96 if one looks once)."""
    r = n_units * rho2
    return sqrt((1 + 1 / r) * (log(1 + r) - 2 * log(alpha)))


def interval(estimate: Estimate | Contrast, alpha: float, rho2: float) -> tuple[float, float]:
    """The estimate's interval of the confidence sequence."""
    half = boundary(estimate.n_units, alpha, rho2) * sqrt(estimate.variance)
    return estimate.value - half, estimate.value + half


def p_value(difference: Contrast, rho2: float) -> float:
    """The smallest alpha whose interval leaves 0 out: valid at any moment that one stops at."""
    r = difference.n_units * rho2
    return min(1.0, sqrt(1 + r) * exp(-(difference.z**2) * r / (2 * (1 + r))))
