"""The production store: Neo4j 5.26 or later, Community Edition, with the schema's own labels and types."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Self, TypeVar

import polars as pl

from graph.events import EVENT_OF, TARGET_ID, as_statuses, queries_of, statuses, with_targets
from graph.neo4j_link import Link, Transaction
from graph.neo4j_rows import edge_frame, edge_rows, event_columns, event_frame, node_frame, node_rows
from graph.properties import Remembered, normalised
from graph.schema import EVENT_BY_NAME, QUERY, SEARCH, ShopSchema, id_property
from graph.statements import cypher
from graph.store import EDGE_SCHEMA, NODE_ID, EdgeBatch, EventBatch, EventStatus, NodeBatch
from shopgraph.errors import BadSettings
from shopgraph.types import ITEM, EdgeType

T = TypeVar("T")

_ROWS = 10_000
"""Rows a transaction: enough to hide the round trip, little enough for a heap of 1 GB."""

_MEMORY = {"label": "ShopgraphMemory", "id": "memory_id"}


class Neo4jStore:
    """A GraphStore in Neo4j: one node a thing, one relationship an event, properties as in the API.

    A write of more than 10,000 rows is several transactions; one that fails leaves the earlier ones
    done, and the same batch may be sent again. Threads may share a store.
    """

    def __init__(
        self, uri: str, user: str, password: str, timeout_s: float = 10.0, retry_s: float = 60.0
    ) -> None:
        self._link = Link(uri, user, password, timeout_s, retry_s)

    def prepare(self, schema: ShopSchema) -> None:
        """Create constraints and indexes where missing and remember the merged schema."""
        labels = ShopSchema().merged(schema).labels
        relations = sorted(event.relation for event in EVENT_BY_NAME.values())
        self._link.change_schema(
            [
                cypher("constrain_node", **_MEMORY),
                *(cypher("constrain_event", relation=relation) for relation in relations),
                *(cypher("constrain_node", label=label, id=id_property(label)) for label in labels),
                *(cypher("index_names", label=label) for label in labels),
            ]
        )

        def merge(transaction: Transaction) -> None:
            memory = _memory(transaction, lock=True)
            _remember(transaction, Remembered(memory.schema.merged(schema), memory.kinds))

        self._link.write(merge)

    def schema(self) -> ShopSchema:
        """The labels and relations prepared so far."""
        return self._read_memory().schema

    def write_nodes(self, batch: NodeBatch) -> int:
        """Add nodes, or replace the properties given; returns how many are new.

        After a commit with an unknown outcome nodes of that commit may count as old.
        """
        frame = normalised(batch.label, batch.frame)
        names = {"label": batch.label, "id": id_property(batch.label)}

        def merge(rows: pl.DataFrame, transaction: Transaction) -> int:
            _learn_properties(transaction, batch.label, rows)
            result = transaction.run(cypher("merge_nodes", **names), {"rows": node_rows(rows)})
            return result.consume().counters.nodes_created

        return sum(self._in_slices(frame, merge))

    def write_edges(self, batch: EdgeBatch) -> int:
        """Add edges, or replace weight and time; returns how many are new, as write_nodes does."""
        edge_type = batch.edge_type
        frame = batch.frame.select(pl.col(name).cast(dtype) for name, dtype in EDGE_SCHEMA.items())

        def merge(rows: pl.DataFrame, transaction: Transaction) -> int:
            _memory(transaction).check_edge_type(edge_type)
            for label, column in ((edge_type.src, "src_id"), (edge_type.dst, "dst_id")):
                if label == ITEM:
                    rows = rows.filter(pl.col(column).is_in(_known(transaction, ITEM, rows[column])))
            for label, column in ((edge_type.src, "src_id"), (edge_type.dst, "dst_id")):
                if label != ITEM:
                    _create_nodes(transaction, label, rows.select(pl.col(column).unique().alias(NODE_ID)))
            statement = cypher("merge_edges", **_edge_names(edge_type))
            result = transaction.run(statement, {"rows": edge_rows(rows)})
            return result.consume().counters.relationships_created

        return sum(self._in_slices(frame, merge))

    def write_events(self, batch: EventBatch) -> Sequence[EventStatus]:
        """Add events by event_id, one status a row in order; unknown users are created."""
        done: list[EventStatus] = []
        for rows in with_targets(batch.frame).iter_slices(_ROWS):
            done.extend(self._link.write(partial(_create_events, rows, set())))
        return done

    def read_nodes(self, label: str, ids: Sequence[str] | None = None) -> Iterator[NodeBatch]:
        """All nodes of a label, or those of `ids` that exist, ordered by id (code points)."""
        memory = self._read_memory()
        memory.check_label(label)
        dtypes = memory.dtypes(label)
        for rows in self._read("nodes", ids, label=label, id=id_property(label)):
            yield NodeBatch(label, node_frame(rows, dtypes))

    def read_edges(
        self, edge_type: EdgeType, src_ids: Sequence[str] | None = None
    ) -> Iterator[EdgeBatch | EventBatch]:
        """All edges of a type, or those out of `src_ids`; EventBatch for event relations."""
        event = EVENT_OF.get(edge_type)
        if event is not None:
            for rows in self._read("events", src_ids, **_event_names(event.name)):
                yield EventBatch(event_frame(event.name, rows))
            return
        self._read_memory().check_edge_type(edge_type)
        for rows in self._read("edges", src_ids, **_edge_names(edge_type)):
            yield EdgeBatch(edge_type, edge_frame(rows))

    def close(self) -> None:
        """Give back the connections; the store can't be used afterwards."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Neo4jStore({self._link.address})"

    def _in_slices(self, frame: pl.DataFrame, work: Callable[[pl.DataFrame, Transaction], T]) -> Iterator[T]:
        """What `work` returns for each slice of the frame, a transaction a slice."""
        for rows in frame.iter_slices(_ROWS):
            yield self._link.write(partial(work, rows))

    def _read(self, what: str, ids: Sequence[str] | None, **names: str) -> Iterator[list[list[object]]]:
        if ids is None:
            return self._link.read(cypher(f"read_{what}", **names))
        return self._link.read(cypher(f"read_some_{what}", **names), {"ids": list(dict.fromkeys(ids))})

    def _read_memory(self) -> Remembered:
        for rows in self._link.read(cypher("read_memory")):
            return Remembered.from_json(str(rows[0][0]))
        raise BadSettings(f"Neo4j at {self._link.address} holds no shop yet; fill it with `shopgraph ingest`")


