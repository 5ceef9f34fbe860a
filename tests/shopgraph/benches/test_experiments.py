import numpy as np
import pytest

from evaluation.experiments.simulate import MadeShop
from shopgraph.benches import experiments
from shopgraph.benches.experiments import (
    SEQUENTIAL,
    Alarms,
    arms_rows,
    counterfactual_rows,
    first_below,
    interleaving_rows,
    mismatch_rows,
)


def test_alarms_are_counted_with_the_day_of_the_first() -> None:
    assert first_below([0.2, 0.04, 0.5, 0.01]) == 2
    assert first_below([0.2, 0.05]) is None
    alarms = Alarms()
    for day in (None, 3, 5, None):
        alarms.add(day)
    row = alarms.row("q", "w", "ctr", "m")
    assert (row["experiments"], row["share"], row["median_day"]) == (4, 0.5, 4)
    assert row["ci95_low"] < 0.5 < row["ci95_high"]


def test_a_huge_effect_is_found_by_all_and_the_sequential_test_last() -> None:
    shop = MadeShop(n_shoppers=2_000, n_days=10, lift=1.0)
    rows = {row["method"]: row for row in arms_rows("found", "w", shop, 4, np.random.default_rng(0))[:3]}
    assert [row["share"] for row in rows.values()] == [1, 1, 1]
    assert rows[SEQUENTIAL]["median_day"] >= rows[experiments.DAILY_Z]["median_day"]


def test_every_question_gets_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "N_OTHER", 20)
    rng = np.random.default_rng(0)
    rows = [*mismatch_rows(rng), *interleaving_rows(rng), *counterfactual_rows(rng)]
    assert len(rows) == 4 + 4 + 3
    assert len({tuple(row) for row in rows}) == 1
    held = [row["share"] for row in rows if row["question"].startswith("95 %")]
    assert min(held) >= 0.75
