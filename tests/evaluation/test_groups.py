import numpy as np
import pytest

from evaluation.groups import results_by_group
from evaluation.harness import ModelResult


def result(users: list[int], ndcg: list[float]) -> ModelResult:
    values = np.array(ndcg)
    ranked = np.zeros((len(users), 2), np.int32)
    return ModelResult(np.array(users, np.int32), {"ndcg@10": values, "recall@10": values / 2}, ranked, 4)


def test_each_group_has_the_mean_of_its_own_users() -> None:
    results = [{"hybrid": result([0, 1, 2], [0.2, 0.4, 0.9])}]
    found = results_by_group(results, [np.array([0, 0, 2])], ("cold", "warm", "heavy"), rng())
    assert list(found) == ["cold", "heavy"]
    assert found["cold"].n_users == 2
    assert found["cold"].models["hybrid"]["ndcg@10"].mean == pytest.approx(0.3)
    assert found["heavy"].models["hybrid"]["recall@10"].mean == pytest.approx(0.45)


def test_a_user_of_two_seeds_counts_once() -> None:
    results = [{"m": result([0, 1], [0.2, 0.4])}, {"m": result([1, 2], [0.8, 0.9])}]
    found = results_by_group(results, [np.zeros(2, int), np.zeros(2, int)], ("cold",), rng())["cold"]
    assert found.n_users == 3
    assert found.models["m"]["ndcg@10"].mean == pytest.approx((0.2 + 0.6 + 0.9) / 3)
    at = found.to_json()["models"]["m"]["ndcg@10"]
    assert at["ci95"][0] <= at["mean"] <= at["ci95"][1]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)