def _memory(transaction: Transaction, lock: bool = False) -> Remembered:
    rows = transaction.rows(cypher("lock_memory" if lock else "read_memory"))
    return Remembered.from_json(str(rows[0][0])) if rows and rows[0][0] is not None else Remembered()


def _remember(transaction: Transaction, memory: Remembered) -> None:
    transaction.run(cypher("write_memory"), {"content": memory.to_json()}).consume()


def _create_events(rows: pl.DataFrame, ours: set[str], transaction: Transaction) -> list[EventStatus]:
    """Statuses of the rows; `ours` gathers what earlier tries wrote: no duplicates, if they did commit."""
    items = rows.filter(pl.col("name") != SEARCH.name)[TARGET_ID]
    known_events = set(_known_events(transaction, rows["event_id"]))
    status = statuses(rows, set(_known(transaction, ITEM, items)), known_events - ours)
    stored = rows.filter(status == "stored")
    ours.update(stored["event_id"])
    fresh = stored.filter(~pl.col("event_id").is_in(list(known_events)))
    queries = queries_of(fresh)
    if len(queries):
        _learn_properties(transaction, QUERY, queries)
        _create_nodes(transaction, QUERY, queries)
    for (name,), of_name in fresh.sort("event_id").group_by("name", maintain_order=True):
        statement = cypher("create_events", **_event_names(str(name)))
        transaction.run(statement, event_columns(of_name)).consume()
    return as_statuses(status)


def _learn_properties(transaction: Transaction, label: str, frame: pl.DataFrame) -> None:
    memory = _memory(transaction)
    memory.check_label(label)
    if memory.with_properties(label, frame) != memory:
        _remember(transaction, _memory(transaction, lock=True).with_properties(label, frame))


def _create_nodes(transaction: Transaction, label: str, frame: pl.DataFrame) -> None:
    names = {"label": label, "id": id_property(label)}
    transaction.run(cypher("create_nodes", **names), {"rows": node_rows(frame)}).consume()


def _known(transaction: Transaction, label: str, ids: pl.Series) -> list[str]:
    asked = ids.unique().to_list()
    statement = cypher("unknown_nodes", label=label, id=id_property(label))
    unknown = {row[0] for row in transaction.rows(statement, {"ids": asked})}
    return [node_id for node_id in asked if node_id not in unknown]


def _known_events(transaction: Transaction, ids: pl.Series) -> list[str]:
    relations = "|".join(event.relation for event in EVENT_BY_NAME.values())
    statement = cypher("known_events", relations=relations)
    return [str(row[0]) for row in transaction.rows(statement, {"ids": ids.unique().to_list()})]


def _edge_names(edge_type: EdgeType) -> dict[str, str]:
    return {
        "src": edge_type.src,
        "src_id": id_property(edge_type.src),
        "relation": edge_type.relation,
        "dst": edge_type.dst,
        "dst_id": id_property(edge_type.dst),
    }


def _event_names(name: str) -> dict[str, str]:
    label = QUERY if name == SEARCH.name else ITEM
    return {"relation": EVENT_BY_NAME[name].relation, "dst": label, "dst_id": id_property(label)}
