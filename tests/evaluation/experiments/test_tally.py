import numpy as np
import pytest

from evaluation.experiments.tally import Tally, estimates, preference
from ranking.experiments.schema import Metric
from tests.evaluation.experiments.made import DAY_S, NOON, experiment, seen


def test_metrics_of_two_shoppers_by_hand() -> None:
    tally = Tally(experiment())
    for observation in (
        seen("a1", "u1", "b"),
        seen("a1", "u1", "b", "select_item"),
        seen("a1", "u1", "b", "add_to_cart"),
        seen("a1", "u1", "b", "purchase", money=30.0),
        seen("a2", "u1", "b"),
        seen("a3", "u2", "b"),
    ):
        tally.add(observation)
    found = estimates(tally.shoppers()["b"])
    values: dict[Metric, float] = {metric: each.value for metric, each in found.items()}
    assert values == pytest.approx({"ctr": 1 / 3, "add_to_cart": 1 / 3, "conversion": 0.5, "revenue": 15})
    assert tally.shoppers()["control"] == []


def test_only_what_was_shown_counts_in_whatever_order_it_comes() -> None:
    tally = Tally(experiment())
    tally.add(seen("a1", "u1", "b", "purchase", money=9.0))
    assert tally.shoppers()["b"] == []
    tally.add(seen("a1", "u1", "b"))
    (totals,) = tally.shoppers()["b"]
    assert (totals.n_shown, totals.n_bought, totals.money) == (1, 1, 9.0)


def test_the_same_event_again_a_late_one_and_a_strange_arm_count_nothing() -> None:
    tally = Tally(experiment(window_days=2))
    late = NOON.timestamp() + 2 * DAY_S + 1
    for observation in (
        seen("a1", "u1", "b"),
        seen("a1", "u1", "b", "purchase", money=9.0),
        seen("a1", "u1", "b", "purchase", money=9.0),
        seen("a1", "u1", "b", "select_item", time=late),
        seen("a2", "u2", "gone"),
    ):
        tally.add(observation)
    (totals,) = tally.shoppers()["b"]
    assert (totals.n_bought, totals.money, totals.n_clicked) == (1, 9.0, 0)


def test_points_of_an_interleaving_by_shopper() -> None:
    tally = Tally(experiment(kind="interleaving"))
    for n, (unit, team) in enumerate((("u1", 0), ("u1", 1), ("u1", 1), ("u2", 1), ("u3", None))):
        tally.add(seen(f"a{n}", unit, "both"))
        tally.add(seen(f"a{n}", unit, "both", "select_item", team=team))
    found = preference(tally.shoppers()["both"])
    assert found.n_units == 2
    assert found.value == pytest.approx((1 / 3 + 1) / 2)


def test_answers_as_a_what_if_takes_them() -> None:
    tally = Tally(experiment())
    tally.add(seen("a1", "u1", "b", segment="cold", propensity=0.25))
    tally.add(seen("a1", "u1", "b", "select_item"))
    tally.add(seen("a2", "u2", "control", segment="heavy"))
    tally.add(seen("a3", "u3", "control", "select_item"))
    logged = tally.logged("ctr", ("cold", "warm", "heavy"))
    assert logged.unit.tolist() == [0, 1]
    assert logged.context.tolist() == [0, 2]
    assert logged.arm.tolist() == [1, 0]
    np.testing.assert_array_equal(logged.propensity, [0.25, 0.5])
    np.testing.assert_array_equal(logged.reward, [1.0, 0.0])
