"""The two shops that queries are labelled for, and the labelled queries and dialogues themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from evaluation.labelled_queries import FlatExclude, FlatQuery, LabelledQuery, Optionals
from graph.ingest import ingest
from graph.readers import open_source
from graph.readers.base import Batch, Reader
from graph.readers.rejects import RejectLog
from graph.schema import IN_CATEGORY, MADE_BY, ShopSchema
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from graph.store import EdgeBatch, NodeBatch
from nlu.parser import QueryParser
from nlu.shop import shop_names
from shopgraph.demoshop.write import MIN_USERS, make_shop
from shopgraph.types import ITEM

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = {"c": "category", "b": "brand", "a": "attribute"}
SINGLE = {"w": "audience", "s": "sort", "i": "intent"}


class NamesReader:
    """A reader without what names nothing: users, events, items bought together."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def total_bytes(self) -> int:
        return self._reader.total_bytes

    @property
    def bytes_read(self) -> int:
        return self._reader.bytes_read

    @property
    def rows_read(self) -> int:
        return self._reader.rows_read

    def schema(self) -> ShopSchema:
        return self._reader.schema()

    def batches(self, rejects: RejectLog) -> Iterator[Batch]:
        """The batches of items, brands and categories; reading ends before what follows them."""
        for batch in self._reader.batches(rejects):
            if isinstance(batch, EdgeBatch) and batch.edge_type not in (MADE_BY, IN_CATEGORY):
                return
            if isinstance(batch, NodeBatch | EdgeBatch):
                yield batch


def beauty_parser(folder: Path) -> QueryParser:
    """Amazon Beauty's parser."""
    return _parser_of(NamesReader(open_source(folder, "pgpr")))


def demo_parser(folder: Path) -> QueryParser:
    """The generated shop's parser; the shop is written into the folder."""
    make_shop(folder / "shop", rng=np.random.default_rng(7), now=NOW, n_users=MIN_USERS)
    return _parser_of(open_source(folder / "shop", "shop"))


def labelled(number: int, shop: str, text: str, label: str) -> LabelledQuery:
    """A line of a file as a labelled query; behind a bar stand names that may also be found."""
    said: dict[str, object] = {}
    wanted: dict[str, tuple[str, ...]] = {}
    out: dict[str, tuple[str, ...]] = {}
    optional: dict[str, tuple[str, ...]] = {}
    for part in filter(None, label.split(";")):
        if part[0] in "<>":
            said["price_max" if part[0] == "<" else "price_min"] = float(part[1:])
            continue
        key, value = part.split("=", 1)
        if key in SINGLE:
            said[SINGLE[key]] = value
            continue
        names, *may = value.split("|")
        field = FIELDS[key[-1]]
        optional[field] = (*optional.get(field, ()), *(name for some in may for name in some.split(",")))
        one_name = FIELDS[key[-1]] == "category" and ", " in names  # commas of a list have no space behind
        found = (names,) if one_name else tuple(filter(None, names.split(",")))
        (out if key[0] == "-" else wanted)[field] = found
    parsed = FlatQuery.model_validate({**said, **wanted, "exclude": FlatExclude.model_validate(out)})
    return LabelledQuery(
        id=str(number),
        shop=shop,
        language="en" if text.isascii() else "zh",
        text=text,
        parsed=parsed,
        optional=Optionals.model_validate(optional),
    )


def lines_of(path: Path) -> list[list[str]]:
    """The cells of a file's lines; an absent label is an empty one."""
    lines = [line.split("\t") for line in path.read_text("utf-8").splitlines() if line[:1] != "#"]
    return [[*cells, ""][:3] for cells in lines]


def _parser_of(reader: Reader) -> QueryParser:
    with SqliteStore(None) as store:
        ingest(reader, store)
        snapshot = build_snapshot(store, NOW)
    assert len(snapshot.nodes[ITEM]) > 1_000
    return QueryParser(shop_names(snapshot))
