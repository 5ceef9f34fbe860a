"""The store's contract: eight verbs that SQLite and Neo4j both keep, and the tables they carry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import polars as pl

from graph.schema import ShopSchema
from shopgraph.types import EdgeType

NODE_ID = "id"

_TIME = pl.Datetime("us", "UTC")

EDGE_SCHEMA: dict[str, pl.DataType] = {
    "src_id": pl.String(),
    "dst_id": pl.String(),
    "weight": pl.Float32(),
    "time": _TIME,
    "position": pl.Int32(),
}

EVENT_SCHEMA: dict[str, pl.DataType] = {
    "event_id": pl.String(),
    "name": pl.String(),
    "user_id": pl.String(),
    "item_id": pl.String(),
    "time": _TIME,
    "value": pl.Float32(),
    "position": pl.Int32(),
    "query": pl.String(),
    "recommendation_id": pl.String(),
}

EventStatus = Literal["stored", "duplicate", "unknown_item"]


@dataclass(frozen=True)
class NodeBatch:
    """Nodes of one label: a column `id`, then a column per property (string, float, bool, int,
    list of strings, or Datetime UTC); null means that the source said nothing.
    """

    label: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class EdgeBatch:
    """Edges of one type, columns of EDGE_SCHEMA; (src_id, dst_id) is the edge's identity."""

    edge_type: EdgeType
    frame: pl.DataFrame


@dataclass(frozen=True)
class EventBatch:
    """Events as received, columns of EVENT_SCHEMA; `event_id` is the identity.

    `item_id` is null for `search` alone, `value` is stars for `rate` and quantity for `purchase`,
    `time` is null where the source has none, `position` orders a user's events that lack a time.
    """

    frame: pl.DataFrame


class GraphStore(Protocol):
    """Facts about a shop. Writing the same thing twice changes nothing.

    Every verb raises StoreUnavailable when the store can't be reached, and a write raises
    IncompleteWrite when its outcome is unknown after the retries.
    """

    def prepare(self, schema: ShopSchema) -> None:
        """Create what is missing (tables, constraints, indexes) and remember the merged schema."""
        ...

    def schema(self) -> ShopSchema:
        """The labels and relations prepared so far."""
        ...

    def write_nodes(self, batch: NodeBatch) -> int:
        """Add nodes, or replace the properties given; returns how many are new."""
        ...

    def write_edges(self, batch: EdgeBatch) -> int:
        """Add edges, or replace weight and time; both ends are created if missing, except items.

        Returns how many are new; edges that name an unknown item are left out.
        """
        ...

    def write_events(self, batch: EventBatch) -> Sequence[EventStatus]:
        """Add events by event_id, one status a row in order; unknown users are created."""
        ...

    def read_nodes(self, label: str, ids: Sequence[str] | None = None) -> Iterator[NodeBatch]:
        """All nodes of a label, or those of `ids` that exist, ordered by id (code points)."""
        ...

    def read_edges(
        self, edge_type: EdgeType, src_ids: Sequence[str] | None = None
    ) -> Iterator[EdgeBatch | EventBatch]:
        """All edges of a type, or those out of `src_ids`; EventBatch for event relations.

        The order is up to the store.
        """
        ...

    def close(self) -> None:
        """Give back connections and files; the store can't be used afterwards."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...
