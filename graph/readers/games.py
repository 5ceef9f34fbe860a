"""Amazon video games as LLMRank split them: titles, purchases in time order, one next item held out."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from graph.readers.base import Batch, ReadEvents
from graph.readers.files import Format, Part
from graph.readers.heldout import HeldoutPairs
from graph.readers.rejects import RejectLog
from graph.readers.user_items import LineFile, UserItems, in_batches, purchase_batches
from graph.schema import ShopSchema, check_id
from graph.store import NODE_ID, NodeBatch
from shopgraph.errors import BadRecord, BadSource
from shopgraph.types import ITEM

ITEMS_FILE, HISTORIES_FILE = "Games-6k.item.gz", "Games-6k.test.inter.gz"

_ITEM_SCHEMA = {NODE_ID: pl.String, "title": pl.String}


class GamesReader:
    """Reads the items and the histories; the held-out item of a line is never given."""

    def __init__(self, source: Path) -> None:
        """Find the files.

        Raises:
            BadSource: one is missing.
        """
        self._files = [LineFile(_part(source, name), n_header=1) for name in (ITEMS_FILE, HISTORIES_FILE)]
        self._n_given = 0

    @property
    def total_bytes(self) -> int:
        return sum(file.part.n_bytes for file in self._files)

    @property
    def bytes_read(self) -> int:
        return sum(file.bytes_read for file in self._files)

    @property
    def rows_read(self) -> int:
        return self._n_given + sum(file.n_bad for file in self._files)

    def schema(self) -> ShopSchema:
        return ShopSchema()

    def batches(self, rejects: RejectLog) -> Iterator[Batch]:
        """Items with their titles, then users and their purchases by position, without times."""
        items, histories = self._files = [LineFile(file.part, n_header=1) for file in self._files]
        self._n_given = 0
        for rows in in_batches(record for _, record in items.records(_item, rejects)):
            self._n_given += len(rows)
            yield NodeBatch(ITEM, pl.DataFrame(rows, schema=_ITEM_SCHEMA, orient="row"))
        past = ((line, history) for line, (history, _) in histories.records(_history, rejects))
        for batch in purchase_batches(past, histories.part.name, ordered=True, with_items=False):
            if isinstance(batch, ReadEvents):
                self._n_given += len(batch.frame)
            yield batch


def read_games_test(source: Path) -> HeldoutPairs:
    """The held-out next item of every user.

    Raises:
        BadSource: the file is missing or damaged.
    """
    part, rejects = _part(source, HISTORIES_FILE), RejectLog()
    pairs = [
        (history.user_id, item_id)
        for _, (history, item_id) in LineFile(part, n_header=1).records(_history, rejects)
    ]
    if len(rejects):
        raise BadSource(f"{part.path}: {next(iter(rejects.counts))}; a test set must be read whole")
    return HeldoutPairs(tuple(user_id for user_id, _ in pairs), tuple(item_id for _, item_id in pairs))


def _part(source: Path, name: str) -> Part:
    path = source / name
    if not path.is_file():
        raise BadSource(f"{path}: no such file; the format games needs {ITEMS_FILE} and {HISTORIES_FILE}")
    return Part(path, name, Format.CSV)


def _item(text: str) -> tuple[str, str]:
    item_id, _, title = text.partition("\t")
    return check_id(item_id, "item_id"), title.strip()


def _history(text: str) -> tuple[UserItems, str]:
    """A line's user and past items, and its held-out item."""
    fields = text.split("\t")
    if len(fields) != 3:
        raise BadRecord("", "must be user, history and next item with tabs between")
    past = [check_id(item_id, "item_id_list") for item_id in fields[1].split()]
    return UserItems(check_id(fields[0], "user_id"), past), check_id(fields[2].strip(), "item_id")
