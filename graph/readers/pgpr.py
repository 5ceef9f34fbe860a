"""Amazon Beauty as PGPR and CAFE split it: items with relations, and purchases by row number."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from graph.readers.base import LINE, Batch, Origin, ReadEvents
from graph.readers.checks import checked
from graph.readers.columns import Columns
from graph.readers.derive import edge_frame, event_frame
from graph.readers.event_ids import EventIds
from graph.readers.files import Format, Part, translated
from graph.readers.heldout import HeldoutPairs
from graph.readers.jsonl import jsonl_columns, read_jsonl
from graph.readers.kinds import Kind
from graph.readers.rejects import RejectLog
from graph.readers.tables import Column, Table
from graph.schema import (
    ALSO_BOUGHT,
    ALSO_VIEWED,
    BOUGHT_TOGETHER,
    BRAND,
    CATEGORY,
    IN_CATEGORY,
    MADE_BY,
    ShopSchema,
)
from graph.store import NODE_ID, EdgeBatch, NodeBatch
from shopgraph.errors import BadSource
from shopgraph.types import ITEM, USER, EdgeType

RELATED_ITEM = "RelatedItem"
"""Items that the catalogue's items name, but that the catalogue lacks: entities of their own."""

ITEMS_FILE, TRAIN_FILE, TEST_FILE = "items.jsonl.gz", "pgpr_train.txt", "pgpr_test.txt"
ROOT_CATEGORY = "Beauty"  # every item has it, so it says nothing

_RELATED = {"also_bought": ALSO_BOUGHT, "also_viewed": ALSO_VIEWED, "bought_together": BOUGHT_TOGETHER}
_OUTSIDE = {column: EdgeType(ITEM, inside.relation, RELATED_ITEM) for column, inside in _RELATED.items()}
_BATCH_ROWS = 65_536

_TABLE = Table(
    "items",
    (
        Column("id", Kind.NUMBER, required=True),
        Column("asin", Kind.ID, required=True),
        Column("short_title", Kind.TEXT),
        Column("brand", Kind.LIST),
        Column("categories", Kind.LIST),
        *(Column(column, Kind.LIST) for column in _RELATED),
    ),
)


class PgprReader:
    """Reads the items, and the purchases of train alone; the test file is never opened."""

    def __init__(self, source: Path) -> None:
        """Find the files.

        Raises:
            BadSource: one is missing.
        """
        self._source = source
        self._parts = [_part(source, ITEMS_FILE, Format.JSONL), _part(source, TRAIN_FILE, Format.CSV)]
        self._bytes_read = self._rows_read = 0

    @property
    def total_bytes(self) -> int:
        return sum(part.n_bytes for part in self._parts)

    @property
    def bytes_read(self) -> int:
        return self._bytes_read

    @property
    def rows_read(self) -> int:
        return self._rows_read

    def schema(self) -> ShopSchema:
        return ShopSchema().merged(ShopSchema((RELATED_ITEM,), tuple(_OUTSIDE.values())))

    def batches(self, rejects: RejectLog) -> Iterator[Batch]:
        """Items and what they name, then users, then purchases, without time or position."""
        self._bytes_read = self._rows_read = 0
        items = _read_items(self._parts[0], rejects)
        self._rows_read = len(items) + len(rejects)
        batches = list(_item_batches(items))
        n_rows, n_done = sum(len(batch.frame) for batch in batches), 0
        for batch in batches:
            n_done += len(batch.frame)
            self._bytes_read = self._parts[0].n_bytes * n_done // n_rows
            yield batch
        yield from self._purchases(_asins(items), rejects)
        self._bytes_read = self.total_bytes

    def _purchases(self, asins: Mapping[int, str], rejects: RejectLog) -> Iterator[Batch]:
        part, event_ids = self._parts[1], EventIds()
        n_rejected = len(rejects)
        purchases = _pairs(part, asins, rejects)
        self._rows_read += len(purchases) + len(rejects) - n_rejected
        users = purchases.select(pl.col("user_id").unique(maintain_order=True).alias(NODE_ID))
        yield NodeBatch(USER, users)
        for batch in purchases.iter_slices(_BATCH_ROWS):
            events = event_ids.filled(event_frame(batch, "purchase"))
            yield ReadEvents(events, Origin(part.name, batch[LINE]))


