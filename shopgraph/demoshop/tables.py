"""Writes the demo shop as a shop folder: Parquet, CSV and JSONL, so that each reader is used."""

from pathlib import Path

import numpy as np
import polars as pl

from shopgraph.demoshop.brands import BRANDS, ODD_BRAND
from shopgraph.demoshop.catalogue import Item, Stock
from shopgraph.demoshop.departments_more import DEPARTMENTS
from shopgraph.demoshop.people import People
from shopgraph.demoshop.people_names import PLACES
from shopgraph.demoshop.texts import brand_zh
from shopgraph.demoshop.words import in_chinese

SCHEMA_TOML = """\
labels = ["Place"]

[[relations]]
source = "User"
relation = "FOLLOWS"
target = "User"

[[relations]]
source = "User"
relation = "LIVES_IN"
target = "Place"
"""

_EVENT_PARTS = 4
_UTC = pl.Datetime("us", "UTC")


def write_shop(
    folder: Path, stock: Stock, texts: dict[str, list[str]], people: People, events: pl.DataFrame
) -> None:
    """Write every table; files of an earlier shop are replaced."""
    (folder / "events").mkdir(parents=True, exist_ok=True)
    (folder / "nodes").mkdir(exist_ok=True)
    (folder / "schema.toml").write_text(SCHEMA_TOML, encoding="utf-8")
    _write_items(folder, stock, texts)
    _write_brands(folder)
    _write_categories(folder)
    _write_attributes(folder, stock.items)
    _write_users(folder, people)
    _write_relations(folder, people)
    size = -(-len(events) // _EVENT_PARTS)
    for part in range(_EVENT_PARTS):
        events.slice(part * size, size).write_parquet(folder / "events" / f"part-{part}.parquet")


def _write_items(folder: Path, stock: Stock, texts: dict[str, list[str]]) -> None:
    items = stock.items
    pl.DataFrame(
        {
            "item_id": [item.item_id for item in items],
            **texts,
            "brand": [item.brand for item in items],
            "category": [item.category_id for item in items],
            "attributes": [[f"{key}:{value}" for key, value in item.attributes.items()] for item in items],
            "tags": [list(item.tags) for item in items],
            "price": [round(item.price, 2) for item in items],
            "currency": ["EUR"] * len(items),
            "in_stock": stock.in_stock,
            "created_at": pl.Series(stock.created_at * 1_000_000).cast(_UTC),
        }
    ).write_parquet(folder / "items.parquet")


def _write_brands(folder: Path) -> None:
    names = [name for of_department in BRANDS.values() for name in of_department] + [ODD_BRAND]
    table = {"brand_id": names, "name": names, "name_zh": [brand_zh(name) for name in names]}
    pl.DataFrame(table).write_ndjson(folder / "brands.jsonl")


def _write_categories(folder: Path) -> None:
    rows: dict[str, tuple[str, str, str | None]] = {}
    for department in DEPARTMENTS:
        for leaf in department.leaves:
            names = (department.name, *leaf.path.split("/"))
            names_zh = (department.name_zh, *leaf.path_zh.split("/"))
            parent = None
            for depth, (name, name_zh) in enumerate(zip(names, names_zh, strict=True), start=1):
                category_id = " > ".join(names[:depth])
                rows[category_id] = (name, name_zh, parent)
                parent = category_id
    pl.DataFrame(
        [(category_id, *row) for category_id, row in rows.items()],
        schema=["category_id", "name", "name_zh", "parent_id"],
        orient="row",
    ).write_csv(folder / "categories.csv")


def _write_attributes(folder: Path, items: tuple[Item, ...]) -> None:
    used = {pair for item in items for pair in item.attributes.items()}
    pairs = sorted(used | {("tag", tag) for item in items for tag in item.tags})
    pl.DataFrame(
        {
            "attribute_id": [f"{key}:{value}" for key, value in pairs],
            "name": [value for _, value in pairs],
            "name_zh": [in_chinese(key, value) for key, value in pairs],
        }
    ).write_ndjson(folder / "attributes.jsonl")


def _write_users(folder: Path, people: People) -> None:
    pl.DataFrame(
        {
            "user_id": people.user_ids.tolist(),
            "name": people.names,
            "language": np.where(people.reads_chinese, "zh", "en").tolist(),
            "member_since": people.member_since,
        }
    ).write_csv(folder / "users.csv")


def _write_relations(folder: Path, people: People) -> None:
    """The places, who lives where and who follows whom."""
    pl.DataFrame(
        [(name, name, zh, country) for name, (zh, country) in PLACES.items()],
        schema=["id", "name", "name_zh", "country"],
        orient="row",
    ).write_ndjson(folder / "nodes" / "Place.jsonl")
    follows = pl.DataFrame(
        {
            "source": people.user_ids[people.follows[:, 0]].tolist(),
            "relation": "FOLLOWS",
            "target": people.user_ids[people.follows[:, 1]].tolist(),
            "weight": 1.0,
            "time": pl.Series(people.followed_at * 1_000_000).cast(_UTC),
        }
    )
    lives_in = pl.DataFrame(
        {
            "source": people.user_ids.tolist(),
            "relation": "LIVES_IN",
            "target": [tuple(PLACES)[place] for place in people.lives_in],
            "weight": 1.0,
            "time": None,
        },
        schema_overrides={"time": _UTC},
    )
    pl.concat([follows, lives_in]).write_csv(folder / "relations.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
