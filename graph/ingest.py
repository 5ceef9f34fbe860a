"""From a reader into a store: what was new, what was there, what was refused."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import polars as pl

from graph.readers.base import Batch, ReadEdges, Reader, ReadEvents
from graph.readers.rejects import RejectLog
from graph.store import NODE_ID, EdgeBatch, EventBatch, GraphStore, NodeBatch
from shopgraph.types import ITEM

OnProgress = Callable[[int, int, float], None]
"""Gets bytes done, bytes in all, and rows per second so far."""

_UNKNOWN_ITEM = "the shop has no such item"


@dataclass(frozen=True)
class IngestSummary:
    """What an ingest did. `rejected` counts records by "field: reason"."""

    rows: int
    new_nodes: int
    new_edges: int
    new_events: int
    duplicate_events: int
    n_rejected: int
    rejected: Mapping[str, int]
    rejects_path: Path | None
    seconds: float

    @property
    def rows_per_s(self) -> float:
        """Records read per second, rejected ones included."""
        return self.rows / self.seconds if self.seconds else 0.0

    @property
    def usable(self) -> bool:
        """Whether anything could be used: false for a source of rejects alone."""
        return self.rows > self.n_rejected


def ingest(
    reader: Reader,
    store: GraphStore,
    rejects_path: Path | None = None,
    on_progress: OnProgress | None = None,
) -> IngestSummary:
    """Write all that a reader gives into a store; doing it again changes nothing.

    It may be cut off at any point and run again: each batch is one write that the store keeps whole
    or not at all, and every record has an identity.

    Args:
        reader: where the records come from.
        store: prepared here with the reader's schema.
        rejects_path: the file that takes rejected records, written anew; None only counts them.
        on_progress: called after every batch.

    Raises:
        BadSource: a file can't be read; what came before it is stored.
        StoreUnavailable: the store does not answer; run it again when it does.
    """
    start = perf_counter()
    with RejectLog(rejects_path) as rejects:
        store.prepare(reader.schema())
        writer = _Writer(store, rejects)
        for batch in reader.batches(rejects):
            writer.write(batch)
            if on_progress is not None:
                rate = reader.rows_read / max(perf_counter() - start, 1e-9)
                on_progress(reader.bytes_read, reader.total_bytes, rate)
    return IngestSummary(
        rows=reader.rows_read,
        new_nodes=writer.n_new["nodes"],
        new_edges=writer.n_new["edges"],
        new_events=writer.n_new["stored"],
        duplicate_events=writer.n_new["duplicate"],
        n_rejected=len(rejects),
        rejected=rejects.counts,
        rejects_path=rejects_path,
        seconds=perf_counter() - start,
    )


class _Writer:
    """Writes batches and counts; remembers the items seen, so that the store is seldom asked."""

    def __init__(self, store: GraphStore, rejects: RejectLog) -> None:
        self._store = store
        self._rejects = rejects
        self._known_items: set[str] = set()
        self.n_new: Counter[str] = Counter()

    def write(self, batch: Batch) -> None:
        match batch:
            case NodeBatch():
                self.n_new["nodes"] += self._store.write_nodes(batch)
                if batch.label == ITEM:
                    self._known_items.update(batch.frame[NODE_ID])
            case ReadEvents():
                self._write_events(batch)
            case ReadEdges():
                self.n_new["edges"] += self._store.write_edges(self._without_unknown_items(batch))
            case EdgeBatch():
                self.n_new["edges"] += self._store.write_edges(batch)

    def _write_events(self, batch: ReadEvents) -> None:
        statuses = pl.Series(self._store.write_events(EventBatch(batch.frame)), dtype=pl.String)
        self.n_new.update(dict(statuses.value_counts().iter_rows()))
        self._reject(batch, "item_id", batch.frame["item_id"], statuses == "unknown_item")

    def _without_unknown_items(self, batch: ReadEdges) -> EdgeBatch:
        known = pl.repeat(True, len(batch.frame), eager=True)
        ends = (("source", "src_id", batch.edge_type.src), ("target", "dst_id", batch.edge_type.dst))
        for field, column, label in ends:
            if label == ITEM:
                ids = batch.frame[column]
                unknown = ids.is_in(list(self._unknown_items(ids))) & known
                self._reject(batch, field, ids, unknown)
                known &= ~unknown
        return EdgeBatch(batch.edge_type, batch.frame.filter(known))

    def _unknown_items(self, item_ids: pl.Series) -> set[str]:
        unseen = set(item_ids) - self._known_items
        if unseen:
            for stored in self._store.read_nodes(ITEM, sorted(unseen)):
                self._known_items.update(stored.frame[NODE_ID])
        return unseen - self._known_items

    def _reject(self, batch: ReadEdges | ReadEvents, field: str, ids: pl.Series, unknown: pl.Series) -> None:
        lines = batch.origin.lines.filter(unknown)
        for line, item_id in zip(lines, ids.filter(unknown), strict=True):
            self._rejects.add(batch.origin.file, line, field, _UNKNOWN_ITEM, item_id)
