"""Helpers of the stores' tests: batches in a line, everything a store holds in a value."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
from neo4j import GraphDatabase

from graph.store import EDGE_SCHEMA, EVENT_SCHEMA, EdgeBatch, EventBatch, GraphStore, NodeBatch
from shopgraph.types import ITEM, EdgeType

NOON = datetime(2026, 1, 2, 12, 0, 0, 250_000, tzinfo=UTC)
VIEWED = EdgeType("User", "VIEWED", "Item")
PURCHASED = EdgeType("User", "PURCHASED", "Item")


def nodes(label: str, **columns: Sequence[object]) -> NodeBatch:
    return NodeBatch(label, pl.DataFrame(columns))


def items(*ids: str) -> NodeBatch:
    return nodes(ITEM, id=ids)


def edges(edge_type: EdgeType, *rows: tuple[str, str], **columns: Sequence[object]) -> EdgeBatch:
    said = {"src_id": [src for src, _ in rows], "dst_id": [dst for _, dst in rows], **columns}
    return EdgeBatch(edge_type, _filled(said, EDGE_SCHEMA, len(rows)))


def events(*rows: tuple[str, str, str, str | None], **columns: Sequence[object]) -> EventBatch:
    """Rows of (event_id, name, user_id, item_id)."""
    said = {
        name: [row[n] for row in rows] for n, name in enumerate(("event_id", "name", "user_id", "item_id"))
    }
    return EventBatch(_filled({**said, **columns}, EVENT_SCHEMA, len(rows)))


def node_rows(store: GraphStore, label: str, ids: Sequence[str] | None = None) -> list[dict[str, object]]:
    return [row for batch in store.read_nodes(label, ids) for row in batch.frame.iter_rows(named=True)]


def node_ids(store: GraphStore, label: str) -> list[object]:
    return [row["id"] for row in node_rows(store, label)]


def edge_rows(
    store: GraphStore, edge_type: EdgeType, src_ids: Sequence[str] | None = None
) -> list[dict[str, object]]:
    """All edges, or events, of a type; ordered by all their values."""
    found = [
        row for batch in store.read_edges(edge_type, src_ids) for row in batch.frame.iter_rows(named=True)
    ]
    return sorted(found, key=lambda row: [str(value) for value in row.values()])


def empty_neo4j(url: str) -> None:
    """Forget all nodes and edges of the server behind a store URL; constraints stay."""
    scheme, _, rest = url.partition("://")
    login, _, address = rest.rpartition("@")
    user, _, password = login.partition(":")
    with GraphDatabase.driver(f"{scheme}://{address}", auth=(user, password)) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n")


def _filled(said: dict[str, Sequence[object]], schema: dict[str, pl.DataType], n: int) -> pl.DataFrame:
    return pl.DataFrame({name: said.get(name, [None] * n) for name in schema}, schema=schema)
