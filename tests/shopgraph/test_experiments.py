"""`shopgraph experiments`, as a person at a terminal uses it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from shopgraph.cli import app
from shopgraph.errors import BadRecord, BadSettings, BadSource, Conflict, NotFound
from tests.shops import TrainedShop

DRAFT: dict[str, Any] = {
    "experiment_id": "more-graph",
    "name": "More graph",
    "author": "Mo",
    "salt": "s",
    "arms": [
        {"name": "control", "weight": 0.5},
        {"name": "graph", "weight": 0.5, "change": {"factors": {"graph": 2}}},
    ],
}


@pytest.fixture
def run(trained_shop: TrainedShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `shopgraph experiments …` on a ledger of its own."""
    monkeypatch.setenv("SHOPGRAPH_ARTEFACTS", str(trained_shop.settings.artefacts))
    monkeypatch.setenv("SHOPGRAPH_LEDGER", str(tmp_path / "ledger.db"))

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["experiments", *arguments, "--store", trained_shop.url])

    return command


def write(folder: Path, **changes: Any) -> str:
    path = folder / "experiment.json"
    path.write_text(json.dumps(DRAFT | changes))
    return str(path)


def test_an_experiment_is_created_started_read_and_stopped(run: Any, tmp_path: Path) -> None:
    assert "is a draft" in run("create", write(tmp_path)).stdout
    assert json.loads(run("start", "more-graph", "--author", "Mo", "--json").stdout)["status"] == "running"
    (listed,) = json.loads(run("list", "--json").stdout)["experiments"]
    assert (listed["experiment_id"], listed["version"]) == ("more-graph", 2)
    assert "too early to say anything of graph" in run("results", "more-graph").stdout
    assert json.loads(run("results", "more-graph", "--json").stdout)["arms"][1]["n_shoppers"] == 0
    run("stop", "more-graph", "--author", "Mo", "--reason", "enough")
    shown = json.loads(run("show", "more-graph", "--json").stdout)
    assert [entry["action"] for entry in shown["audit"]] == ["add", "start", "stop"]
    assert shown["audit"][-1]["reason"] == "enough"
    for words in ("control", "graph", "stopped"):
        assert words in run("show", "more-graph").stdout
        assert words in run("list").stdout


def test_a_plan_says_how_many_shoppers_it_takes() -> None:
    asked = ["experiments", "plan", "--rate", "0.04", "--lift", "0.1"]
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout) == {"planned_shoppers": 151_164}
    assert "151,164 shoppers" in CliRunner().invoke(app, asked).stdout
    assert isinstance(CliRunner().invoke(app, [*asked[:-1], "0"]).exception, BadSettings)


def test_mistakes_are_said_in_a_line(run: Any, tmp_path: Path) -> None:
    arms = [DRAFT["arms"][0], {"name": "b", "weight": 0.1}]
    assert run("list", "--json").exit_code == 0
    assert not (tmp_path / "ledger.db").exists()  # reading makes no file
    for arguments, kind, said in (
        (("show", "none"), NotFound, "no experiment 'none'"),
        (("create", str(tmp_path / "absent.json")), BadSource, "not readable"),
        (("create", write(tmp_path, arms=arms)), BadSource, "must sum to 1, they sum to 0.6"),
    ):
        error = run(*arguments).exception
        assert isinstance(error, kind)
        assert said in str(error)
    run("create", write(tmp_path))
    assert isinstance(run("create", write(tmp_path)).exception, Conflict)
    odd = [DRAFT["arms"][0], {"name": "b", "weight": 0.5, "change": {"factors": {"joy": 1}}}]
    run("create", write(tmp_path, experiment_id="odd", arms=odd))
    assert isinstance(run("start", "odd", "--author", "Mo").exception, BadRecord)
    ruled = [DRAFT["arms"][0], {"name": "b", "weight": 0.5, "change": {"without_rules": ["gone"]}}]
    run("create", write(tmp_path, experiment_id="ruled", arms=ruled))
    assert "no rule 'gone'" in str(run("start", "ruled", "--author", "Mo").exception)
