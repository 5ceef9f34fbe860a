"""Raw records of Parquet files."""

from collections.abc import Iterator

import polars as pl
import pyarrow.parquet as pq

from graph.readers.base import LINE
from graph.readers.columns import Columns
from graph.readers.files import Part, RawBatch, translated

_BATCH_ROWS = 65_536


def parquet_columns(part: Part) -> list[str]:
    """The names of the columns.

    Raises:
        BadSource: not a Parquet file.
    """
    with translated(part), pq.ParquetFile(part.path) as file:
        return list(file.schema_arrow.names)


def read_parquet(part: Part, columns: Columns) -> Iterator[RawBatch]:
    """The records; a line is the row's number, from 1.

    Raises:
        BadSource: a damaged file.
    """
    names = columns.renamed(part.name, parquet_columns(part))
    n_bytes, n_before = part.n_bytes, 0
    with translated(part), pq.ParquetFile(part.path) as file:
        n_rows = max(file.metadata.num_rows, 1)
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(names)):
            frame = pl.DataFrame(batch).rename(names)
            lines = pl.int_range(n_before + 1, n_before + frame.height + 1, eager=True).alias(LINE)
            n_before += frame.height
            yield RawBatch(frame.insert_column(0, lines), frame.height, n_bytes * n_before // n_rows)
