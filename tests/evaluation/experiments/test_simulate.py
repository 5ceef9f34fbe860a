"""Daily looks at experiments without a difference; `shopgraph bench experiments` takes them by thousands."""

from dataclasses import replace

import numpy as np

from evaluation.experiments.estimates import contrast, fixed_p_value, lift, ratio
from evaluation.experiments.sequential import p_value, tuned_for
from evaluation.experiments.simulate import METRICS, Day, MadeShop, simulated_days

SMALL = MadeShop(n_shoppers=800, n_days=14)


def p_values(day: Day, metric: str, rho2: float) -> tuple[float, float]:
    control, treatment = (ratio(*sums) for sums in day.sums[metric])
    difference = contrast(treatment, control)
    if not difference.variance > 0:
        return 1.0, 1.0
    return fixed_p_value(difference), p_value(difference, rho2)


def test_daily_looks_fool_the_plain_test_and_not_the_sequential_one() -> None:
    rng, rho2, n_tests = np.random.default_rng(11), tuned_for(SMALL.n_shoppers, 0.05), 150
    naive = sequential = 0
    for _ in range(n_tests):
        looks = [p_values(day, "ctr", rho2) for day in simulated_days(SMALL, rng)]
        naive += min(p for p, _ in looks) < 0.05
        sequential += min(p for _, p in looks) < 0.05
    assert naive > 0.12 * n_tests
    assert sequential <= 0.05 * n_tests


def test_what_was_planted_is_what_is_found() -> None:
    shop = replace(SMALL, n_shoppers=20_000, lift=0.2, arriving=0.0)
    *_, last = simulated_days(shop, np.random.default_rng(4))
    for metric in METRICS[:2]:
        control, treatment = (ratio(*sums) for sums in last.sums[metric])
        found = lift(treatment, control)
        assert abs(found.value - 0.2) < 3 * found.variance**0.5
    assert sum(last.counts) == 20_000


def test_days_only_grow() -> None:
    shown = [sum(day.sums["ctr"][0][1]) for day in simulated_days(SMALL, np.random.default_rng(0))]
    assert shown == sorted(shown)
