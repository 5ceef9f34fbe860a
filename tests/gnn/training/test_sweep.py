import json
from collections.abc import Callable

import pytest

from gnn.training.board import EpochReport
from gnn.training.space import OneOf, Space, Span
from gnn.training.sweep import Sweep, Trial, Values, sweep
from shopgraph.errors import BadSettings

SPACE: Space = {"rate": Span(0.01, 1.0, log=True), "size": OneOf((1, 2, 4))}
START = {"rate": 0.9, "size": 1, "other": "not swept"}


def train(values: Values, on_epoch: Callable[[EpochReport], None]) -> None:
    """Best at rate 0.1 and size 4; the second epoch is the best one."""
    quality = 1 - abs(float(values["rate"]) - 0.1) + int(values["size"]) / 10
    for epoch, share in enumerate((0.5, 1.0, 0.9), start=1):
        on_epoch(EpochReport(epoch, 3, 1.0, quality * share, 0.0, 0.0))


def figures(found: Sweep) -> list[tuple[Values, float, str]]:
    return [(trial.values, trial.ndcg, trial.outcome) for trial in found.trials]


def test_the_settings_as_they_are_come_first_and_the_best_is_near_the_optimum() -> None:
    found = sweep(SPACE, START, train, 30, seed=0)
    assert found.trials[0].values == {"rate": 0.9, "size": 1}
    assert found.trials[0].ndcg == pytest.approx(0.3)
    assert found.best.values["size"] == 4
    assert found.best.values["rate"] == pytest.approx(0.1, abs=0.05)
    assert found.best.best_epoch == 2


def test_the_same_seed_tries_the_same() -> None:
    assert figures(sweep(SPACE, START, train, 8, seed=3)) == figures(sweep(SPACE, START, train, 8, seed=3))
    assert figures(sweep(SPACE, START, train, 8, seed=3)) != figures(sweep(SPACE, START, train, 8, seed=4))


def test_what_is_behind_the_median_is_cut_short() -> None:
    n_epochs: list[int] = []

    def counted(values: Values, on_epoch: Callable[[EpochReport], None]) -> None:
        n_epochs.append(0)

        def count(report: EpochReport) -> None:
            n_epochs[-1] += 1
            on_epoch(report)

        train(values, count)

    found = sweep(SPACE, START, counted, 20, seed=0)
    cut = [trial.number for trial in found.trials if trial.outcome == "cut"]
    assert cut
    assert min(cut) >= 4
    assert all((n_epochs[trial.number] < 3) == (trial.outcome == "cut") for trial in found.trials)


def test_settings_that_can_not_be_trained_are_noted_and_passed_over() -> None:
    def fails(values: Values, on_epoch: Callable[[EpochReport], None]) -> None:
        if values["size"] == 4:
            raise BadSettings("the loss is nan")
        train(values, on_epoch)

    seen: list[Trial] = []
    found = sweep(SPACE, START, fails, 12, seed=0, on_trial=seen.append)
    assert "the loss is nan" in {trial.outcome for trial in found.trials}
    assert found.best.values["size"] == 2
    assert tuple(seen) == found.trials


def test_a_setting_outside_its_range_is_drawn() -> None:
    found = sweep(SPACE, {"rate": 7.0, "size": 2}, train, 1, seed=0)
    assert found.best.values["size"] == 2
    assert 0.01 <= float(found.best.values["rate"]) <= 1.0


def test_results_are_json_and_a_table_with_the_best_in_front() -> None:
    found = sweep(SPACE, START, train, 6, seed=0)
    body = json.loads(json.dumps(found.to_json()))
    assert body["best"]["values"] == found.best.values
    assert len(body["trials"]) == 6
    rows = found.rows()
    assert rows[0]["trial"] == found.best.number
    assert set(rows[0]) == {"trial", "ndcg@10", "epoch", "seconds", "outcome", "settings"}
    assert rows[0]["settings"] == f"rate={found.best.values['rate']:.3g}, size={found.best.values['size']}"
