"""Dialogues written while the rules were: the whole state after every turn, held to floors."""

from pathlib import Path

import pytest

from evaluation.labelled_queries import FlatQuery, LabelledQuery, flat_query
from evaluation.parsing import parsing_scores
from nlu.dialogue.state import EMPTY, DialogueState, after_turn
from nlu.grammar.kinds import attribute_kind
from nlu.parser import QueryParser
from tests.nlu.development import labelled, lines_of

DATA = Path(__file__).parent / "data"


def check(parser: QueryParser, shop: str, *files: str) -> None:
    states: dict[str, DialogueState] = {}
    turns: list[LabelledQuery] = []
    answers: dict[str, FlatQuery] = {}
    for file in files:
        for dialogue, text, label in lines_of(DATA / f"{file}.tsv"):
            name = f"{file} {dialogue}"
            before, turn = states.get(name, EMPTY), parser.parse(text)
            states[name] = after_turn(before, turn, attribute_kind, parser.shop)
            turns.append(labelled(len(turns), shop, text, label))
            answers[turns[-1].id] = flat_query(states[name].query)
    scores = parsing_scores(turns, answers)
    assert len(states) >= 10
    assert scores.frame >= 0.92
    assert min(scores.category, scores.brand, scores.price, scores.exclude) >= 0.95


def test_the_demo_shop(in_the_demo_shop: QueryParser) -> None:
    check(in_the_demo_shop, "demo", "demo", "demo2", "demo3", "demo4", "demo5")


@pytest.mark.real_data
def test_amazon_beauty(in_amazon_beauty: QueryParser) -> None:
    check(in_amazon_beauty, "beauty", "development", "development2", "development3")
