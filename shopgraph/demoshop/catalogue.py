"""Draws the demo shop's items: kind, brand, attributes, tags, price, dates and stock."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from shopgraph.demoshop.brands import BRANDS, ODD_BRAND
from shopgraph.demoshop.departments import Department, Leaf
from shopgraph.demoshop.departments_more import DEPARTMENTS
from shopgraph.demoshop.words import words

DAY = 86_400
WINDOW_DAYS = 364
"""The shop's recorded past: all events lie in this many days before now."""

N_ODD_ITEMS = 12
_SEASONS = ("spring", "summer", "autumn", "winter")
_SHARE_NEW, _SHARE_LAUNCHED, _SHARE_SOLD_OUT = 0.015, 0.15, 0.04
_BRAND_ZIPF, _PRICE_SIGMA = 0.5, 0.35


@dataclass(frozen=True)
class Item:
    """One product; `attributes` maps key to value, `price_level` is in sd around the kind's median."""

    item_id: str
    department: Department
    leaf: Leaf
    brand: str
    attributes: dict[str, str]
    tags: tuple[str, ...]
    price: float
    price_level: float

    @property
    def category_id(self) -> str:
        """The path from the department down, as category ids are written in shop folders."""
        return " > ".join((self.department.name, *self.leaf.path.split("/")))


@dataclass(frozen=True, eq=False)
class Stock:
    """All items with what the event generator needs as arrays, row = place in `items`.

    `created_at` is unix seconds; `is_new` marks what arrived in the last two days and has no event.
    """

    items: tuple[Item, ...]
    created_at: NDArray[np.int64]
    is_new: NDArray[np.bool_]
    in_stock: NDArray[np.bool_]


def draw_stock(n_items: int, now: datetime, rng: np.random.Generator) -> Stock:
    """Items spread over all kinds of product; the last `N_ODD_ITEMS` belong to `ODD_BRAND`."""
    kinds = [(department, leaf) for department in DEPARTMENTS for leaf in department.leaves]
    kind = rng.permutation(np.arange(n_items) % len(kinds))
    brand_level = {name: rng.normal(0, 0.8) for names in BRANDS.values() for name in names}
    brand_level[ODD_BRAND] = 0.0
    items = []
    for n in range(n_items):
        odd = n >= n_items - N_ODD_ITEMS
        department, leaf = kinds[kind[n]]
        brand = ODD_BRAND if odd else _draw_brand(department, rng)
        items.append(
            _draw_item(_item_id(department, n, odd), department, leaf, brand, brand_level[brand], rng)
        )
    end = int(now.timestamp())
    is_new = np.zeros(n_items, np.bool_)
    ordinary = rng.permutation(n_items - N_ODD_ITEMS)
    n_new, n_launched = max(1, int(_SHARE_NEW * n_items)), int(_SHARE_LAUNCHED * n_items)
    is_new[ordinary[:n_new]] = True
    created_at = end - rng.integers(WINDOW_DAYS * DAY, 3 * WINDOW_DAYS * DAY, n_items)
    launched = ordinary[n_new : n_new + n_launched]
    created_at[launched] = end - rng.integers(5 * DAY, WINDOW_DAYS * DAY, n_launched)
    created_at[is_new] = end - rng.integers(600, 2 * DAY, n_new)
    in_stock = (rng.random(n_items) >= _SHARE_SOLD_OUT) | is_new
    return Stock(tuple(items), created_at, is_new, in_stock)


def _draw_brand(department: Department, rng: np.random.Generator) -> str:
    names = tuple(BRANDS[department.name])
    share = np.arange(1, len(names) + 1) ** -_BRAND_ZIPF
    return names[rng.choice(len(names), p=share / share.sum())]


def _draw_item(
    item_id: str, department: Department, leaf: Leaf, brand: str, brand_level: float, rng: np.random.Generator
) -> Item:
    pools = {
        "colour": department.colours,
        department.material_key: leaf.material,
        department.style_key: department.styles,
        "audience": department.audiences,
    }
    attributes = {key: _one_of(words(pool), rng) for key, pool in pools.items() if pool}
    sizes = department.kids_sizes if attributes["audience"] == "kids" else ""
    if sizes := (sizes or department.sizes) if leaf.sized else "":
        attributes["size"] = _one_of(words(sizes), rng)
    season = leaf.season if rng.random() < 0.85 else ""
    if not leaf.season and rng.random() < 0.15:
        season = _one_of(_SEASONS, rng)
    if season:
        attributes["season"] = season
    tags = words(department.tags)
    chosen = sorted(rng.choice(len(tags), size=rng.integers(1, 3), replace=False))
    price_level = float(brand_level + rng.normal(0, 0.6))
    price = _friendly(leaf.price * np.exp(_PRICE_SIGMA * price_level))
    return Item(
        item_id, department, leaf, brand, attributes, tuple(tags[k] for k in chosen), price, price_level
    )


def _one_of(values: tuple[str, ...], rng: np.random.Generator) -> str:
    return values[rng.integers(len(values))]


def _friendly(price: float) -> float:
    """A price as shops write them: 12.95, 59.90, 189.00."""
    if price < 20:
        return max(1.0, round(price)) - 0.05
    return round(price) - 0.1 if price < 100 else float(round(price))


def _item_id(department: Department, n: int, odd: bool) -> str:
    if not odd:
        return f"{department.code}-{n:05d}"
    patterns = ("{code}/{n}", "{code}-{n}-50%", "{code}%2F{n}/a%20b")
    return patterns[n % len(patterns)].format(code=department.code, n=n)
