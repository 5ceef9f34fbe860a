import numpy as np
import pytest

from evaluation.bootstrap import bootstrap_interval
from evaluation.experiments.estimates import Estimate, contrast, fixed_interval, fixed_p_value, lift, ratio


def test_a_mean_has_the_variance_of_a_mean() -> None:
    found = ratio(np.array([1.0, 2.0, 6.0]), np.ones(3))
    assert (found.value, found.n_units, found.n_positive) == (3.0, 3, 3)
    assert found.variance == pytest.approx(7.0 / 3)  # sample variance 7 over 3 shoppers


def test_a_ratio_is_of_sums_and_its_variance_by_hand() -> None:
    # R = 3/6; rests 1-1=0, 2-2=0, 0-... : x - R*y = [0.5, 0.0, -0.5]
    found = ratio(np.array([1.0, 2.0, 0.0]), np.array([1.0, 4.0, 1.0]))
    assert found.value == 0.5
    assert found.variance == pytest.approx((0.25 + 0.25) * 3 / 2 / 36)
    assert found.n_positive == 2


def test_a_shoppers_many_lists_are_one_observation() -> None:
    rng = np.random.default_rng(0)
    shown = rng.integers(1, 20, 400).astype(float)
    clicked = rng.binomial(shown.astype(int), rng.beta(1, 4, 400)).astype(float)
    found = ratio(clicked, shown)
    resampled = [clicked[rows].sum() / shown[rows].sum() for rows in rng.integers(400, size=(2_000, 400))]
    assert np.sqrt(found.variance) == pytest.approx(np.std(resampled), rel=0.08)
    by_list = found.value * (1 - found.value) / shown.sum()
    assert found.variance > 2 * by_list


def test_the_interval_of_a_mean_is_the_bootstraps() -> None:
    rng = np.random.default_rng(1)
    money = rng.lognormal(0, 1, 1_000)
    ours = fixed_interval(ratio(money, np.ones(1_000)), 0.05)
    theirs = bootstrap_interval(money, rng)
    assert ours == pytest.approx((theirs.low, theirs.high), rel=0.03)


def test_a_difference_adds_variances_and_a_lift_divides() -> None:
    treatment, control = Estimate(0.12, 4e-4, 100, 12), Estimate(0.10, 5e-4, 100, 10)
    found = contrast(treatment, control)
    assert (found.value, found.variance, found.n_units) == pytest.approx((0.02, 9e-4, 200))
    assert fixed_p_value(found) == pytest.approx(0.505, abs=1e-3)
    assert contrast(treatment, control, 0.9).value == pytest.approx(0.03)
    relative = lift(treatment, control)
    assert relative.value == pytest.approx(0.2)
    assert relative.variance == pytest.approx((4e-4 + 1.44 * 5e-4) / 0.01)
    assert np.isnan(lift(treatment, Estimate(0.0, 0.0, 100, 0)).value)


def test_nobody_gives_no_figure() -> None:
    assert np.isnan(ratio(np.zeros(0), np.zeros(0)).value)
    assert np.isnan(ratio(np.ones(1), np.ones(1)).variance)
