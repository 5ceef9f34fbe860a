import numpy as np
import pytest

from ranking.calibration import Calibration, fit_calibration


def test_the_map_that_drew_the_outcomes_is_found() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(3, 2, size=(4000, 10)).astype(np.float32)
    truth = Calibration(0.8, -3.0)
    relevant = rng.random(scores.shape) < truth.probability(scores)
    found = fit_calibration(scores, relevant, k=10)
    assert found.slope == pytest.approx(0.8, abs=0.05)
    assert found.intercept == pytest.approx(-3.0, abs=0.15)


def test_only_the_best_places_count() -> None:
    scores = np.tile(np.array([[5.0, 4.0, -50.0]], np.float32), (100, 1))
    relevant = np.zeros((100, 3), np.bool_)
    relevant[:20, 0] = relevant[:10, 1] = True
    relevant[:, 2] = True
    found = fit_calibration(scores, relevant, k=2)
    assert found.probability(np.array([5.0, 4.0])) == pytest.approx([0.2, 0.1], abs=1e-3)


def test_the_order_of_a_list_stays_even_where_scores_misled() -> None:
    scores = np.tile(np.array([[2.0, 1.0]], np.float32), (50, 1))
    relevant = np.tile(np.array([[False, True]]), (50, 1))
    assert fit_calibration(scores, relevant, k=2).slope == 0


def test_scores_that_are_all_equal_get_the_share_that_was_taken() -> None:
    relevant = np.arange(40).reshape(10, 4) % 4 == 0
    found = fit_calibration(np.ones((10, 4), np.float32), relevant)
    assert found.probability(np.ones(1)) == pytest.approx([0.25], abs=1e-3)
