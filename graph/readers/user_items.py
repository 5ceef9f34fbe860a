"""Text files of one record a line, and purchases out of lines that name a user and items."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple, TypeVar

import polars as pl

from graph.readers.base import LINE, Batch, Origin, ReadEvents
from graph.readers.derive import event_frame
from graph.readers.event_ids import EventIds
from graph.readers.files import Part, opened, translated
from graph.readers.rejects import RejectLog
from graph.store import NODE_ID, NodeBatch
from shopgraph.errors import BadRecord
from shopgraph.types import ITEM, USER

T = TypeVar("T")

BATCH_ROWS = 65_536

_PAIRS = {LINE: pl.Int64, "user_id": pl.String, "item_id": pl.String, "position": pl.Int32}


class UserItems(NamedTuple):
    """A user and the items that stand beside it, in the line's order."""

    user_id: str
    item_ids: list[str]


class LineFile:
    """A text file, read once; knows how far it has come.

    `n_bad` counts the lines that went to the rejects.
    """

    def __init__(self, part: Part, n_header: int = 0) -> None:
        self.part = part
        self.bytes_read = self.n_bad = 0
        self._n_header = n_header

    def records(self, parse: Callable[[str], T], rejects: RejectLog) -> Iterator[tuple[int, T]]:
        """Each line's number, from 1, and what `parse` makes of it; blank lines and the header are skipped.

        Args:
            parse: gets the line without its end; BadRecord rejects the line.
            rejects: takes the bad lines.

        Raises:
            BadSource: the file can't be read.
        """
        with translated(self.part), opened(self.part) as (content, raw):
            for line, text in enumerate(content, 1):
                self.bytes_read = raw.tell()
                if line <= self._n_header or not text.strip():
                    continue
                try:
                    record = parse(text.decode().rstrip("\r\n"))
                except (BadRecord, UnicodeDecodeError) as exc:
                    field, reason = ("", "must be UTF-8")
                    if isinstance(exc, BadRecord):
                        field, reason = exc.field, exc.reason
                    shown = text.decode("utf-8", "replace").strip()
                    rejects.add(self.part.name, line, field, reason, shown)
                    self.n_bad += 1
                else:
                    yield line, record
        self.bytes_read = self.part.n_bytes


def in_batches(records: Iterable[T]) -> Iterator[list[T]]:
    """The records in lists of at most BATCH_ROWS, none of them empty."""
    left = iter(records)
    while batch := list(islice(left, BATCH_ROWS)):
        yield batch


def purchase_batches(
    lines: Iterable[tuple[int, UserItems]], file: str, *, ordered: bool, with_items: bool
) -> Iterator[Batch]:
    """A purchase for each item of each line, in bounded batches, the new nodes first.

    Args:
        lines: the records and their numbers.
        file: the name to report.
        ordered: whether a line's items are in time order; they then get their place as position.
        with_items: whether the items are nodes by being named here.
    """
    event_ids, known = EventIds(), set[str]()
    for frame in _frames(lines):
        yield NodeBatch(USER, frame.select(pl.col("user_id").unique(maintain_order=True).alias(NODE_ID)))
        if with_items:
            items = frame["item_id"].unique(maintain_order=True)
            new = [item_id for item_id in items if item_id not in known]
            known.update(new)
            yield NodeBatch(ITEM, pl.DataFrame({NODE_ID: new}, schema={NODE_ID: pl.String}))
        events = event_frame(frame if ordered else frame.drop("position"), "purchase")
        yield ReadEvents(event_ids.filled(events), Origin(file, frame[LINE]))


def _frames(lines: Iterable[tuple[int, UserItems]]) -> Iterator[pl.DataFrame]:
    rows: list[tuple[int, str, str, int]] = []
    for line, (user_id, item_ids) in lines:
        rows += [(line, user_id, item_id, place) for place, item_id in enumerate(item_ids)]
        if len(rows) >= BATCH_ROWS:
            yield pl.DataFrame(rows, schema=_PAIRS, orient="row")
            rows = []
    if rows:
        yield pl.DataFrame(rows, schema=_PAIRS, orient="row")
