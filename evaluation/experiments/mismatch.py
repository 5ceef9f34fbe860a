"""Whether the arms hold as many shoppers as their weights say: if not, no other figure can be trusted."""

from collections.abc import Sequence
from math import exp, log

from scipy.special import gammaln
from scipy.stats import chisquare

_CONCENTRATION = 1_000.0
"""Weight of the mixture's prior, in shoppers, around the planned shares; it moves power, not validity."""


def chi_square_p(counts: Sequence[int], weights: Sequence[float]) -> float:
    """The p-value of Pearson's chi-square test, for one look (Fabijan et al. 2019, Diagnosing SRM).

    Args:
        counts: shoppers of each arm.
        weights: the planned shares, sum 1.
    """
    total = sum(counts)
    if total == 0:
        return 1.0
    return float(chisquare(counts, [weight * total for weight in weights]).pvalue)


def sequential_p(counts: Sequence[int], weights: Sequence[float]) -> float:
    """A p-value for any number of looks: the planned shares against any others, as one over a Bayes factor.

    Lindon and Malek, Anytime-Valid Inference for Multinomial Count Data (NeurIPS 2022), eq. (4): a Dirichlet
    mixture over the shares. Under the planned shares its likelihood ratio is a martingale that starts at 1:
    by Ville's inequality it exceeds 1/α at any time with probability at most α. Exact, not asymptotic.
    """
    prior = [_CONCENTRATION * weight for weight in weights]
    factor = gammaln(_CONCENTRATION) - gammaln(_CONCENTRATION + sum(counts))
    for count, alpha, weight in zip(counts, prior, weights, strict=True):
        factor += gammaln(alpha + count) - gammaln(alpha) - count * log(weight)
    return min(1.0, exp(min(0.0, -float(factor))))
