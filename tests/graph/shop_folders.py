"""Writes a tiny shop folder in any of the formats, for the tests of reading."""

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

Record = dict[str, object]
Records = Sequence[Record]

ITEMS: Records = (
    {
        "item_id": "i1",
        "title": "Red boots",
        "title_zh": "红靴",
        "brand": "Acme",
        "category": "Shoes > Boots",
        "attributes": "colour:red|material:leather",
        "tags": "new",
        "price": 49.5,
        "in_stock": True,
        "created_at": "2025-03-01T00:00:00Z",
        "star_sign": "leo",
    },
    {"item_id": "i2", "title": "Blue boots", "brand": "Acme", "category": "Shoes > Boots", "price": 59.0},
    {"item_id": "i3", "title": "Hat", "brand": "Bolt", "category": "Hats", "in_stock": False},
)
USERS: Records = (
    {"user_id": "u1", "name": "Ann", "city": "Oslo"},
    {"user_id": "u2", "name": None, "city": None},
)
EVENTS: Records = (
    {
        "event_id": "e1",
        "event": "purchase",
        "user_id": "u1",
        "item_id": "i1",
        "time": "2025-05-01T10:00:00Z",
        "value": 2.0,
    },
    {"event": "rate", "user_id": "u1", "item_id": "i1", "time": "2025-05-02T10:00:00+02:00", "value": 4.5},
    {"event": "search", "user_id": "u2", "query": "warm hat"},
    {"event": "view_item", "user_id": "u2", "item_id": "i3"},
    {"event": "view_item", "user_id": "u2", "item_id": "i3"},
)
RELATIONS: Records = ({"source": "i1", "relation": "ALSO_BOUGHT", "target": "i2", "weight": 3.0},)


def write_table(path: Path, records: Records) -> None:
    """Write one table in the format that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".jsonl":
            lines = [json.dumps({k: v for k, v in r.items() if v is not None}) for r in records]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        case ".csv":
            pl.DataFrame(records, infer_schema_length=None).write_csv(path)
        case ".parquet":
            pl.DataFrame(records, infer_schema_length=None).write_parquet(path)
        case _:
            raise ValueError(path.suffix)


def write_shop(
    folder: Path,
    suffix: str = ".jsonl",
    *,
    items: Records = ITEMS,
    users: Records = USERS,
    events: Records = EVENTS,
    relations: Records = RELATIONS,
) -> Path:
    """Write the tables that are not empty; returns the folder."""
    tables = {"items": items, "users": users, "events": events, "relations": relations}
    for name, records in tables.items():
        if records:
            write_table(folder / f"{name}{suffix}", records)
    return folder
