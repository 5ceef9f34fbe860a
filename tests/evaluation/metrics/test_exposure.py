import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.exposure import exposure_at_k, exposure_shares, gini

SECOND = 1 / np.log2(3)


def test_places_give_what_their_discount_says() -> None:
    ranked = np.array([[0, 2, 1], [0, -1, -1]], np.int32)
    np.testing.assert_allclose(exposure_at_k(ranked, 4, 2), [2, 0, SECOND, 0])
    np.testing.assert_allclose(exposure_at_k(ranked, 4, 10), [2, 0.5, SECOND, 0])


def test_gini_by_hand() -> None:
    assert gini(np.array([1.0, 1.0, 1.0, 1.0])) == 0
    assert gini(np.array([0.0, 0.0, 0.0, 4.0])) == pytest.approx(3 / 4)
    assert gini(np.array([3.0, 1.0])) == pytest.approx(1 / 4)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12).filter(lambda found: sum(found) > 1e-3))
def test_gini_is_half_the_relative_mean_difference(values: list[float]) -> None:
    exposure = np.array(values)
    differences = np.abs(exposure[:, None] - exposure[None, :])
    assert gini(exposure) == pytest.approx(differences.mean() / (2 * exposure.mean()), abs=1e-9)


def test_gini_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="any exposure"):
        gini(np.zeros(3))


def test_shares_of_groups() -> None:
    exposure = np.array([1.0, 0.5, 0.5, 2.0])
    np.testing.assert_allclose(exposure_shares(exposure, np.array([0, 1, 0, 1]), 3), [3 / 8, 5 / 8, 0])
    assert exposure_shares(np.zeros(2), np.array([0, 1]), 2).tolist() == [0, 0]


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        exposure_at_k(np.zeros((1, 1), np.int32), 1, 0)
