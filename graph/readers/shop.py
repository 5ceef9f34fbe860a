"""A shop folder: for each table a file, or a folder of part files."""

from collections.abc import Iterator
from pathlib import Path
from typing import assert_never

import polars as pl

from graph.readers.base import Batch
from graph.readers.checks import checked
from graph.readers.columns import Columns
from graph.readers.delimited import csv_columns, read_csv
from graph.readers.files import Format, Part, RawBatch, find_parts, format_of
from graph.readers.jsonl import jsonl_columns, read_jsonl
from graph.readers.mapping import MAPPING_FILE, NameMapping, closest, read_mapping
from graph.readers.parquet import parquet_columns, read_parquet
from graph.readers.rejects import RejectLog
from graph.readers.shop_batches import ShopBatches
from graph.readers.tables import EVENTS, TABLES, Table, node_table
from graph.schema import CORE_LABELS, ShopSchema, read_schema
from shopgraph.errors import BadSource

SCHEMA_FILE = "schema.toml"
NODES_FOLDER = "nodes"


class ShopReader:
    """Reads a shop folder; opening it checks that every file has the columns of its table."""

    def __init__(self, source: Path, mapping: Path | None = None) -> None:
        """Find the tables.

        Args:
            source: the folder.
            mapping: a mapping file to use instead of the folder's `mapping.toml`.

        Raises:
            BadSource: no folder, no table, an unknown table or column, or an unreadable file.
        """
        if not source.is_dir():
            raise BadSource(f"{source}: not a folder; a shop folder holds items, users, events, …")
        schema_path = source / SCHEMA_FILE
        self._schema = read_schema(schema_path) if schema_path.exists() else ShopSchema()
        self._tables = _find_tables(source, self._schema)
        self._mapping = self._read_mapping(source, mapping)
        self._bytes_before = self._bytes_here = self._rows_read = 0
        for table, parts in self._tables:
            columns = Columns(table, self._mapping)
            for part in parts:
                if found := _columns_of(part):
                    columns.check_complete(part.name, found)

    @property
    def total_bytes(self) -> int:
        return sum(part.n_bytes for _, parts in self._tables for part in parts)

    @property
    def bytes_read(self) -> int:
        return self._bytes_before + self._bytes_here

    @property
    def rows_read(self) -> int:
        return self._rows_read

    def schema(self) -> ShopSchema:
        return self._schema

    def batches(self, rejects: RejectLog) -> Iterator[Batch]:
        """Nodes table by table, items with what derives from them, then relations, then events."""
        self._bytes_before = self._bytes_here = self._rows_read = 0
        converted = ShopBatches(self._schema)
        for table, parts in self._tables:
            columns = Columns(converted.with_rules(table), self._mapping)
            for part in parts:
                for raw in _raw_batches(part, columns, rejects):
                    self._rows_read += raw.n_records
                    self._bytes_here = raw.bytes_read
                    frame = self._with_our_events(raw.frame) if table is EVENTS else raw.frame
                    good = checked(frame, columns, part.name, rejects)
                    if len(good):
                        yield from converted.of(table, good, part.name)
                self._bytes_before += part.n_bytes
                self._bytes_here = 0

    def _read_mapping(self, source: Path, mapping: Path | None) -> NameMapping:
        path = mapping or source / MAPPING_FILE
        if mapping is None and not path.exists():
            return NameMapping()
        return read_mapping(path, [table.name for table, _ in self._tables])

    def _with_our_events(self, raw: pl.DataFrame) -> pl.DataFrame:
        if not self._mapping.events or raw.schema.get("event") != pl.String:
            return raw
        return raw.with_columns(pl.col("event").replace(dict(self._mapping.events)))


def _find_tables(source: Path, schema: ShopSchema) -> list[tuple[Table, list[Part]]]:
    foreign = {
        path.name.split(".")[0]
        for path in source.iterdir()
        if path.is_file() and not path.name.startswith(".") and format_of(path) is not None
    }
    for name in sorted(foreign - set(TABLES)):
        raise BadSource(f"{source}: unknown table {name!r}{closest(name, TABLES)}")
    nodes = source / NODES_FOLDER
    own_labels = [label for label in schema.labels if label not in CORE_LABELS]
    if nodes.is_dir():
        for name in sorted({path.name.split(".")[0] for path in nodes.iterdir()} - set(own_labels)):
            raise BadSource(
                f"{nodes}: the label {name!r} is not declared in {SCHEMA_FILE}{closest(name, own_labels)}"
            )
    tables = [(table, find_parts(source, table.name, source)) for table in TABLES.values()]
    own = [(node_table(label, label), find_parts(nodes, label, source)) for label in own_labels]
    # Relations and events, the last two, name nodes of all tables.
    found = [(table, parts) for table, parts in (*tables[:-2], *own, *tables[-2:]) if parts]
    if not found:
        raise BadSource(f"{source}: no table found; known: {', '.join(TABLES)}, as .parquet, .csv or .jsonl")
    return found


def _columns_of(part: Part) -> list[str]:
    match part.format:
        case Format.PARQUET:
            return parquet_columns(part)
        case Format.CSV:
            return csv_columns(part)
        case Format.JSONL:
            return jsonl_columns(part)
        case _:
            assert_never(part.format)


def _raw_batches(part: Part, columns: Columns, rejects: RejectLog) -> Iterator[RawBatch]:
    match part.format:
        case Format.PARQUET:
            return read_parquet(part, columns)
        case Format.CSV:
            return read_csv(part, columns, rejects)
        case Format.JSONL:
            return read_jsonl(part, columns, rejects)
        case _:
            assert_never(part.format)
