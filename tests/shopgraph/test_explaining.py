"""`shopgraph explain` with its flags."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from ranking.counterfactual import Without, WithoutEdge, WithoutPast, WithoutRelation, WithoutWord
from shopgraph.cli import app
from shopgraph.commands.explaining import fact_of
from shopgraph.errors import BadSettings
from tests.shops import TrainedShop


def run(shop: TrainedShop, *arguments: str) -> str:
    environment = {"SHOPGRAPH_ARTEFACTS": str(shop.settings.artefacts), "COLUMNS": "200"}
    done = CliRunner().invoke(app, [*arguments, "--store", shop.url], env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def asked(shop: TrainedShop, *arguments: str) -> Any:
    return json.loads(run(shop, *arguments, "--json"))


def test_each_flag_answers_for_the_same_item(trained_shop: TrainedShop) -> None:
    first, second = asked(trained_shop, "recommend", "alice", "-n", "2")["items"]
    why = ("explain", "alice", first["item_id"])
    plain, tree = asked(trained_shop, *why), asked(trained_shop, *why, "--tree")
    assert tree["score"] == pytest.approx(plain["score"], abs=1e-4)
    assert sum(part["value"] for part in tree["parts"]) == pytest.approx(plain["score"], abs=1e-4)
    past = tree["parts"][0]["past_items"][0]["item_id"]
    gone = asked(trained_shop, *why, "--without", f"past:{past}", "--without", "relation:MADE_BY")
    assert [fact["kind"] for fact in gone["without"]] == ["past", "relation"]
    assert gone["before"]["rank"] == 1
    assert gone["change"] != 0
    assert asked(trained_shop, *why, "--smallest", "-n", "1")["outcome"] == "found"
    beside = asked(trained_shop, *why, "--versus", second["item_id"])
    assert beside["difference"] == pytest.approx(first["score"] - second["score"], abs=1e-3)


def test_words_are_explained_without_a_shopper(trained_shop: TrainedShop) -> None:
    item = asked(trained_shop, "search", "running shoes", "-n", "1")["items"][0]["item_id"]
    found = asked(trained_shop, "explain", "-", item, "--words", "running shoes", "--without", "word:running")
    assert (found["before"]["rank"], found["query"]) == (1, "shoes")


def test_it_is_readable_without_json(trained_shop: TrainedShop) -> None:
    first, second = asked(trained_shop, "recommend", "alice", "-n", "2")["items"]
    why = ("explain", "alice", first["item_id"])
    assert "rank 1 of" in run(trained_shop, *why, "--tree")
    assert "without it: score" in run(trained_shop, *why, "--without", "relation:MADE_BY")
    assert "no smaller set does" in run(trained_shop, *why, "--smallest", "-n", "1")
    assert second["title"].split()[0] in run(trained_shop, *why, "--versus", second["item_id"])


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("past:SKU:17", WithoutPast("SKU:17")),
        ("event:purchase:SKU:17", WithoutPast("SKU:17", "purchase")),
        ("relation:MADE_BY", WithoutRelation("MADE_BY")),
        ("word:口红", WithoutWord("口红")),
        (
            "edge:Item:a b:c -HAS_ATTRIBUTE-> Attribute:colour:red",
            WithoutEdge(("Item", "a b:c"), "HAS_ATTRIBUTE", ("Attribute", "colour:red")),
        ),
    ],
)
def test_facts_are_named_by_kind(text: str, fact: Without) -> None:
    assert fact_of(text) == fact


@pytest.mark.parametrize(
    "text", ["", "past:", "wish:red", "event:purchase", "edge:Item:a MADE_BY Brand:b", "red"]
)
def test_a_fact_of_no_known_form_is_said(text: str) -> None:
    with pytest.raises(BadSettings, match="--without"):
        fact_of(text)


def test_one_question_at_a_time(trained_shop: TrainedShop) -> None:
    with pytest.raises(BadSettings, match="at a time"):
        run(trained_shop, "explain", "alice", "x", "--tree", "--smallest")
