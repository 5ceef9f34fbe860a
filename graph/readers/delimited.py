"""Raw records of CSV files: every value as text, an empty one as null."""

import csv
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv

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
        BadSource: not UTF-8, or a value longer than a block.
    """
    header, delimiter = _header(part)
    names = columns.renamed(part.name, header)
    torn: dict[int, str] = {}

    def skip(row: pacsv.InvalidRow) -> str:
        torn[row.number] = row.text
        return "skip"

    next_row, n_newlines = 2, 0
    with translated(part), opened(part) as (content, raw):
        for batch in _blocks(content, header, delimiter, skip):
            frame = pl.DataFrame(batch)
            rows = np.arange(next_row, next_row + frame.height + len(torn))
            rows = rows[~np.isin(rows, list(torn))][: frame.height]
            next_row = int(rows[-1]) + 1
            # A quoted value may hold line breaks, which move all lines below.
            moved = n_newlines + np.concatenate([[0], np.cumsum(_newlines(frame))])
            n_newlines = int(moved[-1])
            behind = [row for row in torn if row < next_row]
            for row in behind:
                line = row + int(moved[np.searchsorted(rows, row)])
                _note_torn(rejects, part, line, len(header), torn.pop(row))
            frame = frame.insert_column(0, pl.Series(LINE, rows + moved[:-1], pl.Int64))
            full = frame.filter(~pl.all_horizontal(pl.col(header).is_null()))
            yield RawBatch(full.select(LINE, *names).rename(names), full.height + len(behind), raw.tell())
        for row, text in torn.items():
            _note_torn(rejects, part, row + n_newlines, len(header), text)


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
    for batch in reader:
        if batch.num_rows:
            yield batch


def _newlines(frame: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    counts = frame.select(
        pl.sum_horizontal(pl.col(name).str.count_matches("\n", literal=True) for name in frame.columns)
    )
    return counts.to_series().fill_null(0).cast(pl.Int64).to_numpy()


def _note_torn(rejects: RejectLog, part: Part, line: int, n_columns: int, text: str) -> None:
    if text.strip():
        rejects.add(part.name, line, "", f"must have {n_columns} values, as the first line", text)
