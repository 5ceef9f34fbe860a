"""The files of a table, and what a driver's batch of raw records is."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl
import pyarrow as pa

from shopgraph.errors import BadSource

READ_ERRORS = (OSError, EOFError, zlib.error, pa.ArrowException, pl.exceptions.PolarsError)
"""What the drivers raise on a broken file; translated to BadSource at the door."""


class Format(StrEnum):
    """How a file is written; the text formats may be packed (.gz)."""

    PARQUET = "Parquet"
    CSV = "CSV"
    JSONL = "JSON Lines"


_SUFFIXES = {
    ".parquet": Format.PARQUET,
    ".csv": Format.CSV,
    ".csv.gz": Format.CSV,
    ".jsonl": Format.JSONL,
    ".jsonl.gz": Format.JSONL,
}


class RawBatch(NamedTuple):
    """Records as read: their line, then the columns found, under our names, not yet checked."""

    frame: pl.DataFrame
    n_records: int
    bytes_read: int


@dataclass(frozen=True)
class Part:
    """One file of a table; `name` is its path inside the source."""

    path: Path
    name: str
    format: Format

    @property
    def n_bytes(self) -> int:
        return self.path.stat().st_size


def format_of(path: Path) -> Format | None:
    """The format that the file's name tells; None for files that are no tables."""
    return next((_SUFFIXES[suffix] for suffix in _SUFFIXES if path.name.endswith(suffix)), None)


def find_parts(folder: Path, table: str, root: Path) -> list[Part]:
    """The files `folder/table.*` and `folder/table/*.*`, in name order."""
    single = [folder / f"{table}{suffix}" for suffix in _SUFFIXES]
    found = [path for path in (*single, *sorted((folder / table).glob("*"))) if path.is_file()]
    return [
        Part(path, path.relative_to(root).as_posix(), file_format)
        for path in found
        if (file_format := format_of(path)) is not None
    ]


@contextmanager
def opened(part: Part) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The (unpacked) bytes of a file, and the file itself, whose place tells the progress."""
    with part.path.open("rb") as raw:
        if part.path.suffix == ".gz":
            with gzip.open(raw, "rb") as unpacked:
                yield unpacked, raw  # type: ignore[misc]  # a GzipFile reads as any binary file
        else:
            yield raw, raw


@contextmanager
def translated(part: Part) -> Iterator[None]:
    """Turn what a driver raises into BadSource."""
    try:
        yield
    except READ_ERRORS as exc:
        reason = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise BadSource(
            f"{part.name}: not a readable {part.format.value} file ({reason}); write it anew or take it out"
        ) from exc
