import numpy as np
import pytest

from evaluation.bootstrap import (
    bootstrap_interval,
    bootstrap_intervals,
    coverage_interval,
    paired_difference,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_interval_has_the_width_of_the_normal_approximation() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 4000)
    found = bootstrap_interval(values, rng())
    half = 1.96 * values.std() / np.sqrt(4000)
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.mean == pytest.approx(half, rel=0.15)
    assert found.mean - found.low == pytest.approx(half, rel=0.15)


def test_interval_holds_the_true_mean_about_95_times_in_100() -> None:
    draws = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        found = bootstrap_interval(draws.exponential(1.0, 150), draws, n_resamples=300)
        held += found.low <= 1.0 <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_constant_values_have_no_width() -> None:
    found = bootstrap_interval(np.full(50, 0.25), rng())
    assert (found.mean, found.low, found.high) == (0.25, 0.25, 0.25)


def test_columns_are_resampled_together() -> None:
    values = np.random.default_rng(3).random(200)
    first, second = bootstrap_intervals(np.stack([values, values + 1], axis=1), rng())
    assert second.low - first.low == pytest.approx(1)


def test_small_but_steady_gain_shows_in_the_paired_interval_alone() -> None:
    theirs = np.random.default_rng(4).random(300)
    ours = theirs + 0.01
    gain = paired_difference(ours, theirs, rng())
    assert gain.low == pytest.approx(0.01)
    assert bootstrap_interval(ours, rng()).low < bootstrap_interval(theirs, rng()).high


def test_paired_values_need_the_same_users() -> None:
    with pytest.raises(ValueError, match="same users"):
        paired_difference(np.ones(3), np.ones(4), rng())


def test_no_users_are_refused() -> None:
    with pytest.raises(ValueError, match="n_users"):
        bootstrap_interval(np.zeros(0), rng())


def test_coverage_interval_lies_around_what_was_observed() -> None:
    ranked = np.random.default_rng(5).integers(0, 300, (100, 5)).astype(np.int32)
    found = coverage_interval(ranked, 300, 5, rng())
    assert found.mean == len(np.unique(ranked)) / 300
    assert found.low < found.mean < found.high
    assert found.high - found.low < 0.15


def test_coverage_that_every_user_agrees_on_has_no_width() -> None:
    found = coverage_interval(np.tile(np.array([[0, 1]], np.int32), (20, 1)), 4, 2, rng())
    assert (found.mean, found.low, found.high) == (0.5, 0.5, 0.5)
