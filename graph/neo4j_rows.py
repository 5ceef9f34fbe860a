"""Between Neo4j's rows and the frames of the store's contract."""

from collections.abc import Mapping, Sequence
from typing import cast

import polars as pl
from neo4j.time import DateTime

from graph.properties import TIME
from graph.schema import SEARCH
from graph.store import EDGE_SCHEMA, EVENT_SCHEMA, NODE_ID

Rows = Sequence[Sequence[object]]

_MICRO = 1_000_000
_READ_EDGE = {**EDGE_SCHEMA, "time": pl.Int64()}
_READ_EVENT = {
    name: pl.Int64() if name == "time" else EVENT_SCHEMA[name]
    for name in ("user_id", "item_id", "event_id", "time", "value", "position", "query", "recommendation_id")
}


def node_rows(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Each row as {id, properties}, without nulls."""
    names = [name for name in frame.columns if name != NODE_ID]
    rows = frame.select(NODE_ID, *names).iter_rows()
    return [
        {"id": node_id, "properties": {n: v for n, v in zip(names, said, strict=True) if v is not None}}
        for node_id, *said in rows
    ]


def edge_rows(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    """Rows of `merge_edges`."""
    return frame.select("src_id", "dst_id", "weight", *_split_time(), "position").rows()


def event_columns(frame: pl.DataFrame) -> dict[str, list[object]]:
    """Parameters of `create_events`; the driver packs value by value, so columns of nulls stay at home."""
    columns = frame.select(
        "event_id", "user_id", "target_id", *_split_time(), "value", "position", "query", "recommendation_id"
    )
    return {c.name: [] if c.null_count() == len(c) else c.to_list() for c in columns.iter_columns()}


def node_frame(rows: Rows, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The frame of a NodeBatch out of rows (id, properties)."""
    properties = [{**cast(Mapping[str, object], said), NODE_ID: node_id} for node_id, said in rows]
    columns = {name: [_native(said.get(name)) for said in properties] for name in dtypes}
    return pl.DataFrame(columns, schema=dict(dtypes))


def edge_frame(rows: Rows) -> pl.DataFrame:
    """The frame of an EdgeBatch out of rows of `read_edges`."""
    return pl.DataFrame(_flat(rows), schema=_READ_EDGE, orient="row").with_columns(pl.col("time").cast(TIME))


def event_frame(name: str, rows: Rows) -> pl.DataFrame:
    """The frame of an EventBatch out of rows of `read_events`."""
    frame = pl.DataFrame(_flat(rows), schema=_READ_EVENT, orient="row").with_columns(
        pl.lit(name).alias("name"), pl.col("time").cast(TIME)
    )
    if name == SEARCH.name:
        frame = frame.with_columns(pl.lit(None, pl.String).alias("item_id"))
    return frame.select(EVENT_SCHEMA.keys())


def _flat(rows: Rows) -> list[tuple[object, ...]]:
    """Rows (source, [edge, …]) as rows (source, *edge)."""
    return [(src_id, *edge) for src_id, edges in rows for edge in cast(Rows, edges)]


def _split_time() -> tuple[pl.Expr, pl.Expr]:
    """Seconds, and microseconds within the second: what Cypher's datetime() takes."""
    micros = pl.col("time").dt.epoch("us")
    seconds = micros.floordiv(_MICRO)
    return seconds.alias("seconds"), (micros - seconds * _MICRO).alias("microseconds")


def _native(value: object) -> object:
    if isinstance(value, DateTime):
        return value.to_native()
    return [_native(part) for part in value] if isinstance(value, list) else value
