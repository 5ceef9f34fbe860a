"""Every bad record is told with file, line, field and reason, and the good ones beside it are kept."""

import json
from pathlib import Path

import polars as pl
import pytest

from graph.readers import ReadEvents, RejectLog, open_source
from graph.store import NodeBatch
from shopgraph.errors import BadSource
from tests.graph.shop_folders import EVENTS, ITEMS, RELATIONS, USERS, Records, write_shop, write_table

GOOD: dict[str, Records] = {
    "items": ITEMS[1:2],
    "users": USERS[:1],
    "events": EVENTS[:1],
    "relations": RELATIONS,
}


def rejected(folder: Path) -> list[dict[str, object]]:
    with RejectLog(folder / "out" / "rejects.jsonl") as rejects:
        for _ in open_source(folder, "shop").batches(rejects):
            pass
    return [json.loads(line) for line in (folder / "out" / "rejects.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
@pytest.mark.parametrize(
    ("table", "changed", "field", "reason"),
    [
        ("items", {"price": -1.0}, "price", "must be 0 or more and finite"),
        ("items", {"price": "cheap"}, "price", "must be a number"),
        ("items", {"price": "inf"}, "price", "must be 0 or more and finite"),
        ("items", {"price": "1e300"}, "price", "must be 0 or more and finite"),
        ("items", {"item_id": "x" * 10_000}, "item_id", "must have 1 to 256 characters"),
        ("items", {"item_id": "a\0b"}, "item_id", "must not hold control characters"),
        ("items", {"item_id": None}, "item_id", "is required"),
        ("items", {"title": None}, "title", "is required"),
        ("items", {"title": "a\0b"}, "title", "must not hold NUL characters"),
        ("items", {"in_stock": "maybe"}, "in_stock", "must be true or false"),
        ("items", {"created_at": "tomorrow"}, "created_at", "must be a time: ISO 8601, or unix seconds"),
        ("items", {"attributes": "red"}, "attributes", "every attribute must be key:value"),
        ("items", {"tags": "x" * 201}, "tags", "every entry must have at most 200 characters"),
        ("items", {"category": "x" * 257}, "category", "must have 1 to 256 characters"),
        ("users", {"user_id": "a\nb"}, "user_id", "must not hold control characters"),
        ("events", {"event": "bought"}, "event", "unknown event; known: view_item"),
        ("events", {"item_id": None}, "item_id", "is required"),
        ("events", {"event": "search", "item_id": None}, "query", "search needs the words"),
        ("events", {"event": "search", "query": "hat"}, "item_id", "search has none"),
        ("events", {"event": "rate", "value": 5.5}, "value", "rate needs 0 to 5 stars"),
        ("events", {"event": "rate", "value": None}, "value", "rate needs 0 to 5 stars"),
        ("events", {"value": -1.0}, "value", "must be 0 or more and finite"),
        ("events", {"time": "1700000000000"}, "time", "must lie between 1970 and 2200"),
        ("events", {"query": "x" * 1001}, "query", "must have at most 1000 characters"),
        ("relations", {"weight": "heavy"}, "weight", "must be a number"),
        ("relations", {"relation": "PURCHASED"}, "relation", "not declared in schema.toml"),
    ],
)
def test_a_bad_record_is_told(
    tmp_path: Path, suffix: str, table: str, changed: dict[str, object], field: str, reason: str
) -> None:
    good = GOOD[table][0]
    bad = good | changed
    both = [dict.fromkeys(bad) | good, bad]
    if suffix == ".csv":
        both = [{k: None if v is None else str(v) for k, v in record.items()} for record in both]
    write_shop(tmp_path)
    (tmp_path / f"{table}.jsonl").unlink()
    write_table(tmp_path / f"{table}{suffix}", both)
    (told,) = rejected(tmp_path)
    assert told["file"] == f"{table}{suffix}"
    assert told["line"] == (3 if suffix == ".csv" else 2)
    assert told["field"] == field
    assert str(told["reason"]).startswith(reason)
    shown = changed.get(field, bad.get(field))
    assert told["value"] == (None if shown is None else str(shown)[:200])


@pytest.mark.parametrize(
    ("table", "changed", "reason"),
    [
        ("items", {"price": [1]}, "must be a number, not a list of other things"),
        ("items", {"title": {"en": "Boots"}}, "must be plain text, not an object"),
        ("items", {"item_id": True}, "must be text or a whole number, not true or false"),
        ("items", {"tags": [["new"]]}, "must be a list of texts, not a list of other things"),
        ("events", {"user_id": 1.5}, "must be text or a whole number, not a number"),
    ],
)
def test_a_json_value_of_a_wrong_type_is_told(
    tmp_path: Path, table: str, changed: dict[str, object], reason: str
) -> None:
    good = GOOD[table][0]
    write_shop(tmp_path)
    write_table(tmp_path / f"{table}.jsonl", [good, good | changed, good])
    (told,) = rejected(tmp_path)
    (field,) = changed
    assert (told["line"], told["field"], told["reason"]) == (2, field, reason)


def test_a_parquet_column_of_a_wrong_type_is_told_once(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "items.jsonl").unlink()
    pl.DataFrame({"item_id": ["i1"], "title": [{"en": "Boots"}]}).write_parquet(tmp_path / "items.parquet")
    with pytest.raises(BadSource, match=r"items.parquet: the column 'title' must hold plain text; .* Struct"):
        rejected(tmp_path)


def test_whole_numbers_are_ids_in_parquet_and_json(tmp_path: Path) -> None:
    for suffix in (".parquet", ".jsonl"):
        folder = write_shop(
            tmp_path / suffix, suffix, items=({"item_id": 7, "title": "Boots"},), events=(), relations=()
        )
        batches = open_source(folder, "shop").batches(RejectLog())
        assert [
            b.frame["id"].to_list() for b in batches if isinstance(b, NodeBatch) and b.label == "Item"
        ] == [["7"]]


def test_a_property_keeps_the_kind_it_had_first(tmp_path: Path) -> None:
    write_shop(tmp_path, users=(), events=(), relations=())
    write_table(tmp_path / "users" / "1.jsonl", [{"user_id": "u1", "age": 30}])
    write_table(
        tmp_path / "users" / "2.jsonl", [{"user_id": "u2", "age": "old"}, {"user_id": "u3", "age": 4}]
    )
    (told,) = rejected(tmp_path)
    assert (told["file"], told["line"], told["field"]) == ("users/2.jsonl", 1, "age")
    assert told["reason"] == "must be a number"


def test_a_bad_record_is_told_once_even_if_it_breaks_many_rules(tmp_path: Path) -> None:
    write_shop(tmp_path, items=(ITEMS[0], ITEMS[0] | {"price": -1, "title": None, "in_stock": "maybe"}))
    assert len(rejected(tmp_path)) == 1


def test_missing_values_are_no_mistake(tmp_path: Path) -> None:
    events = [EVENTS[3] | {"time": "", "value": "", "event_id": "", "recommendation_id": ""}]
    write_shop(tmp_path, events=events)
    batches = list(open_source(tmp_path, "shop").batches(rejects := RejectLog()))
    (events_batch,) = [batch for batch in batches if isinstance(batch, ReadEvents)]
    assert not len(rejects)
    assert events_batch.frame.row(0, named=True)["event_id"]


def test_a_parquet_time_past_every_calendar_is_told(tmp_path: Path) -> None:
    write_shop(tmp_path)
    (tmp_path / "events.jsonl").unlink()
    far = pl.Series([1_700_000_000_000_000_000]).cast(pl.Datetime("us"))
    pl.DataFrame({"event": ["view_item"], "user_id": ["u"], "item_id": ["i1"], "time": far}).write_parquet(
        tmp_path / "events.parquet"
    )
    (told,) = rejected(tmp_path)
    assert (told["field"], told["value"]) == ("time", "+55840-11-08 22:13:20.000000")
