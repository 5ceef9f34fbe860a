from pathlib import Path

import pytest

from nlu.parser import QueryParser
from shopgraph.errors import BadSource
from shopgraph.parse_batch import BatchLine, parsed_lines, read_lines
from tests.nlu.grammar.shops import SHOP

PARSER = QueryParser(SHOP)


def test_each_line_is_answered_in_its_place() -> None:
    lines = [BatchLine(id="a", text="red lipstick"), BatchLine(id=2, text="洗发水 50元以内")]
    first, second = parsed_lines(PARSER, lines)
    assert (first["id"], second["id"]) == ("a", 2)
    assert first["parsed"]["category"] == first["parsed"]["flat"]["category"] == ["Lipstick"]  # type: ignore[index]  # a dict
    assert first["parsed"]["slots"]["category"][0]["node_id"] == "lipstick"  # type: ignore[index]  # a dict
    assert second["parsed"]["price_max"] == 50  # type: ignore[index]  # a dict


def test_turns_of_a_dialogue_hold_the_whole_state() -> None:
    lines = [
        BatchLine(id="2", text="only red ones, under $20", dialogue="d", turn=2),
        BatchLine(id="x", text="shampoo"),
        BatchLine(id="1", text="a Revlon lipstick", dialogue="d", turn=1),
    ]
    later, alone, _ = parsed_lines(PARSER, lines)
    assert later["parsed"]["flat"] == {  # type: ignore[index]  # a dict
        "intent": "find_items",
        "category": ["Lipstick"],
        "brand": ["Revlon"],
        "attribute": ["red"],
        "price_min": None,
        "price_max": 20,
        "audience": None,
        "exclude": {"brand": [], "category": [], "attribute": []},
        "sort": None,
    }
    assert alone["parsed"]["brand"] == []  # type: ignore[index]  # a dict


def test_a_line_that_is_no_query_is_named(tmp_path: Path) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text('{"id": 1, "text": "ok"}\n\n{"id": 2}\n', encoding="utf-8")
    with pytest.raises(BadSource, match=r"queries\.jsonl:3: text"):
        read_lines(path)
    with pytest.raises(BadSource, match=r"none\.jsonl"):
        read_lines(tmp_path / "none.jsonl")
