"""`shopgraph rules` and `what-if`, as somebody types them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ranking.rules.exchange import BadRules
from shopgraph.cli import app
from shopgraph.errors import BadRecord, BadSource, Conflict, NotFound
from tests.shops import TrainedShop

Command = Callable[..., Result]
HIDE = {"name": "Recalled", "effect": {"type": "hide", "target": {"item_ids": ["KIT-00246"]}}}


@pytest.fixture
def shopgraph(trained_shop: TrainedShop, tmp_path: Path) -> Command:
    """The command line on the trained shop, with a ledger of its own."""
    env = {
        "SHOPGRAPH_STORE": trained_shop.url,
        "SHOPGRAPH_ARTEFACTS": str(trained_shop.settings.artefacts),
        "SHOPGRAPH_LEDGER": str(tmp_path / "ledger.db"),
    }

    def run(*arguments: str, said: object = None) -> Result:
        text = said if isinstance(said, str) else json.dumps(said)
        return CliRunner().invoke(app, list(arguments), env=env, input=text)

    return run


def told(done: Result) -> Any:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_rule_is_added_listed_removed_and_brought_back(shopgraph: Command) -> None:
    rule = told(shopgraph("rules", "add", "-", "--author", "mia", "--json", said={**HIDE, "rule_id": "r1"}))
    assert (rule["rule_id"], rule["author"], rule["version"]) == ("r1", "mia", 1)
    assert told(shopgraph("rules", "list", "--json"))["rules"] == [rule]
    with_version = shopgraph("rules", "remove", "r1", "--author", "noor", "--version", "7")
    assert isinstance(with_version.exception, Conflict)
    assert shopgraph("rules", "remove", "r1", "--author", "noor").exit_code == 0
    assert told(shopgraph("rules", "list", "--json"))["rules"] == []
    told(shopgraph("rules", "undo", "--author", "olu", "--json"))
    assert [each["rule_id"] for each in told(shopgraph("rules", "list", "--json"))["rules"]] == ["r1"]
    entries = told(shopgraph("rules", "audit", "--json"))["entries"]
    assert [(each["author"], each["action"]) for each in entries] == [
        ("mia", "add"), ("noor", "remove"), ("olu", "undo")]  # fmt: skip
    assert "Recalled" in shopgraph("rules", "list").stdout
    assert "noor" in shopgraph("rules", "audit").stdout


def test_an_export_is_imported_whole_or_not_at_all(shopgraph: Command, tmp_path: Path) -> None:
    told(shopgraph("rules", "add", "-", "--json", said={**HIDE, "rule_id": "r1"}))
    file = tmp_path / "rules.json"
    assert shopgraph("rules", "export", str(file)).exit_code == 0
    assert file.read_text() == shopgraph("rules", "export").stdout
    changed = file.read_text().replace("Recalled", "Recalled again")
    assert len(told(shopgraph("rules", "import", "-", "--json", said=changed))["changes"]) == 1
    file.write_text(changed.replace("]\n", ',\n{"name": "B", "autor": "x"}\n]\n'))
    wrong = shopgraph("rules", "import", str(file))
    assert isinstance(wrong.exception, BadRules)
    assert "line 4: effect: Field required" in str(wrong.exception)
    assert told(shopgraph("rules", "list", "--json"))["rules"][0]["name"] == "Recalled again"


def test_mistakes_are_named(shopgraph: Command, tmp_path: Path) -> None:
    for said, kind in (
        ("{", BadSource),
        ({"name": "x"}, BadRecord),
        ({**HIDE, "colour": 1}, BadRecord),
        ("[]", BadRecord),
    ):
        assert isinstance(shopgraph("rules", "add", "-", said=said).exception, kind)
    assert isinstance(shopgraph("rules", "add", str(tmp_path / "absent")).exception, BadSource)
    assert isinstance(shopgraph("rules", "remove", "r9").exception, NotFound)
    assert isinstance(shopgraph("rules", "undo").exception, NotFound)


def test_answers_conflicts_and_what_ifs_follow_the_rules(shopgraph: Command) -> None:
    before = [item["item_id"] for item in told(shopgraph("recommend", "alice", "--json"))["items"]]
    hide = {"name": "H", "author": "a", "effect": {"type": "hide", "target": {"item_ids": before[:1]}}}
    pin = {"name": "P", "author": "a", "effect": {"type": "pin", "item_id": before[0], "position": 1}}
    asked = told(shopgraph("what-if", "-", "--user", "alice", "--sample", "50", "--json", said=[hide]))
    (alice,) = asked["shoppers"]
    assert [place["item_id"] for place in alice["before"]] == before
    assert [place["item_id"] for place in alice["after"]][:9] == before[1:]
    assert 0 < asked["sample"]["n_changed"] <= asked["sample"]["n_shoppers"] == 50
    told(shopgraph("rules", "add", "-", "--json", said=hide))
    after = [item["item_id"] for item in told(shopgraph("recommend", "alice", "--json"))["items"]]
    assert after[:9] == before[1:]
    found = told(shopgraph("rules", "check", "-", "--json", said=[pin]))["findings"]
    assert [each["kind"] for each in found] == ["pin_not_listed"]
    shown = shopgraph("what-if", "--graph", "0", "--sample", "50", "--user", "alice")
    assert "lists change" in shown.stdout
    assert "NDCG" in shown.stdout
