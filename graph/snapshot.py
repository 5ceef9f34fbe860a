"""From the store's facts to the snapshot's integers, the same whatever the store."""

import hashlib
import struct
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from graph.events import TARGET_ID, with_targets
from graph.schema import EVENT_TYPES, SEARCHED
from graph.snapshot_files import load_snapshot, save_snapshot
from graph.store import NODE_ID, EdgeBatch, EventBatch, GraphStore
from shopgraph.types import (
    ITEM,
    NO_TIME,
    USER,
    Edges,
    EdgeType,
    GraphSnapshot,
    Interactions,
    ItemTable,
    NodeTable,
)

__all__ = ["build_snapshot", "checksum_of", "load_snapshot", "save_snapshot"]

T = TypeVar("T", bound=np.generic)

TEXT_PROPERTIES = ("title", "title_zh", "description", "description_zh", "tags")
"""What an item's `text` is made of, in this order, one a line."""

_ITEM_DTYPES: Mapping[str, pl.DataType] = {
    "title": pl.String(),
    "title_zh": pl.String(),
    "description": pl.String(),
    "description_zh": pl.String(),
    "tags": pl.List(pl.String),
    "price": pl.Float64(),
    "in_stock": pl.Boolean(),
    "created_at": pl.Datetime("us", "UTC"),
}


def build_snapshot(store: GraphStore, now: datetime) -> GraphSnapshot:
    """The graph as the maths sees it, with its checksum.

    Nodes are read before edges, so an edge whose end was written in between is left to the next
    snapshot. A node without name is called by its id.
    """
    schema = store.schema()
    nodes: dict[str, NodeTable] = {}
    for label in schema.labels:
        if label == ITEM:
            nodes[label], items = _item_tables(store)
        else:
            nodes[label] = _node_table(store, label)
    rows = {label: _rows_of(table) for label, table in nodes.items()}
    interactions = _interactions(store, rows)
    relations = {
        edge_type: _edges(store, edge_type, rows) for edge_type in sorted((*schema.relations, SEARCHED))
    }
    return GraphSnapshot(
        nodes=nodes,
        items=items,
        event_types=EVENT_TYPES,
        interactions=interactions,
        relations=relations,
        now=now,
        checksum=checksum_of(nodes, items, interactions, relations),
    )


def checksum_of(
    nodes: Mapping[str, NodeTable],
    items: ItemTable,
    interactions: Interactions,
    relations: Mapping[EdgeType, Edges],
) -> str:
    """SHA-256 over ids, names, item properties and edge arrays; independent of label order."""
    digest = hashlib.sha256()

    def add(name: str, *columns: Iterable[str] | NDArray[np.generic]) -> None:
        _update(digest, [name])
        for column in columns:
            _update(digest, column)

    for label in sorted(nodes):
        add(label, nodes[label].ids, nodes[label].names, nodes[label].names_zh)
    add("items", items.title, items.title_zh, items.text, items.price, items.in_stock, items.created_at)
    add("event_types", [f"{event.name} {event.relation}" for event in EVENT_TYPES])
    x = interactions
    add("interactions", x.user_idx, x.item_idx, x.type_code, x.value, x.time)
    for edge_type in sorted(relations):
        edges = relations[edge_type]
        add(" ".join(edge_type), edges.src, edges.dst, edges.weight, edges.time)
    return digest.hexdigest()


def _update(digest: "hashlib._Hash", column: Iterable[str] | NDArray[np.generic]) -> None:
    """Feed a column with its length in front, so that no two tables look alike."""
    if isinstance(column, np.ndarray):
        content = np.ascontiguousarray(column).tobytes()
    else:
        encoded = [text.encode() for text in column]
        content = struct.pack(f"<{len(encoded)}Q", *map(len, encoded)) + b"".join(encoded)
    digest.update(struct.pack("<Q", len(content)))
    digest.update(content)


def _node_table(store: GraphStore, label: str) -> NodeTable:
    frame = _columns(store, label, {"name": pl.String(), "name_zh": pl.String()})
    named = frame.select(NODE_ID, _filled("name", pl.col(NODE_ID)), pl.col("name_zh").fill_null(""))
    in_chinese = tuple(named["name_zh"]) if named["name_zh"].ne("").any() else ()
    return NodeTable(tuple(named[NODE_ID]), tuple(named["name"]), in_chinese)


