"""Raw records of CSV files: every value as text, an empty one as null."""

import csv
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from graph.readers.base import LINE
from graph.readers.columns import Columns
from graph.readers.files import Part, RawBatch, opened, translated
from graph.readers.rejects import RejectLog
from shopgraph.errors import BadSource

_BLOCK_BYTES = 8 << 20
_DELIMITERS = ",;\t|"


def csv_columns(part: Part) -> list[str]:
    """The names in the first line.

    Raises:
        BadSource: unreadable, or empty.
    """
    return _header(part)[0]


def read_csv(part: Part, columns: Columns, rejects: RejectLog) -> Iterator[RawBatch]:
    """The records; a line is where the record begins in the file, the header being line 1.

    A record with too many or too few values is a reject; an empty line is nothing.

    Raises:
        BadSource: not UTF-8, a value longer than a block, or a quotation mark that is never closed.
    """
    header, delimiter = _header(part)
    names = columns.renamed(part.name, header)
    follower = _LineFollower()
    reason = f"must have {len(header)} values, as the first line"
    with translated(part), opened(part) as (content, raw):
        blocks = _blocks(content, header, delimiter, follower.skip)
        for frame, is_last in _told_last(blocks, header):
            if is_last:
                _check_closed(part, frame)
            lined = frame.insert_column(0, follower.lines(frame))
            torn = follower.torn_rows(is_last=is_last)
            for line, text in torn:
                rejects.add(part.name, line, "", reason, text)
            full = lined.filter(~pl.all_horizontal(pl.col(header).is_null()))
            yield RawBatch(full.select(LINE, *names).rename(names), full.height + len(torn), raw.tell())


class _LineFollower:
    """Knows at which line of the file each row begins, though torn rows are not among the rows."""

    def __init__(self) -> None:
        self._next_row = 2
        self._torn: dict[int, str] = {}
        self._rows: NDArray[np.int64] = np.empty(0, np.int64)
        self._moved: NDArray[np.int64] = np.zeros(1, np.int64)

    def skip(self, row: pacsv.InvalidRow) -> str:
        """Remember a row with a wrong number of values, and tell the parser to go on."""
        self._torn[row.number] = row.text
        return "skip"

    def lines(self, frame: pl.DataFrame) -> pl.Series:
        """The line of each of the next rows."""
        last_row = self._next_row + frame.height + len(self._torn)
        rows = np.arange(self._next_row, last_row)
        self._rows = rows[~np.isin(rows, list(self._torn))][: frame.height]
        self._next_row = int(self._rows[-1]) + 1 if frame.height else self._next_row
        # A quoted value may hold line breaks, which move all lines below.
        self._moved = self._moved[-1] + np.concatenate([[0], np.cumsum(_newlines(frame))])
        return pl.Series(LINE, self._rows + self._moved[:-1], pl.Int64)

    def torn_rows(self, *, is_last: bool) -> list[tuple[int, str]]:
        """Line and text of the torn rows among, and at the end of the file after, the rows just seen."""
        passed = sorted(row for row in self._torn if is_last or row < self._next_row)
        places = np.searchsorted(self._rows, passed)
        return [
            (row + int(moved), text)
            for row, moved in zip(passed, self._moved[places], strict=True)
            if (text := self._torn.pop(row)).strip()
        ]


def _header(part: Part) -> tuple[list[str], str]:
    with translated(part), opened(part) as (content, _):
        try:
            first = content.readline().decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as exc:
            raise BadSource(f"{part.name}: not UTF-8 text; save it as UTF-8") from exc
    if not first.strip():
        raise BadSource(f"{part.name}: empty; its first line must name the columns")
    delimiter = max(_DELIMITERS, key=first.count)
    return next(csv.reader([first], delimiter=delimiter)), delimiter


def _blocks(
    content: IO[bytes], header: list[str], delimiter: str, skip: Callable[[pacsv.InvalidRow], str]
) -> Iterator[pa.RecordBatch]:
    reader = pacsv.open_csv(
        content,
        # One thread: only then are torn rows told with their numbers.
        read_options=pacsv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
        parse_options=pacsv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        convert_options=pacsv.ConvertOptions(
            column_types={name: pa.string() for name in header},
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    yield from (batch for batch in reader if batch.num_rows)


def _told_last(blocks: Iterator[pa.RecordBatch], header: list[str]) -> Iterator[tuple[pl.DataFrame, bool]]:
    """Each block, and whether it is the last; an empty one where there is none."""
    previous = pl.DataFrame(schema=dict.fromkeys(header, pl.String()))
    for block in blocks:
        if len(previous):
            yield previous, False
        previous = pl.DataFrame(block)
    yield previous, True


def _check_closed(part: Part, frame: pl.DataFrame) -> None:
    """Raise BadSource where a quotation mark swallowed the rest of the file."""
    last_value = frame.row(-1)[-1] if len(frame) else None
    if last_value is None or "\n" not in last_value:
        return
    with opened(part) as (content, _):
        tail = b""
        while block := content.read(_BLOCK_BYTES):
            tail = (tail + block).rstrip()[-1:]
    if tail != b'"':
        raise BadSource(
            f"{part.name}: the quotation mark before {last_value[:40]!r} is never closed; close it"
        )


def _newlines(frame: pl.DataFrame) -> NDArray[np.int64]:
    counts = frame.select(
        pl.sum_horizontal(pl.col(name).str.count_matches("\n", literal=True) for name in frame.columns)
    )
    return counts.to_series().fill_null(0).cast(pl.Int64).to_numpy()
