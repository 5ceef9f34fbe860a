"""What every reader gives: a schema, then batches that still know where each row stood."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from graph.readers.rejects import RejectLog
from graph.schema import ShopSchema
from graph.store import EdgeBatch, EventBatch, NodeBatch

LINE = "line"
"""The column of a raw frame that holds each record's line, as an editor counts (Parquet: row from 1)."""


@dataclass(frozen=True)
class Origin:
    """Where the rows of a batch stood: a file of the source, and one line a row."""

    file: str
    lines: pl.Series


@dataclass(frozen=True)
class ReadEdges(EdgeBatch):
    """Edges that stood in a file of their own: one may name an item that the shop does not have."""

    origin: Origin


@dataclass(frozen=True)
class ReadEvents(EventBatch):
    """Events as they stood in a file."""

    origin: Origin


Batch = NodeBatch | EdgeBatch | ReadEvents


class Reader(Protocol):
    """One source of data, read once from front to back."""

    @property
    def total_bytes(self) -> int:
        """Size of all files that `batches` reads."""
        ...

    @property
    def bytes_read(self) -> int:
        """How much of `total_bytes` lies behind the last batch; never falls."""
        ...

    @property
    def rows_read(self) -> int:
        """Records seen so far, rejected ones included."""
        ...

    def schema(self) -> ShopSchema:
        """The core labels and relations and what this source adds."""
        ...

    def batches(self, rejects: RejectLog) -> Iterator[Batch]:
        """The source in bounded batches; a node comes before the edges and events that name it.

        Every record has been checked; the bad ones stand in `rejects` instead.

        Raises:
            BadSource: a file can't be read, or its columns are not the table's.
        """
        ...
