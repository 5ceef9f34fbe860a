import numpy as np
import pytest

from evaluation.experiments.estimates import contrast, ratio
from evaluation.experiments.planning import shoppers_needed
from evaluation.experiments.sequential import p_value, tuned_for


def test_the_number_is_the_textbooks_with_the_wider_limit() -> None:
    n = shoppers_needed(0.1, 0.2)
    fixed = 2 * (1.96 + 0.8416) ** 2 * (0.1 * 0.9 + 0.12 * 0.88) / 0.02**2  # 7,682 in both arms
    assert n / fixed == pytest.approx((3.02 + 0.8416) ** 2 / (1.96 + 0.8416) ** 2, rel=0.02)
    assert shoppers_needed(0.1, 0.1) > 3 * n
    assert shoppers_needed(0.1, -0.2) == pytest.approx(n, rel=0.2)


def test_so_many_shoppers_find_the_lift_as_often_as_promised() -> None:
    n, rng = shoppers_needed(0.2, 0.25), np.random.default_rng(0)
    rho2, found = tuned_for(n, 0.05), 0
    for _ in range(300):
        control, treatment = (
            ratio((rng.random(n // 2) < rate).astype(float), np.ones(n // 2)) for rate in (0.2, 0.25)
        )
        found += p_value(contrast(treatment, control), rho2) < 0.05
    assert 0.73 <= found / 300 <= 0.88


def test_what_makes_no_sense_is_refused() -> None:
    for rate, lift in ((0.0, 0.1), (0.6, 0.7), (0.1, 0.0)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            shoppers_needed(rate, lift)
