from math import comb

import numpy as np
import pytest

from evaluation.experiments import mismatch
from evaluation.experiments.mismatch import chi_square_p, sequential_p


def test_pearsons_test_by_hand() -> None:
    # (60-50)²/50 twice is 4; the tail of chi-square with one degree of freedom beyond 4
    assert chi_square_p([60, 40], [0.5, 0.5]) == pytest.approx(0.0455, abs=1e-4)
    assert chi_square_p([0, 0], [0.5, 0.5]) == 1.0


def test_equal_arms_are_no_mismatch_and_a_broken_split_is_one() -> None:
    assert sequential_p([5_000, 5_000], [0.5, 0.5]) == 1.0
    assert sequential_p([821_588, 815_482], [0.5, 0.5]) < 1e-3
    assert sequential_p([900, 80, 20], [0.8, 0.1, 0.1]) < 1e-6


def test_the_bayes_factor_averages_to_one_under_the_planned_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mismatch, "_CONCENTRATION", 2.0)  # Beta(1, 1): every count is as likely as any other
    n, weights = 4, [0.5, 0.5]
    factors = [1 / (n + 1) / (comb(n, k) * 0.5**n) for k in range(n + 1)]
    assert sum(comb(n, k) * 0.5**n * factors[k] for k in range(n + 1)) == pytest.approx(1)
    for k, factor in enumerate(factors):
        assert sequential_p([k, n - k], weights) == pytest.approx(min(1, 1 / factor))


def test_looking_after_each_shopper_seldom_alarms() -> None:
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(200):
        first = np.cumsum(rng.random(600) < 0.5)
        alarms += any(sequential_p([int(k), n - int(k)], [0.5, 0.5]) < 0.05 for n, k in enumerate(first, 1))
    assert alarms <= 0.05 * 200 + 3
