"""Reading of foreign data: `open_source` and `read_test` know the formats."""

from pathlib import Path
from typing import Literal, assert_never, get_args

from graph.readers.base import Batch, Origin, ReadEdges, Reader, ReadEvents
from graph.readers.completejourney import PACKAGE, CompleteJourneyReader
from graph.readers.games import GamesReader, read_games_test
from graph.readers.heldout import HeldoutPairs
from graph.readers.kgat import KgatReader, read_kgat_test
from graph.readers.pgpr import PgprReader, read_pgpr_test
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
    "SourceFormat",
    "open_source",
    "read_pgpr_test",
    "read_test",
]

SourceFormat = Literal["shop", "pgpr", "games", "kgat", "completejourney"]
FORMATS: tuple[SourceFormat, ...] = get_args(SourceFormat)


def open_source(source: Path, source_format: str, mapping: Path | None = None) -> Reader:
    """The reader of a source of data.

    Args:
        source: the folder; for `completejourney` also the name of the installed package.
        source_format: one of FORMATS.
        mapping: for `shop`, a mapping file to use instead of the folder's own.

    Raises:
        BadSettings: an unknown format, or a mapping where there is nothing to map.
        BadSource: the source is missing or not in that format.
    """
    known = _known(source_format)
    if not source.is_dir() and not (known == "completejourney" and source == Path(PACKAGE)):
        raise BadSource(f"{source}: no such folder")
    if known != "shop" and mapping is not None:
        raise BadSettings(f"the format {known} has fixed names; a mapping is for the format shop")
    match known:
        case "shop":
            return ShopReader(source, mapping)
        case "pgpr":
            return PgprReader(source)
        case "games":
            return GamesReader(source)
        case "kgat":
            return KgatReader(source)
        case "completejourney":
            return CompleteJourneyReader(source)
        case _:
            assert_never(known)


def read_test(source: Path, source_format: str) -> HeldoutPairs | None:
    """The test part that the source brings with it, which no reader gives; None where it has none.

    Raises:
        BadSettings: an unknown format.
        BadSource: a file is missing or damaged.
    """
    known = _known(source_format)
    match known:
        case "pgpr":
            return read_pgpr_test(source)
        case "games":
            return read_games_test(source)
        case "kgat":
            return read_kgat_test(source)
        case "shop" | "completejourney":
            return None
        case _:
            assert_never(known)


def _known(source_format: str) -> SourceFormat:
    for known in FORMATS:
        if known == source_format:
            return known
    raise BadSettings(f"unknown format {source_format!r}; known: {', '.join(FORMATS)}")
