"""Turns choices into events: search, click, view, cart, purchase and, days later, a rating."""

from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shopgraph.demoshop.catalogue import DAY, WINDOW_DAYS, Item, Stock
from shopgraph.demoshop.choices import Choices, n_periods
from shopgraph.demoshop.people import SPECIAL_SHOPPERS, People
from shopgraph.demoshop.texts import brand_zh
from shopgraph.demoshop.wordings import OTHER_COLOURS, OTHER_NOUNS, in_other_words, mistyped
from shopgraph.demoshop.words import in_chinese

_HOUR_WEIGHTS = np.array([2, 1, 1, 1, 1, 1, 2, 4, 5, 6, 6, 6, 8, 7, 5, 5, 6, 7, 9, 11, 13, 13, 9, 5], float)
_CHOICES_A_SESSION, _SECONDS_A_CHOICE = 3, 400
_SHARE_SEARCHED, _SHARE_SEARCHED_SPECIAL, _SHARE_RATED = 0.15, 0.5, 0.3


def draw_events(
    choices: Choices, stock: Stock, people: People, now: datetime, rng: np.random.Generator
) -> pl.DataFrame:
    """The shop's `events` table, oldest first; no event is later than `now`."""
    n = len(choices.user)
    begins = _times(choices, int(now.timestamp()), rng)
    searched = rng.random(n) < np.where(
        choices.user < len(SPECIAL_SHOPPERS), _SHARE_SEARCHED_SPECIAL, _SHARE_SEARCHED
    )
    rated = choices.bought & (rng.random(n) < _SHARE_RATED)
    stars = np.clip(np.round(3.8 + 0.7 * choices.liking + rng.normal(0, 0.6, n)), 1, 5)
    quantity = (1 + rng.binomial(2, 0.08, n)).astype(np.float64)
    queries = _queries(np.flatnonzero(searched), choices, stock.items, people, rng)
    everyone = np.ones(n, np.bool_)
    parts = [
        _part("search", searched, 0, begins, query=queries, without_item=True),
        _part("select_item", searched, 20, begins, query=queries),
        _part("view_item", everyone, 30, begins),
        _part("add_to_cart", choices.carted, 120, begins),
        _part("purchase", choices.bought, 300, begins, value=quantity),
        _part("rate", rated, rng.integers(DAY, 14 * DAY, n), begins, value=np.asarray(stars, np.float64)),
    ]
    return _finished(pl.concat(parts), choices, stock, people, now)


def _times(choices: Choices, end: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """When each choice began; up to three choices make a session, in the evening more often than not."""
    per_period = (choices.user * n_periods() + choices.period) * 1000 + choices.order // _CHOICES_A_SESSION
    _, session = np.unique(per_period, return_inverse=True)
    n_sessions = int(session.max()) + 1
    period = np.zeros(n_sessions, np.int64)
    period[session] = choices.period
    period_days = WINDOW_DAYS // n_periods()
    midnight = (end // DAY - WINDOW_DAYS + 1) * DAY
    day = period * period_days + rng.integers(0, period_days, n_sessions)
    hour = rng.choice(24, size=n_sessions, p=_HOUR_WEIGHTS / _HOUR_WEIGHTS.sum())
    starts = midnight + day * DAY + hour * 3600 + rng.integers(0, 3600, n_sessions)
    starts[starts + _CHOICES_A_SESSION * _SECONDS_A_CHOICE > end] -= DAY
    starts[np.argmax(starts)] = end - _CHOICES_A_SESSION * _SECONDS_A_CHOICE
    return starts[session] + choices.order % _CHOICES_A_SESSION * _SECONDS_A_CHOICE


def _part(
    name: str,
    happens: NDArray[np.bool_],
    delay: int | NDArray[np.int64],
    begins: NDArray[np.int64],
    *,
    value: NDArray[np.float64] | None = None,
    query: NDArray[np.object_] | None = None,
    without_item: bool = False,
) -> pl.DataFrame:
    """The rows of one event; `choice` says which choice each belongs to."""
    choice = np.flatnonzero(happens)
    columns = {
        "event": pl.Series([name]).new_from_index(0, len(choice)),
        "choice": pl.Series(choice, dtype=pl.Int64),
        "has_item": pl.Series(np.full(len(choice), not without_item)),
        "seconds": pl.Series((begins + delay)[choice], dtype=pl.Int64),
        "value": pl.Series(value[choice] if value is not None else [None] * len(choice), dtype=pl.Float64),
        "query": pl.Series(query[choice] if query is not None else [None] * len(choice), dtype=pl.String),
    }
    return pl.DataFrame(columns)


def _finished(
    rows: pl.DataFrame, choices: Choices, stock: Stock, people: People, now: datetime
) -> pl.DataFrame:
    """Rows in order of time with ids, times and names instead of row numbers."""
    rows = rows.filter(pl.col("seconds") <= int(now.timestamp())).sort(
        "seconds", "choice", maintain_order=True
    )
    choice = rows["choice"].to_numpy()
    item_ids = pl.Series([item.item_id for item in stock.items])
    items = item_ids.gather(pl.Series(choices.item[choice]))
    users = pl.Series(people.user_ids.tolist()).gather(pl.Series(choices.user[choice]))
    return rows.select(
        event_id=pl.format("e{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(7)),
        event=pl.col("event"),
        user_id=users,
        item_id=pl.when(pl.col("has_item")).then(items),
        time=(pl.col("seconds") * 1_000_000).cast(pl.Datetime("us", "UTC")),
        value=pl.col("value"),
        query=pl.col("query"),
    )


def _queries(
    rows: NDArray[np.int64],
    choices: Choices,
    items: tuple[Item, ...],
    people: People,
    rng: np.random.Generator,
) -> NDArray[np.object_]:
    """What was typed before the choices `rows`, in the shopper's language and often in their own words.

    How they word it is drawn from a generator of its own, so that no other draw depends on it.
    """
    queries = np.full(len(choices.user), None, object)
    (wording,) = rng.spawn(1)
    for row, kind in zip(rows, rng.integers(0, 5, len(rows)), strict=True):
        item = items[choices.item[row]]
        chinese = bool(people.reads_chinese[choices.user[row]])
        queries[row] = mistyped(_query(item, int(kind), chinese, wording), wording)
    return queries


def _query(item: Item, kind: int, chinese: bool, rng: np.random.Generator) -> str:
    """The kind of product and one thing more: its brand, colour, material, style, or whom it is for."""
    department = item.department
    noun = item.leaf.path_zh.split("/")[-1] if chinese else item.leaf.noun
    noun = in_other_words(noun, item.leaf.noun, OTHER_NOUNS, chinese, rng)
    if kind == 0:
        extra = brand_zh(item.brand) if chinese else item.brand
    else:
        colour = "colour" if "colour" in item.attributes else department.style_key
        key = ("", colour, department.material_key, department.style_key, "audience")[kind]
        value = item.attributes[key]
        extra = in_chinese(key, value) if chinese else value
        if key == "colour":
            extra = in_other_words(extra, value, OTHER_COLOURS, chinese, rng)
    if chinese:
        return f"{extra}{noun}"
    return f"{noun} for {extra}" if kind == 4 else f"{extra} {noun}"
