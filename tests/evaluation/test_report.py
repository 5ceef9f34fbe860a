import json

import numpy as np
import pytest

from evaluation.harness import ModelResult
from evaluation.report import Report, Run, build_report, markdown_table

RUN = Run("planted", "split", "all", 3, 4, (1, 2), 12.5, 300.0, "cpu")


def result(users: list[int], ndcg: list[float]) -> ModelResult:
    ranked = np.array([[user % 4, (user + 1) % 4] for user in users], np.int32)
    per_user = {"ndcg@10": np.array(ndcg), "novelty@10": np.full(len(users), 2.0)}
    return ModelResult(np.array(users, np.int32), per_user, ranked, 4)


def report() -> Report:
    results = [
        {"hybrid": result([0, 1, 2], [0.5, 0.7, 0.9]), "popularity": result([0, 1, 2], [0.2, 0.4, 0.6])},
        {"hybrid": result([0, 1, 2], [0.7, 0.7, 0.7]), "popularity": result([0, 1, 2], [0.4, 0.4, 0.4])},
    ]
    return build_report(RUN, results, np.random.default_rng(0), pairs=[("hybrid", "popularity")])


def test_users_are_averaged_over_seeds_before_resampling() -> None:
    found = report().models["hybrid"]["ndcg@10"]
    assert found.mean == pytest.approx(0.7)
    # per user 0.6, 0.7, 0.8: no resample can leave that range
    assert 0.6 - 1e-9 <= found.low < 0.7 < found.high <= 0.8 + 1e-9


def test_seeds_with_other_users_are_pooled_by_user() -> None:
    results = [{"m": result([0, 1], [0.2, 0.4])}, {"m": result([1, 2], [0.8, 0.9])}]
    found = build_report(RUN, results, np.random.default_rng(0)).models["m"]["ndcg@10"]
    assert found.mean == pytest.approx((0.2 + 0.6 + 0.9) / 3)


def test_difference_is_paired() -> None:
    found = report().differences["hybrid - popularity"]["ndcg@10"]
    assert (found.mean, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))


def test_json_has_the_promised_shape() -> None:
    content = json.loads(json.dumps(report().to_json()))
    assert content["seeds"] == [1, 2]
    assert content["train_seconds"] == 12.5
    assert set(content) >= {"dataset", "protocol", "variant", "n_users", "n_items", "peak_rss_mb", "device"}
    metric = content["models"]["hybrid"]["ndcg@10"]
    assert set(metric) == {"mean", "ci95"}
    low, high = metric["ci95"]
    assert low <= metric["mean"] <= high
    assert content["models"]["hybrid"]["coverage@10"]["mean"] == 1.0


def test_table_has_a_row_for_each_model() -> None:
    lines = markdown_table(report()).splitlines()
    assert lines[0] == "| model | ndcg@10 | coverage@10 | novelty@10 |"
    assert lines[2].startswith("| hybrid | 70.00 ± ")
    assert lines[3].startswith("| popularity | 40.00 ± ")
    assert lines[3].endswith(" | 2.00 ± 0.00 |")
    assert {line.count("|") for line in lines} == {5}


def test_seeds_must_agree_on_models() -> None:
    with pytest.raises(ValueError, match="same models"):
        build_report(RUN, [{"a": result([0], [1.0])}, {"b": result([0], [1.0])}], np.random.default_rng(0))
    with pytest.raises(ValueError, match="there must be one"):
        build_report(RUN, [], np.random.default_rng(0))
