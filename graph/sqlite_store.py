"""The embedded store: one SQLite file in WAL mode that several processes may use at once."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Self

import polars as pl

from graph.events import EVENT_OF, TARGET_ID, as_statuses, queries_of, statuses, with_targets
from graph.properties import TIME, Remembered, normalised
from graph.schema import QUERY, SEARCH, ShopSchema
from graph.sqlite_file import SqliteFile
from graph.sqlite_rows import event_frame, json_list, json_rows, node_frame
from graph.statements import sql
from graph.store import EDGE_SCHEMA, NODE_ID, EdgeBatch, EventBatch, EventStatus, NodeBatch
from shopgraph.types import ITEM, USER, EdgeType

FORMAT = 1
"""SQLite's user_version of our files; a file with another number is not ours to touch."""

_ROWS = 50_000


class SqliteStore:
    """A GraphStore in one SqliteFile, or in memory when `path` is None."""

    def __init__(self, path: Path | None, *, timeout_s: float = 10.0) -> None:
        self._file = SqliteFile(
            path,
            format_number=FORMAT,
            timeout_s=timeout_s,
            made_by="fill one with `shopgraph ingest`",
        )

    def prepare(self, schema: ShopSchema) -> None:
        """Create file, tables and indexes where missing and remember the merged schema."""
        with self._file.creating(sql("create")) as connection:
            memory = self._memory(connection)
            merged = memory.schema.merged(schema)
            self._remember(connection, memory, Remembered(merged, memory.kinds))

    def schema(self) -> ShopSchema:
        """The labels and relations prepared so far."""
        with self._file.reading() as connection:
            return self._memory(connection).schema

    def write_nodes(self, batch: NodeBatch) -> int:
        """Add nodes, or replace the properties given; returns how many are new."""
        frame = normalised(batch.label, batch.frame)
        properties = json_rows(frame)
        ids = frame[NODE_ID].to_list()
        with self._file.writing() as connection:
            memory = self._memory(connection)
            memory.check_label(batch.label)
            self._remember(connection, memory, memory.with_properties(batch.label, frame))
            n_new = connection.executemany(
                sql("insert_node"), ((batch.label, *row) for row in zip(ids, properties, strict=True))
            ).rowcount
            if n_new < len(ids):
                rows = ((text, batch.label, node_id) for node_id, text in zip(ids, properties, strict=True))
                connection.executemany(sql("update_node"), rows)
        return max(n_new, 0)

    def write_edges(self, batch: EdgeBatch) -> int:
        """Add edges, or replace weight and time; returns how many are new."""
        edge_type = batch.edge_type
        frame = batch.frame.select(pl.col(name).cast(dtype) for name, dtype in EDGE_SCHEMA.items())
        with self._file.writing() as connection:
            self._memory(connection).check_edge_type(edge_type)
            for label, column in ((edge_type.src, "src_id"), (edge_type.dst, "dst_id")):
                if label == ITEM:
                    known = self._known_items(connection, frame[column])
                    frame = frame.filter(pl.col(column).is_in(list(known)))
            for label, column in ((edge_type.src, "src_id"), (edge_type.dst, "dst_id")):
                if label != ITEM:
                    _create_nodes(connection, label, frame[column].unique())
            key = (edge_type.relation, edge_type.src, edge_type.dst)
            rows = frame.with_columns(pl.col("time").cast(pl.Int64)).rows()
            n_new = connection.executemany(sql("insert_edge"), ((*key, *row) for row in rows)).rowcount
            if n_new < len(rows):
                updates = ((*said, *key, src, dst) for src, dst, *said in rows)
                connection.executemany(sql("update_edge"), updates)
        return max(n_new, 0)

    def write_events(self, batch: EventBatch) -> Sequence[EventStatus]:
        """Add events by event_id, one status a row in order; unknown users are created."""
        events = with_targets(batch.frame)
        with self._file.writing() as connection:
            memory = self._memory(connection)
            items = events.filter(pl.col("name") != SEARCH.name)[TARGET_ID]
            asked = json_list(events["event_id"].sort())
            known_events = {row[0] for row in connection.execute(sql("known_events"), (asked,))}
            status = statuses(events, self._known_items(connection, items), known_events)
            stored = events.filter(status == "stored")
            _create_nodes(connection, USER, stored["user_id"].unique())
            queries = queries_of(stored)
            if len(queries):
                self._remember(connection, memory, memory.with_properties(QUERY, queries))
                _create_nodes(connection, QUERY, queries[NODE_ID], json_rows(queries))
            # in order of id: the index takes them a fifth faster than at random
            rows = stored.sort("event_id").select(
                "event_id", "name", "user_id", TARGET_ID, pl.col("time").cast(pl.Int64),
                "value", "position", "query", "recommendation_id",
            ).rows()  # fmt: skip
            connection.executemany(sql("insert_event"), rows)
        return as_statuses(status)

    def read_nodes(self, label: str, ids: Sequence[str] | None = None) -> Iterator[NodeBatch]:
        """All nodes of a label, or those of `ids` that exist, ordered by id (code points)."""
        with self._file.reading() as connection:
            memory = self._memory(connection)
            memory.check_label(label)
            if ids is None:
                cursor = connection.execute(sql("read_nodes"), (label,))
            else:
                cursor = connection.execute(sql("read_some_nodes"), (label, json_list(ids)))
            dtypes = memory.dtypes(label)
            while rows := cursor.fetchmany(_ROWS):
                yield NodeBatch(label, node_frame(rows, dtypes))

    def read_edges(
        self, edge_type: EdgeType, src_ids: Sequence[str] | None = None
    ) -> Iterator[EdgeBatch | EventBatch]:
        """All edges of a type, or those out of `src_ids`; EventBatch for event relations."""
        event = EVENT_OF.get(edge_type)
        some = "some_" if src_ids is not None else ""
        last = () if src_ids is None else (json_list(src_ids),)
        with self._file.reading() as connection:
            if event is not None:
                cursor = connection.execute(sql(f"read_{some}events"), (event.name, *last))
                while rows := cursor.fetchmany(_ROWS):
                    yield EventBatch(event_frame(rows))
                return
            self._memory(connection).check_edge_type(edge_type)
            key = (edge_type.relation, edge_type.src, edge_type.dst)
            cursor = connection.execute(sql(f"read_{some}edges"), (*key, *last))
            schema = {**EDGE_SCHEMA, "time": pl.Int64()}
            while rows := cursor.fetchmany(_ROWS):
                frame = pl.DataFrame(rows, schema=schema, orient="row")
                yield EdgeBatch(edge_type, frame.with_columns(pl.col("time").cast(TIME)))

    def close(self) -> None:
        """Give back the file; the store can't be used afterwards."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SqliteStore({self._file.name})"

    @staticmethod
    def _memory(connection: sqlite3.Connection) -> Remembered:
        row = connection.execute(sql("read_memory")).fetchone()
        return Remembered() if row is None else Remembered.from_json(row[0])

    @staticmethod
    def _remember(connection: sqlite3.Connection, before: Remembered, now: Remembered) -> None:
        if now != before:
            connection.execute(sql("write_memory"), (now.to_json(),))

    @staticmethod
    def _known_items(connection: sqlite3.Connection, ids: pl.Series) -> set[str]:
        asked = json_list(ids.unique().drop_nulls())
        return {row[0] for row in connection.execute(sql("known_nodes"), (ITEM, asked))}


def _create_nodes(
    connection: sqlite3.Connection, label: str, ids: Iterable[str], properties: Iterable[str] | None = None
) -> None:
    rows = ((label, *row) for row in zip(ids, properties or repeat("{}"), strict=False))
    connection.executemany(sql("insert_node"), rows)