def read_pgpr_test(source: Path) -> HeldoutPairs:
    """The held-out purchases of every user.

    Raises:
        BadSource: a file is missing or damaged.
    """
    items = _read_items(_part(source, ITEMS_FILE, Format.JSONL), RejectLog())
    rejects = RejectLog()
    part = _part(source, TEST_FILE, Format.CSV)
    pairs = _pairs(part, _asins(items), rejects)
    if len(rejects):
        raise BadSource(f"{part.path}: {next(iter(rejects.counts))}; a test set must be read whole")
    return HeldoutPairs(tuple(pairs["user_id"]), tuple(pairs["item_id"]))


def _part(source: Path, name: str, file_format: Format) -> Part:
    path = source / name
    if not path.is_file():
        raise BadSource(f"{path}: no such file; the format pgpr needs {ITEMS_FILE} and {TRAIN_FILE}")
    return Part(path, name, file_format)


def _read_items(part: Part, rejects: RejectLog) -> pl.DataFrame:
    columns = Columns(_TABLE)
    columns.check_complete(part.name, jsonl_columns(part))
    frames = [checked(raw.frame, columns, part.name, rejects) for raw in read_jsonl(part, columns, rejects)]
    return pl.concat(frames)


def _asins(items: pl.DataFrame) -> dict[int, str]:
    return dict(zip(items["id"].cast(pl.Int64), items["asin"], strict=True))


def _item_batches(items: pl.DataFrame) -> Iterator[Batch]:
    own = items.select(pl.col("asin").alias(NODE_ID), pl.col("short_title").fill_null("").alias("title"))
    yield NodeBatch(ITEM, own)
    brands = _edges(items, "brand")
    categories = _edges(items, "categories").filter(pl.col("dst_id") != ROOT_CATEGORY)
    for label, edge_type, edges in ((BRAND, MADE_BY, brands), (CATEGORY, IN_CATEGORY, categories)):
        ids = edges["dst_id"].unique(maintain_order=True)
        yield NodeBatch(label, pl.DataFrame({NODE_ID: ids, "name": ids}))
        yield from _edge_batches(edge_type, edges)
    for column, inside in _RELATED.items():
        edges = _edges(items, column).filter(pl.col("src_id") != pl.col("dst_id"))
        in_catalogue = edges["dst_id"].is_in(items["asin"].implode())
        outside = edges.filter(~in_catalogue)
        if len(outside):
            yield NodeBatch(RELATED_ITEM, outside.select(pl.col("dst_id").unique().sort().alias(NODE_ID)))
        yield from _edge_batches(inside, edges.filter(in_catalogue))
        yield from _edge_batches(_OUTSIDE[column], outside)


def _edge_batches(edge_type: EdgeType, edges: pl.DataFrame) -> Iterator[EdgeBatch]:
    for batch in edges.iter_slices(_BATCH_ROWS):
        yield EdgeBatch(edge_type, edge_frame(batch))


def _edges(items: pl.DataFrame, column: str) -> pl.DataFrame:
    pairs = items.select(pl.col("asin").alias("src_id"), pl.col(column).alias("dst_id")).explode("dst_id")
    return pairs.filter(pl.col("dst_id").is_not_null()).unique(maintain_order=True)


def _pairs(part: Part, asins: Mapping[int, str], rejects: RejectLog) -> pl.DataFrame:
    """Columns line, user_id, item_id out of lines `user item item …`."""
    lines: list[int] = []
    users: list[str] = []
    items: list[str] = []
    with translated(part), part.path.open("rb") as content:
        for line, text in enumerate(content, 1):
            try:
                user, *rows = map(int, text.split())
            except ValueError:
                shown = text.decode("utf-8", "replace").strip()
                if shown:
                    rejects.add(part.name, line, "", "must be row numbers: user item item …", shown)
                continue
            for row in rows:
                if row not in asins:
                    rejects.add(part.name, line, "item", f"is not in {ITEMS_FILE}", row)
                    continue
                lines.append(line)
                users.append(f"u{user}")
                items.append(asins[row])
    return pl.DataFrame(
        {LINE: lines, "user_id": users, "item_id": items},
        schema={LINE: pl.Int64, "user_id": pl.String, "item_id": pl.String},
    )
