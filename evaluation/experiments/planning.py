"""How many shoppers an experiment needs."""

from math import ceil

from scipy.stats import norm

from evaluation.experiments.sequential import boundary, tuned_for


def shoppers_needed(rate: float, lift: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Shoppers in both arms together that find a lift of a share of shoppers with this probability.

    n per arm = (c + z_power)² · (p(1 − p) + q(1 − q)) / (q − p)², q = p·(1 + lift): the textbook's formula
    with the sequential boundary c in the place of z_{α/2}, so that the price of daily looks is in it. An
    upper bound: alarms of earlier days add to the power.

    Args:
        rate: share of shoppers who do it (buy, or click at least once) with the control.
        lift: relative change that is worth finding, as 0.05.
        alpha: chance of a false alarm.
        power: chance to find it.

    Raises:
        ValueError: a share outside (0, 1), or no lift.
    """
    treated = rate * (1 + lift)
    if not (0 < rate < 1 and 0 < treated < 1 and lift and 0 < alpha < 1 and 0 < power < 1):
        raise ValueError(
            "rate, the rate with the lift, alpha and power must lie between 0 and 1, lift not at 0"
        )
    limit = boundary(1, alpha, tuned_for(1, alpha))  # at the number tuned for it is the same for all numbers
    variance = rate * (1 - rate) + treated * (1 - treated)
    per_arm = (limit + float(norm.ppf(power))) ** 2 * variance / (treated - rate) ** 2
    return 2 * ceil(per_arm)
