"""The tables of a shop folder: every column name once, with its kind and its rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from graph.readers.kinds import Kind
from graph.schema import ATTRIBUTE, BRAND, CATEGORY, EVENT_BY_NAME, SEARCH
from shopgraph.types import ITEM, USER

MAX_QUERY_LENGTH = 1000
MAX_LIST_ENTRY_LENGTH = 200
MAX_STARS = 5
ATTRIBUTE_PREFIX = "attribute_"


@dataclass(frozen=True)
class Column:
    """One column: its kind, and whether every record needs it."""

    name: str
    kind: Kind
    required: bool = False


@dataclass(frozen=True)
class Rule:
    """A record for which `broken` holds is rejected; the expression sees the typed columns."""

    field: str
    reason: str
    broken: pl.Expr


@dataclass(frozen=True)
class Table:
    """A table of a shop folder; nodes (those of `label`) keep columns that the table lacks as properties."""

    name: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    label: str | None = None


def node_table(name: str, label: str, id_column: str = "id") -> Table:
    """A table of nodes that have an id, a name and any properties."""
    return Table(name, (Column(id_column, Kind.ID, required=True), Column("name", Kind.TEXT)), label=label)


def _event(*names: str) -> pl.Expr:
    return pl.col("event").is_in(list(names))


def _time_rule(column: str) -> Rule:
    outside = ~pl.col(column).is_between(datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    return Rule(column, "must lie between 1970 and 2200 (unix time in seconds, not milliseconds)", outside)


def _amount_rule(column: str) -> Rule:
    amount = pl.col(column)
    return Rule(column, "must be 0 or more and finite", (amount < 0) | ~amount.cast(pl.Float32).is_finite())


ITEMS = Table(
    "items",
    (
        Column("item_id", Kind.ID, required=True),
        Column("title", Kind.TEXT, required=True),
        Column("title_zh", Kind.TEXT),
        Column("description", Kind.TEXT),
        Column("description_zh", Kind.TEXT),
        Column("brand", Kind.NAME),
        Column("category", Kind.PATH),
        Column("attributes", Kind.LIST),
        Column("tags", Kind.LIST),
        Column("price", Kind.NUMBER),
        Column("currency", Kind.TEXT),
        Column("in_stock", Kind.FLAG),
        Column("created_at", Kind.TIME),
    ),
    (
        _amount_rule("price"),
        _time_rule("created_at"),
        Rule(
            "attributes",
            "every attribute must be key:value",
            ~pl.col("attributes").list.eval(pl.element().str.contains("^[^:]+:.")).list.all(),
        ),
    ),
    label=ITEM,
)

CATEGORIES = Table(
    "categories",
    (
        Column("category_id", Kind.PATH, required=True),
        Column("name", Kind.TEXT),
        Column("name_zh", Kind.TEXT),
        Column("parent_id", Kind.PATH),
    ),
    label=CATEGORY,
)

RELATIONS = Table(
    "relations",
    (
        Column("source", Kind.ID, required=True),
        Column("relation", Kind.ID, required=True),
        Column("target", Kind.ID, required=True),
        Column("weight", Kind.NUMBER),
        Column("time", Kind.TIME),
    ),
    (_amount_rule("weight"), _time_rule("time")),
)

EVENTS = Table(
    "events",
    (
        Column("event_id", Kind.ID),
        Column("event", Kind.ID, required=True),
        Column("user_id", Kind.ID, required=True),
        Column("item_id", Kind.ID),
        Column("time", Kind.TIME),
        Column("value", Kind.NUMBER),
        Column("query", Kind.TEXT),
        Column("recommendation_id", Kind.ID),
    ),
    (
        Rule("event", f"unknown event; known: {', '.join(EVENT_BY_NAME)}", ~_event(*EVENT_BY_NAME)),
        Rule("item_id", "is required", pl.col("item_id").is_null() & ~_event(SEARCH.name)),
        Rule(
            "item_id",
            "search has none; what was clicked is a select_item",
            pl.col("item_id").is_not_null() & _event(SEARCH.name),
        ),
        Rule(
            "query",
            "search needs the words",
            _event(SEARCH.name) & ~pl.col("query").fill_null("").str.contains(r"[^\s\p{Cc}]"),
        ),
        Rule(
            "query",
            f"must have at most {MAX_QUERY_LENGTH} characters",
            pl.col("query").str.len_chars() > MAX_QUERY_LENGTH,
        ),
        _amount_rule("value"),
        Rule("value", "rate needs 0 to 5 stars", _event("rate") & (pl.col("value").fill_null(-1) < 0)),
        Rule("value", "rate needs 0 to 5 stars", _event("rate") & (pl.col("value") > MAX_STARS)),
        _time_rule("time"),
    ),
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        node_table("users", USER, "user_id"),
        node_table("brands", BRAND, "brand_id"),
        CATEGORIES,
        node_table("attributes", ATTRIBUTE, "attribute_id"),
        ITEMS,
        RELATIONS,
        EVENTS,
    )
}
"""In the order in which they are read."""
