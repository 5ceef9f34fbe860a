"""Makes a demo shop and writes it as a shop folder: Parquet, CSV and JSONL, so that each reader is used."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from shopgraph.demoshop.brands import BRANDS, ODD_BRAND
from shopgraph.demoshop.catalogue import DAY, WINDOW_DAYS, Item, Stock, draw_stock
from shopgraph.demoshop.choices import draw_choices, shuffle_tastes
from shopgraph.demoshop.departments_more import DEPARTMENTS
from shopgraph.demoshop.events import draw_events
from shopgraph.demoshop.oracle import save_truth
from shopgraph.demoshop.people import ODD_SHOPPER, SHOPPERS, People, Shopper, draw_people
from shopgraph.demoshop.people_names import PLACES
from shopgraph.demoshop.tastes import Truth, plant
from shopgraph.demoshop.texts import brand_zh, write_texts
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
_ODD_TASTE = 6.0
_UTC = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class ShopFacts:
    """What was made; `hostile_user_id` likes the items whose titles are hostile."""

    folder: Path
    truth_path: Path
    n_users: int
    n_items: int
    n_events: int
    n_brands: int
    n_follows: int
    shoppers: tuple[Shopper, ...]
    hostile_user_id: str
    hostile_item_ids: tuple[str, ...]
    new_item_ids: tuple[str, ...]


def make_shop(
    folder: Path,
    *,
    rng: np.random.Generator,
    now: datetime,
    n_items: int = 3_240,
    n_users: int = 2_400,
    shuffled_tastes: bool = False,
) -> ShopFacts:
    """Write a shop folder and, beside it, its truth.

    The same generator state, `now` and sizes give the same shop. With `shuffled_tastes` the items
    of all choices are dealt out anew: popularity stays, but nobody's choices follow their taste.

    Args:
        folder: made if missing; files of an earlier shop are replaced.
        rng: the only source of chance.
        now: aware; the shop's last event is minutes before it.
        n_items: at least 200.
        n_users: at least 100.
        shuffled_tastes: cut tastes and seasons from what people do.

    Raises:
        ValueError: too few items or users, or a `now` without time zone.
    """
    if n_items < 200 or n_users < 100:
        raise ValueError(f"a shop needs 200 items and 100 users, got {n_items} and {n_users}")
    if now.tzinfo is None:
        raise ValueError(f"now needs a time zone, got {now.isoformat()}")
    stock = draw_stock(n_items, now, rng)
    people = draw_people(n_users, now, rng)
    truth = _with_odd_shopper(plant(stock, people.members, people.user_ids, rng))
    texts = write_texts(stock.items, rng)
    choices = draw_choices(truth, stock, now, rng)
    if shuffled_tastes:
        choices = shuffle_tastes(choices, rng)
        # Items launched within the year would be told apart by their dates alone.
        before_all = int(now.timestamp()) - WINDOW_DAYS * DAY
        stock = replace(
            stock,
            created_at=np.where(stock.is_new, stock.created_at, np.minimum(stock.created_at, before_all)),
        )
    events = draw_events(choices, stock, people, now, rng)
    (folder / "events").mkdir(parents=True, exist_ok=True)
    (folder / "nodes").mkdir(exist_ok=True)
    _write_items(folder, stock, texts)
    _write_vocabulary(folder, stock.items)
    _write_people(folder, people)
    size = -(-len(events) // _EVENT_PARTS)
    for part in range(_EVENT_PARTS):
        events.slice(part * size, size).write_parquet(folder / "events" / f"part-{part}.parquet")
    return ShopFacts(
        folder=folder,
        truth_path=save_truth(folder, truth),
        n_users=n_users,
        n_items=n_items,
        n_events=len(events),
        n_brands=len({item.brand for item in stock.items}),
        n_follows=len(people.follows),
        shoppers=SHOPPERS,
        hostile_user_id=ODD_SHOPPER.user_id,
        hostile_item_ids=tuple(item.item_id for item in stock.items if item.brand == ODD_BRAND),
        new_item_ids=tuple(stock.items[n].item_id for n in np.flatnonzero(stock.is_new)),
    )


def _with_odd_shopper(truth: Truth) -> Truth:
    stable = truth.stable.copy()
    row = truth.user_ids == ODD_SHOPPER.user_id
    stable[np.ix_(row, truth.feature_names == f"brand:{ODD_BRAND}")] += _ODD_TASTE
    return replace(truth, stable=stable)


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


def _write_vocabulary(folder: Path, items: tuple[Item, ...]) -> None:
    """Brands, categories and attributes with their Chinese names."""
    brands = [name for names in BRANDS.values() for name in names] + [ODD_BRAND]
    pl.DataFrame(
        {"brand_id": brands, "name": brands, "name_zh": [brand_zh(name) for name in brands]}
    ).write_ndjson(folder / "brands.jsonl")
    categories: dict[str, tuple[str, str, str | None]] = {}
    for department in DEPARTMENTS:
        for leaf in department.leaves:
            parent = None
            names = (department.name, *leaf.path.split("/"))
            for depth, (name, zh) in enumerate(
                zip(names, (department.name_zh, *leaf.path_zh.split("/")), strict=True), start=1
            ):
                category_id = " > ".join(names[:depth])
                categories[category_id] = (name, zh, parent)
                parent = category_id
    pl.DataFrame(
        [(category_id, *row) for category_id, row in categories.items()],
        schema=["category_id", "name", "name_zh", "parent_id"],
        orient="row",
    ).write_csv(folder / "categories.csv")
    pairs = sorted(
        {pair for item in items for pair in item.attributes.items()}
        | {("tag", tag) for item in items for tag in item.tags}
    )
    pl.DataFrame(
        {
            "attribute_id": [f"{key}:{value}" for key, value in pairs],
            "name": [value for _, value in pairs],
            "name_zh": [in_chinese(key, value) for key, value in pairs],
        }
    ).write_ndjson(folder / "attributes.jsonl")


def _write_people(folder: Path, people: People) -> None:
    pl.DataFrame(
        {
            "user_id": people.user_ids.tolist(),
            "name": people.names,
            "language": np.where(people.reads_chinese, "zh", "en").tolist(),
            "member_since": people.member_since,
        }
    ).write_csv(folder / "users.csv")
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
    (folder / "schema.toml").write_text(SCHEMA_TOML, encoding="utf-8")
