"""Reading of foreign data: `open_source` knows the formats."""

from pathlib import Path

from graph.readers.base import Batch, Origin, ReadEdges, Reader, ReadEvents
from graph.readers.pgpr import HeldoutPairs, PgprReader, read_pgpr_test
from graph.readers.rejects import RejectLog
from graph.readers.shop import ShopReader
from shopgraph.errors import BadSettings, BadSource

__all__ = [
    "FORMATS",
    "Batch",
    "HeldoutPairs",
    "Origin",
    "ReadEdges",
    "ReadEvents",
    "Reader",
    "RejectLog",
    "ShopReader",
    "open_source",
    "read_pgpr_test",
]

FORMATS = ("shop", "pgpr")


def open_source(source: Path, source_format: str, mapping: Path | None = None) -> Reader:
    """The reader of a source of data.

    Args:
        source: the folder.
        source_format: one of FORMATS.
        mapping: for `shop`, a mapping file to use instead of the folder's own.

    Raises:
        BadSettings: an unknown format, or a mapping where there is nothing to map.
        BadSource: the source is missing or not in that format.
    """
    if source_format not in FORMATS:
        raise BadSettings(f"unknown format {source_format!r}; known: {', '.join(FORMATS)}")
    if not source.is_dir():
        raise BadSource(f"{source}: no such folder")
    if source_format == "shop":
        return ShopReader(source, mapping)
    if mapping is not None:
        raise BadSettings(f"the format {source_format} has fixed names; a mapping is for the format shop")
    return PgprReader(source)
