"""What another way of choosing arms would have brought, from answers whose arms were chosen at random.

Each logged answer has the probability with which its arm was chosen. A policy says with which probability it
would have chosen that arm; w = policy / logged. All three estimators are means over answers, their variances
are those of shoppers' sums: a shopper's answers are not independent.
"""

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from shopgraph.types import IntVector

_Column = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Logged:
    """Answers as they were shown; all columns have shape (n,).

    Attributes:
        unit: number of the shopper, 0..n_units-1.
        context: number of what the policy looks at, as a group of shoppers.
        arm: number of the arm shown.
        propensity: with which probability it was, > 0.
        reward: what came of it.
    """

    unit: IntVector
    context: IntVector
    arm: IntVector
    propensity: _Column
    reward: _Column


@dataclass(frozen=True)
class Counterfactual:
    """Reward an answer under the policy, with its interval.

    `effective_n` is Kish's: as many answers of the policy's own would say as much.
    """

    method: str
    value: float
    low: float
    high: float
    effective_n: float


def policy_values(logged: Logged, policy: _Column, alpha: float = 0.05) -> list[Counterfactual]:
    """IPS, SNIPS and doubly robust estimates of a policy's mean reward.

    IPS: Horvitz and Thompson (1952), mean of w·r. SNIPS: Swaminathan and Joachims (NeurIPS 2015), Σw·r/Σw.
    Doubly robust: Dudík, Langford and Li (ICML 2011), mean of Σ_a π(a)·q(a) + w·(r − q(arm)), q the mean
    reward of an arm in a context.

    Args:
        logged: at least two shoppers' answers.
        policy: the probability of each arm in each context, shape (n_contexts, n_arms), rows sum to 1.
        alpha: one minus the intervals' level.

    Raises:
        ValueError: rows do not sum to 1, or a propensity is not in (0, 1].
    """
    if not np.allclose(policy.sum(axis=1), 1) or (policy < 0).any():
        raise ValueError("each context's probabilities must sum to 1 and not be negative")
    if ((logged.propensity <= 0) | (logged.propensity > 1)).any():
        raise ValueError("propensities must be above 0 and at most 1")
    chosen = policy[logged.context, logged.arm]
    weight = chosen / logged.propensity
    total = weight.sum()
    effective = float(total**2 / (weight @ weight)) if total else 0.0
    snips = float(weight @ logged.reward / total) if total else nan
    modelled = _mean_rewards(logged, policy.shape)
    expected = (policy * modelled).sum(axis=1)[logged.context]
    surprise = weight * (logged.reward - modelled[logged.context, logged.arm])
    found = []
    for method, terms in (
        ("ips", weight * logged.reward),
        ("snips", snips + weight * (logged.reward - snips) / (weight.mean() or nan)),
        ("doubly_robust", expected + surprise),
    ):
        value = float(terms.mean())
        half = float(norm.ppf(1 - alpha / 2)) * sqrt(_variance(terms, logged.unit))
        found.append(Counterfactual(method, value, value - half, value + half, effective))
    return found


def _mean_rewards(logged: Logged, shape: tuple[int, ...]) -> _Column:
    """Mean reward of each arm in each context; the arm's over all contexts where it was not shown there."""
    n_contexts, n_arms = shape
    cell = logged.context.astype(np.int64) * n_arms + logged.arm
    sums = np.bincount(cell, logged.reward, n_contexts * n_arms).reshape(shape)
    counts = np.bincount(cell, minlength=n_contexts * n_arms).reshape(shape)
    overall = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    means: _Column = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
    return means


def _variance(terms: _Column, unit: IntVector) -> float:
    """Variance of the terms' mean, clustered by unit."""
    rest = np.bincount(unit, terms - terms.mean())
    n = len(rest)
    return float(rest @ rest) * n / (n - 1) / len(terms) ** 2 if n > 1 else nan