def _item_tables(store: GraphStore) -> tuple[NodeTable, ItemTable]:
    frame = _columns(store, ITEM, _ITEM_DTYPES).with_columns(
        pl.col("tags").list.drop_nulls().list.join(", "), pl.col("title", "title_zh").fill_null("")
    )
    texts = [pl.col(name).replace("", None) for name in TEXT_PROPERTIES]
    frame = frame.with_columns(pl.concat_str(texts, separator="\n", ignore_nulls=True).alias("text"))
    names = frame.select(_filled("title", pl.col(NODE_ID))).to_series()
    items = ItemTable(
        title=tuple(frame["title"]),
        title_zh=tuple(frame["title_zh"]),
        text=tuple(frame["text"].fill_null("")),
        price=_array(frame["price"].fill_null(float("nan")), np.float32),
        in_stock=_array(frame["in_stock"].fill_null(True), np.bool_),
        created_at=_seconds(frame["created_at"]),
    )
    return NodeTable(tuple(frame[NODE_ID]), tuple(names)), items


def _columns(store: GraphStore, label: str, dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The label's ids and the properties asked for, null where the store has none, by id."""
    empty = pl.DataFrame(schema={NODE_ID: pl.String(), **dtypes})
    frames = [
        batch.frame.select(
            pl.col(name).cast(dtype) if name in batch.frame.columns else pl.lit(None, dtype).alias(name)
            for name, dtype in empty.schema.items()
        )
        for batch in store.read_nodes(label)
    ]
    return pl.concat([empty, *frames], rechunk=True).sort(NODE_ID)


def _filled(name: str, default: pl.Expr) -> pl.Expr:
    text = pl.col(name)
    return pl.when(text.str.strip_chars() == "").then(default).otherwise(text.fill_null(default)).alias(name)


def _rows_of(table: NodeTable) -> pl.DataFrame:
    return pl.DataFrame(
        {"id": table.ids, "idx": np.arange(len(table), dtype=np.int32)},
        schema={"id": pl.String, "idx": pl.Int32},
    )


def _interactions(store: GraphStore, rows: Mapping[str, pl.DataFrame]) -> Interactions:
    frames = [
        _edge_frame(store, EdgeType(USER, event.relation, ITEM), rows).with_columns(
            pl.lit(code, pl.Int8).alias("type_code")
        )
        for code, event in enumerate(EVENT_TYPES)
    ]
    frame = pl.concat(frames).sort("src", "time", "position", "dst", "type_code", "weight")
    return Interactions(
        _array(frame["src"], np.int32),
        _array(frame["dst"], np.int32),
        _array(frame["type_code"], np.int8),
        _array(frame["weight"], np.float32),
        _array(frame["time"], np.int64),
    )


def _edges(store: GraphStore, edge_type: EdgeType, rows: Mapping[str, pl.DataFrame]) -> Edges:
    frame = _edge_frame(store, edge_type, rows).sort("src", "time", "position", "dst", "weight")
    return Edges(
        _array(frame["src"], np.int32),
        _array(frame["dst"], np.int32),
        _array(frame["weight"], np.float32),
        _array(frame["time"], np.int64),
    )


def _edge_frame(store: GraphStore, edge_type: EdgeType, rows: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Columns src, dst (row numbers), weight, time (seconds), position; the order is the store's.

    Each batch becomes integers as it comes, so that the strings of a large graph never pile up.
    """
    schema = {"src": pl.Int32, "dst": pl.Int32, "weight": pl.Float32, "time": pl.Int64, "position": pl.Int32}
    frames = [pl.DataFrame(schema=schema)]
    for batch in store.read_edges(edge_type):
        ends = (
            _ends(batch)
            .join(rows[edge_type.src].select(src_id="id", src="idx"), on="src_id")
            .join(rows[edge_type.dst].select(dst_id="id", dst="idx"), on="dst_id")
        )
        frames.append(
            ends.select(
                "src",
                "dst",
                pl.col("weight").fill_null(1.0),
                pl.col("time").dt.epoch("s").fill_null(NO_TIME),
                pl.col("position"),
            )
        )
    return pl.concat(frames, rechunk=True)


def _ends(batch: EdgeBatch | EventBatch) -> pl.DataFrame:
    if isinstance(batch, EdgeBatch):
        return batch.frame
    return with_targets(batch.frame).select(
        "time", "position", src_id="user_id", dst_id=TARGET_ID, weight="value"
    )


def _seconds(times: pl.Series) -> NDArray[np.int64]:
    return _array(times.dt.epoch("s").fill_null(NO_TIME), np.int64)


def _array(column: pl.Series, dtype: type[T]) -> NDArray[T]:
    return np.ascontiguousarray(column.to_numpy(), dtype=dtype)
