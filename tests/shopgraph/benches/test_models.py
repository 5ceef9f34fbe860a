"""Contenders side by side on a small shop: ours always, each peer where its environment is there."""

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ranking.config import HybridConfig
from ranking.holdout import hold_out
from shopgraph.benches.lightgcn import our_epochs, recbole_epochs
from shopgraph.benches.models import MODELS, markdown, run
from shopgraph.benches.peers import (
    PEER_MODELS,
    ContenderFailed,
    Limits,
    environment_folder,
    is_installed,
    package_of,
    run_process,
)
from shopgraph.benches.task import Split
from shopgraph.demoshop.write import make_shop
from shopgraph.errors import BadSettings
from shopgraph.evaluating import Question
from shopgraph.settings import Settings
from tests.planted import planted_snapshot

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(seconds=60, epochs=4, settings=1, threads=1)


@pytest.fixture(scope="session")
def question(tmp_path_factory: pytest.TempPathFactory) -> Question:
    folder = tmp_path_factory.mktemp("bench") / "shop"
    make_shop(folder, rng=np.random.default_rng(3), now=NOW, n_items=200, n_users=100)
    return Question(folder, "shop", "time")


def _silent(stage: str) -> None:
    """Nobody listens."""


def test_an_unknown_model_is_the_callers_mistake(question: Question) -> None:
    with pytest.raises(BadSettings, match="'lightfm': expected some of hybrid"):
        run(question, ["lightfm"], LIMITS, Settings(), NOW, _silent)


def test_ours_are_measured_in_processes_of_their_own(question: Question) -> None:
    rows = run(question, ["ease", "popularity"], LIMITS, Settings(), NOW, _silent)
    assert [row["model"] for row in rows] == ["ease", "popularity"]
    ease, popularity = rows
    assert ease["failure"] == popularity["failure"] == ""
    assert ease["ndcg@10"] > popularity["ndcg@10"]
    low, high = popularity["ndcg@10_lead_ci95"]
    assert 0 < low < popularity["ndcg@10_lead"] < high
    assert popularity["n_parameters"] == 200
    assert 20 < popularity["peak_rss_mb"] < 2_000
    assert markdown(rows).count("\n") == 4


def test_a_run_goes_on_from_what_was_kept_if_it_is_asked_the_same(question: Question, tmp_path: Path) -> None:
    said: list[str] = []

    def ran(models: list[str], limits: Limits, now: datetime) -> list[object]:
        said.clear()
        rows = run(question, models, limits, Settings(), now, said.append, tmp_path)
        return [(row["ndcg@10"], row["details"]) for row in rows]

    first = ran(["popularity"], LIMITS, NOW)
    again = ran(["ease", "popularity"], LIMITS, NOW + timedelta(days=9))
    assert again[1] == first[0]
    assert [stage.split(" was done")[0] for stage in said if "was done before" in stage] == ["popularity"]
    ran(["popularity"], replace(LIMITS, epochs=5), NOW)
    assert not any("was done before" in stage for stage in said)


def test_repeats_and_cold_starts_are_views_of_their_own(question: Question) -> None:
    again = replace(question, repeats=True)
    rows = run(again, ["most_bought", "popularity"], LIMITS, Settings(), NOW, _silent)
    assert [(row["view"], row["model"]) for row in rows] == [
        ("time", "most_bought"),
        ("time", "popularity"),
        ("repeats_counted", "most_bought"),
        ("repeats_counted", "popularity"),
    ]
    assert rows[0]["ndcg@10"] != rows[2]["ndcg@10"]
    assert rows[1]["ndcg@10"] != rows[3]["ndcg@10"]
    assert "## repeats_counted" in markdown(rows)
    cold = run(replace(question, protocol="cold-users"), ["ease"], LIMITS, Settings(), NOW, _silent)
    assert [row["view"] for row in cold] == ["given_all", "given_1", "given_3", "given_5"]
    assert all(row["ndcg@10"] >= 0 for row in cold)


def test_what_cannot_run_is_a_row_with_the_reason(
    question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> None:
        raise ContenderFailed("not installed: no such package")

    monkeypatch.setattr("shopgraph.benches.models.run_peer", absent)
    rows = run(question, ["implicit-als", "popularity"], LIMITS, Settings(), NOW, _silent)
    assert rows[0]["failure"] == "not installed: no such package"
    assert rows[0]["ndcg@10"] is None
    assert rows[1]["ndcg@10"] > 0
    assert "| implicit-als | not installed: no such package |" in markdown(rows)


def test_the_last_line_of_a_process_that_failed_is_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ContenderFailed, match="no relations here"):
        run_process([sys.executable, "-c", "raise SystemExit('no relations here')"], tmp_path, LIMITS)


def test_our_lightgcn_epochs_lower_the_loss() -> None:
    snapshot = planted_snapshot()
    _, validation = hold_out(snapshot, "random", np.random.default_rng(0))
    split = Split(snapshot, snapshot, {}, snapshot, validation, False, HybridConfig())
    epochs = our_epochs(split, Limits(epochs=3))
    assert len(epochs) == 3
    assert epochs[2]["loss"] < epochs[0]["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("model", PEER_MODELS)
def test_each_peer_runs_end_to_end(question: Question, model: str) -> None:
    _need(package_of(model))
    row = run(question, [model], LIMITS, Settings(), NOW, _silent)[0]
    assert row["failure"] == ""
    assert 0 < row["ndcg@10"] < 1
    assert row["seconds_to_best"] <= row["train_seconds"]
    assert row["version"].startswith(package_of(model))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["implicit-als", "implicit-bm25", "lenskit-itemknn", "rectools-ease"])
def test_these_peers_fold_in_users_whom_they_have_not_met(question: Question, model: str) -> None:
    _need(package_of(model))
    cold = replace(question, protocol="cold-users")
    assert all(row["failure"] == "" for row in run(cold, [model], LIMITS, Settings(), NOW, _silent))


@pytest.mark.slow
def test_recboles_lightgcn_starts_from_our_loss(question: Question) -> None:
    _need("recbole")
    from shopgraph.benches.task import read_split

    split = read_split(question, NOW, 0, Settings())
    ours = our_epochs(split, Limits(epochs=2))
    theirs, versions = recbole_epochs(split, Limits(epochs=2), _silent)
    assert versions["recbole"] == "1.2.1"
    assert theirs[1]["loss"] == pytest.approx(ours[1]["loss"], rel=0.02)


def test_every_model_has_a_name_of_its_own() -> None:
    assert len(set(MODELS)) == len(MODELS)


def _need(package: str) -> None:
    if not is_installed(package):
        pytest.skip(
            f"{package} is not in {environment_folder(package)}; `shopgraph bench models` puts it there"
        )
