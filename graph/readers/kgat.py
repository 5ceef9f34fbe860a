"""Interactions as KGAT and LightGCN split them: `train.txt` and `test.txt`, a user and its items a line."""

from collections.abc import Iterator
from pathlib import Path

from graph.readers.base import Batch, ReadEvents
from graph.readers.files import Format, Part
from graph.readers.heldout import HeldoutPairs
from graph.readers.rejects import RejectLog
from graph.readers.user_items import LineFile, UserItems, purchase_batches
from graph.schema import ShopSchema
from shopgraph.errors import BadRecord, BadSource

TRAIN_FILE, TEST_FILE = "train.txt", "test.txt"


class KgatReader:
    """Reads the interactions of train alone, as purchases; the catalogue is what they name.

    The test file is never opened, and lists of ids or triples beside it are left alone.
    """

    def __init__(self, source: Path) -> None:
        """Find the file.

        Raises:
            BadSource: it is missing.
        """
        self._file = LineFile(_part(source, TRAIN_FILE))
        self._n_given = 0

    @property
    def total_bytes(self) -> int:
        return self._file.part.n_bytes

    @property
    def bytes_read(self) -> int:
        return self._file.bytes_read

    @property
    def rows_read(self) -> int:
        return self._n_given + self._file.n_bad

    def schema(self) -> ShopSchema:
        return ShopSchema()

    def batches(self, rejects: RejectLog) -> Iterator[Batch]:
        """Users, items and purchases, without time or position: nothing says that a line is in order."""
        file = self._file = LineFile(self._file.part)
        self._n_given = 0
        lines = file.records(_user_items, rejects)
        for batch in purchase_batches(lines, file.part.name, ordered=False, with_items=True):
            if isinstance(batch, ReadEvents):
                self._n_given += len(batch.frame)
            yield batch


def read_kgat_test(source: Path) -> HeldoutPairs:
    """The held-out items of every user.

    Raises:
        BadSource: the file is missing or damaged.
    """
    part, rejects = _part(source, TEST_FILE), RejectLog()
    lines = [record for _, record in LineFile(part).records(_user_items, rejects)]
    if len(rejects):
        raise BadSource(f"{part.path}: {next(iter(rejects.counts))}; a test set must be read whole")
    users = tuple(user_id for user_id, item_ids in lines for _ in item_ids)
    return HeldoutPairs(users, tuple(item_id for _, item_ids in lines for item_id in item_ids))


def _part(source: Path, name: str) -> Part:
    path = source / name
    if not path.is_file():
        raise BadSource(f"{path}: no such file; the format kgat needs {TRAIN_FILE} and {TEST_FILE}")
    return Part(path, name, Format.CSV)


def _user_items(text: str) -> UserItems:
    """Ids with their kind in front, `u7` and `i7`: the files number users and items alike.

    An item that a line names twice counts once.
    """
    numbers = text.split()
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise BadRecord("", "must be whole numbers: user item item …")
    return UserItems(f"u{numbers[0]}", [f"i{number}" for number in dict.fromkeys(numbers[1:])])
