import json
from collections.abc import Mapping

import pytest

from evaluation.experiments.results import Results, results_of
from evaluation.experiments.tally import Tally
from ranking.experiments.schema import Arm, Experiment, Guardrail, StoppedArm
from tests.evaluation.experiments.made import NOON, experiment, seen


def results(trial: Experiment, clicks: Mapping[str, tuple[int, int]], money: float = 10.0) -> Results:
    """Each arm's (shoppers, how many of them clicked and bought), each with one list."""
    tally = Tally(trial)
    for arm, (n_shoppers, n_clicked) in clicks.items():
        for n in range(n_shoppers):
            tally.add(seen(f"{arm}{n}", f"{arm}{n}", arm))
            if n < n_clicked:
                tally.add(seen(f"{arm}{n}", f"{arm}{n}", arm, "select_item", team=1))
                tally.add(seen(f"{arm}{n}", f"{arm}{n}", arm, "purchase", money=money))
    return results_of(trial, tally)


def test_nothing_seen_is_too_early_and_still_json() -> None:
    found = results(experiment(), {})
    assert found.decision == "ctr: too early to say anything of b"
    assert found.arms[1].metrics["ctr"].verdict == "too_early"
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["arms"][0]["n_shoppers"] == 0


def test_a_large_difference_is_called_and_a_small_one_is_not() -> None:
    found = results(experiment(), {"control": (1_000, 100), "b": (1_000, 180)})
    ctr = found.arms[1].metrics["ctr"]
    assert found.decision == "ctr: b is better than control"
    assert ctr.difference is not None
    assert ctr.lift is not None
    assert ctr.difference.value == pytest.approx(0.08)
    assert ctr.lift.value == pytest.approx(0.8)
    assert (ctr.difference.low or 0) > 0
    assert (
        results(experiment(), {"control": (1_000, 100), "b": (1_000, 40)}).arms[1].metrics["ctr"].verdict
        == "worse"
    )
    small = results(experiment(), {"control": (1_000, 100), "b": (1_000, 120)})
    assert small.decision == "ctr: no difference shown yet between b and control"


def test_more_arms_need_more_evidence() -> None:
    three = (Arm(name="control", weight=0.4), Arm(name="b", weight=0.3), Arm(name="c", weight=0.3))
    clicks = {"control": (1_000, 100), "b": (1_000, 152)}
    assert results(experiment(), clicks).arms[1].metrics["ctr"].verdict == "better"
    found = results(experiment(arms=three), {**clicks, "c": (1_000, 100)})
    assert found.arms[1].metrics["ctr"].verdict == "undecided"


def test_unequal_arms_are_not_to_be_trusted() -> None:
    found = results(experiment(), {"control": (1_000, 100), "b": (700, 180)})
    assert found.mismatch.found
    assert found.decision.startswith("do not trust this")


def test_a_guardrail_is_crossed_only_beyond_doubt() -> None:
    trial = experiment(guardrails=(Guardrail(metric="conversion", max_drop=0.1),))
    (sure,) = results(trial, {"control": (2_000, 400), "b": (2_000, 250)}).guardrails
    assert sure.crossed
    assert "conversion is more than 10% below" in sure.reason
    for n_bought in (350, 300):  # 12 % and 25 % below: not sure yet
        (unsure,) = results(trial, {"control": (2_000, 400), "b": (2_000, n_bought)}).guardrails
        assert not unsure.crossed
    (none_bought,) = results(trial, {"control": (2_000, 400), "b": (2_000, 0)}).guardrails
    assert none_bought.crossed


def test_a_stopped_arm_is_compared_no_more() -> None:
    gone = (StoppedArm(name="b", time=NOON, reason="guardrail"),)
    trial = experiment(stopped_arms=gone, guardrails=(Guardrail(metric="ctr", max_drop=0.1),))
    found = results(trial, {"control": (1_000, 100), "b": (500, 10)})
    assert found.arms[1].metrics["ctr"].difference is None
    assert found.decision == "ctr: b was stopped"
    assert (found.guardrails, found.mismatch.found) == ((), False)


def test_an_interleaving_says_whose_items_win() -> None:
    found = results(experiment(kind="interleaving"), {"both": (400, 300)})
    assert found.preference is not None
    assert (found.preference.n_shoppers, found.preference.value.value) == (300, 1.0)
    assert found.preference.verdict == "too_early"  # all alike: no variance to judge by
    assert found.arms[0].arm == "both"
