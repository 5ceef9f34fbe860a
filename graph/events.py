"""What both stores do with a batch of events before writing it."""

import unicodedata
from collections.abc import Mapping, Set

import polars as pl

from graph.schema import EVENT_BY_NAME, EVENT_TYPES, MAX_ID_LENGTH, SEARCH, SEARCHED
from graph.store import EVENT_SCHEMA, EventStatus
from shopgraph.errors import BadRecord
from shopgraph.types import ITEM, USER, EdgeType, EventType

TARGET_ID = "target_id"

EVENT_OF: Mapping[EdgeType, EventType] = {
    SEARCHED: SEARCH,
    **{EdgeType(USER, event.relation, ITEM): event for event in EVENT_TYPES},
}
"""The kind of event that stands behind an edge type of the schema."""


def query_id(words: str) -> str:
    """The id of the Query node for these words: NFKC, case-folded, single spaces; "" for no words."""
    folded = unicodedata.normalize("NFKC", words).casefold()
    spaced = " ".join(folded.split())
    return "".join(c for c in spaced if unicodedata.category(c) != "Cc")[:MAX_ID_LENGTH].strip()


def with_targets(frame: pl.DataFrame) -> pl.DataFrame:
    """The events with EVENT_SCHEMA's types and a column `target_id`: the item, or the query's node.

    Raises:
        BadRecord: an event name that the registry lacks, or a missing id, item or query.
    """
    events = frame.select(pl.col(name).cast(dtype) for name, dtype in EVENT_SCHEMA.items())
    if unknown := set(events["name"].unique()) - set(EVENT_BY_NAME):
        raise BadRecord("name", f"must be one of {', '.join(EVENT_BY_NAME)}, got {unknown.pop()!r}")
    words = events.filter(pl.col("name") == SEARCH.name)["query"].drop_nulls().unique()
    query_ids = pl.DataFrame(
        {"query": words, "query_id": [query_id(text) or None for text in words]},
        schema={"query": pl.String, "query_id": pl.String},
    )
    is_search = pl.col("name") == SEARCH.name
    target = pl.when(is_search).then("query_id").otherwise("item_id").alias(TARGET_ID)
    events = events.join(query_ids, on="query", how="left", maintain_order="left")
    events = events.with_columns(target).drop("query_id")
    for column in ("event_id", "user_id", TARGET_ID):
        if events[column].null_count():
            raise BadRecord(column, "is missing; search needs words, every other event an item_id")
    return events


def statuses(events: pl.DataFrame, known_items: Set[str], known_events: Set[str]) -> pl.Series:
    """One EventStatus a row: an unknown item first, then a repeat in the store or in the batch."""
    has_target = (pl.col("name") == SEARCH.name) | pl.col(TARGET_ID).is_in(list(known_items))
    repeated = pl.col("event_id").is_in(list(known_events)) | ~(
        pl.struct("event_id", has_target.alias("ok")).is_first_distinct()
    )
    return events.select(
        pl.when(~has_target)
        .then(pl.lit("unknown_item"))
        .when(repeated)
        .then(pl.lit("duplicate"))
        .otherwise(pl.lit("stored"))
    ).to_series()


def as_statuses(column: pl.Series) -> list[EventStatus]:
    """The column that `statuses` made, as the contract's list."""
    return column.to_list()


def queries_of(stored: pl.DataFrame) -> pl.DataFrame:
    """The Query nodes (id, name) of the search events; the first words of an id name it."""
    searches = stored.filter(pl.col("name") == SEARCH.name)
    named = searches.select(pl.col(TARGET_ID).alias("id"), pl.col("query").alias("name"))
    return named.unique("id", keep="first", maintain_order=True)
