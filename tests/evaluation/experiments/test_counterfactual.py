import numpy as np
import pytest

from evaluation.experiments.counterfactual import Logged, policy_values

TRUTH = np.array([[0.10, 0.30], [0.40, 0.20]])
"""Mean reward of each arm in two contexts that are equally frequent."""


def log_of_arms(n_units: int, rng: np.random.Generator, propensity: float = 0.2) -> Logged:
    """Shoppers with one to four answers each; the second arm was shown with this probability."""
    unit = np.repeat(np.arange(n_units), rng.integers(1, 5, n_units))
    context = (unit % 2).astype(np.int32)
    arm = (rng.random(n_units) < propensity)[unit].astype(np.int32)
    taste = rng.normal(0, 0.05, n_units)[unit]
    reward = (rng.random(len(unit)) < TRUTH[context, arm] + taste).astype(float)
    logged = np.where(arm == 1, propensity, 1 - propensity)
    return Logged(unit.astype(np.int32), context, arm, logged, reward)


def test_each_estimate_by_hand() -> None:
    logged = Logged(
        np.array([0, 1, 2, 3], np.int32),
        np.zeros(4, np.int32),
        np.array([0, 0, 1, 1], np.int32),
        np.full(4, 0.5),
        np.array([1.0, 0.0, 1.0, 1.0]),
    )
    found = {each.method: each for each in policy_values(logged, np.array([[0.25, 0.75]]))}
    assert found["ips"].value == pytest.approx((0.5 + 0 + 1.5 + 1.5) / 4)
    assert found["snips"].value == pytest.approx(3.5 / 4)
    assert found["doubly_robust"].value == pytest.approx(0.25 * 0.5 + 0.75 * 1.0)
    assert found["ips"].effective_n == pytest.approx(16 / (0.25 + 0.25 + 2.25 + 2.25))


@pytest.mark.parametrize("method", ["ips", "snips", "doubly_robust"])
def test_intervals_hold_the_known_truth(method: str) -> None:
    policy = np.array([[0.1, 0.9], [0.9, 0.1]])
    truth = float((policy * TRUTH).sum(axis=1).mean())
    rng = np.random.default_rng(5)
    held, values = [], []
    for _ in range(300):
        found = {each.method: each for each in policy_values(log_of_arms(800, rng), policy)}[method]
        held.append(found.low <= truth <= found.high)
        values.append(found.value)
    assert 0.91 <= np.mean(held) <= 0.985
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / np.sqrt(300))


def test_knowing_rewards_narrows_the_interval() -> None:
    found = {
        each.method: each
        for each in policy_values(log_of_arms(4_000, np.random.default_rng(2)), np.array([[0, 1], [0, 1]]))
    }
    width = {name: each.high - each.low for name, each in found.items()}
    assert width["doubly_robust"] <= width["snips"] < width["ips"]
    assert found["ips"].effective_n < len(log_of_arms(4_000, np.random.default_rng(2)).unit) / 3


def test_the_logging_policy_itself_is_the_plain_mean() -> None:
    logged = log_of_arms(500, np.random.default_rng(1))
    for each in policy_values(logged, np.array([[0.8, 0.2], [0.8, 0.2]])):
        assert each.effective_n == pytest.approx(len(logged.unit))
        assert each.value == pytest.approx(logged.reward.mean(), abs=0.02)


def test_what_is_no_policy_is_refused() -> None:
    logged = log_of_arms(10, np.random.default_rng(1))
    with pytest.raises(ValueError, match="sum to 1"):
        policy_values(logged, np.array([[0.5, 0.4], [0.5, 0.5]]))
    broken = Logged(logged.unit, logged.context, logged.arm, np.zeros(len(logged.unit)), logged.reward)
    with pytest.raises(ValueError, match="propensities"):
        policy_values(broken, np.array([[0.5, 0.5], [0.5, 0.5]]))
