import numpy as np
import pytest

from evaluation.experiments.estimates import Contrast
from evaluation.experiments.sequential import boundary, interval, p_value, tuned_for


def test_the_interval_is_narrowest_where_it_was_tuned() -> None:
    rho2 = tuned_for(1_000, 0.05)
    r = 1_000 * rho2
    assert r == pytest.approx(np.log(1 + r) - 2 * np.log(0.05))
    best = boundary(1_000, 0.05, rho2)
    assert all(boundary(1_000, 0.05, rho2 * other) > best for other in (0.5, 0.9, 1.1, 2.0))
    assert 2.9 < best < 3.1  # the price of looking whenever one likes, beside 1.96


def test_the_p_value_is_the_level_at_which_the_interval_touches_zero() -> None:
    rho2 = tuned_for(5_000, 0.05)
    found = Contrast(0.03, 0.009**2, 4_000)
    p = p_value(found, rho2)
    assert 0 < p < 1
    assert interval(found, p, rho2)[0] == pytest.approx(0, abs=1e-9)
    assert p_value(Contrast(0.0, 1.0, 10), rho2) == 1.0


def test_a_walk_without_drift_seldom_leaves_and_one_with_drift_does() -> None:
    rng, rho2, n = np.random.default_rng(3), tuned_for(500, 0.05), np.arange(1, 2_001)
    walks = rng.standard_normal((1_000, 2_000)).cumsum(axis=1) / np.sqrt(n)
    limits = np.array([boundary(int(each), 0.05, rho2) for each in n])
    left = (np.abs(walks) > limits).any(axis=1).mean()
    naive = (np.abs(walks) > 1.96).any(axis=1).mean()
    assert left <= 0.05
    assert naive > 0.4
    drifting = walks + 0.1 * np.sqrt(n)
    assert (np.abs(drifting) > limits).any(axis=1).mean() > 0.9


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        tuned_for(100, 0.0)
    with pytest.raises(ValueError, match="unit"):
        tuned_for(0, 0.05)
