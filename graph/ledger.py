"""What people and conversations decide, apart from the shop's facts: rules, dialogues, audit, experiments.

A *document* is a JSON object under a kind and a key that may change; a *log* is a list of JSON objects that
only grows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self, TypeAlias

from graph.sqlite_file import SqliteFile
from graph.statements import sql
from shopgraph.errors import Conflict

Body: TypeAlias = Mapping[str, Any]
"""A JSON object."""

FORMAT = 1
"""SQLite's user_version of our ledgers."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Document:
    """A document as it stands; `version` is 1 when new and one more at each change."""

    key: str
    body: Body
    version: int
    updated: datetime
    expires: datetime | None


@dataclass(frozen=True)
class Entry:
    """An entry of a log; `number` grows over all logs of a ledger."""

    number: int
    time: datetime
    body: Body


class LedgerStore(Protocol):
    """Documents and logs. Every verb raises StoreUnavailable when the ledger can't be reached."""

    def put(
        self,
        kind: str,
        key: str,
        body: Body,
        *,
        now: datetime,
        expected: int | None = None,
        expires: datetime | None = None,
    ) -> int:
        """Write a document and return its version.

        Args:
            kind: what it is one of.
            key: its name within the kind.
            body: a JSON object.
            now: the moment of writing.
            expected: the version that it is to follow, 0 where it must be new; None: whatever stands there.
            expires: from when on it does not exist.

        Raises:
            Conflict: another version stands there than was expected.
        """
        ...

    def get(self, kind: str, key: str, now: datetime) -> Document | None:
        """The document, None where there is none or it has expired."""
        ...

    def documents(self, kind: str, now: datetime, after: str = "", limit: int = 100) -> Sequence[Document]:
        """Documents of a kind by key, those after the key `after`."""
        ...

    def remove(self, kind: str, key: str) -> bool:
        """Take a document away; says whether it was there."""
        ...

    def remove_expired(self, now: datetime) -> int:
        """Take away what has expired; returns how many."""
        ...

    def append(self, log: str, body: Body, now: datetime, expected: int | None = None) -> int:
        """Add an entry to a log and return its number.

        Args:
            log: which one.
            body: a JSON object.
            now: the moment of writing.
            expected: number of the entry that it is to follow, 0 where it must be the first; None: any.

        Raises:
            Conflict: the log ends with another entry than was expected.
        """
        ...

    def append_all(self, log: str, bodies: Sequence[Body], now: datetime) -> None:
        """Add several entries to a log, all or none."""
        ...

    def read_log(self, log: str, after: int = 0, limit: int = 1000) -> Sequence[Entry]:
        """Entries of a log, oldest first, those after the number `after`."""
        ...

    def stamp(self) -> int:
        """A number that is another one after anybody has written anything; cheap enough for each request."""
        ...

    def close(self) -> None:
        """Give back connections and files."""
        ...


class SqliteLedger:
    """A LedgerStore in one SqliteFile, made where it is missing; in memory when `path` is None."""

    def __init__(self, path: Path | None, *, timeout_s: float = 10.0) -> None:
        self._file = SqliteFile(path, format_number=FORMAT, timeout_s=timeout_s, made_by="open it anew")
        with self._file.creating(sql("ledger_create")):
            pass

    def put(
        self,
        kind: str,
        key: str,
        body: Body,
        *,
        now: datetime,
        expected: int | None = None,
        expires: datetime | None = None,
    ) -> int:
        """Write a document and return its version; Conflict where another stands there than expected."""
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        with self._file.writing() as connection:
            row = connection.execute(sql("ledger_read_document"), (kind, key, _micros(now))).fetchone()
            found = 0 if row is None else int(row[2])
            if expected not in (None, found):
                raise Conflict(
                    f"{kind} {key!r} has version {found}, not {expected}: read it again, then change it"
                )
            until = None if expires is None else _micros(expires)
            connection.execute(
                sql("ledger_write_document"), (kind, key, text, found + 1, _micros(now), until)
            )
        return found + 1

    def get(self, kind: str, key: str, now: datetime) -> Document | None:
        """The document, None where there is none or it has expired."""
        with self._file.reading() as connection:
            row = connection.execute(sql("ledger_read_document"), (kind, key, _micros(now))).fetchone()
        return None if row is None else _document(*row)

    def documents(self, kind: str, now: datetime, after: str = "", limit: int = 100) -> list[Document]:
        """Documents of a kind by key, those after the key `after`."""
        with self._file.reading() as connection:
            asked = (kind, after, _micros(now), limit)
            return [_document(*row) for row in connection.execute(sql("ledger_read_documents"), asked)]

    def remove(self, kind: str, key: str) -> bool:
        """Take a document away; says whether it was there."""
        with self._file.writing() as connection:
            return connection.execute(sql("ledger_remove_document"), (kind, key)).rowcount > 0

    def remove_expired(self, now: datetime) -> int:
        """Take away what has expired; returns how many."""
        with self._file.writing() as connection:
            return connection.execute(sql("ledger_remove_expired"), (_micros(now),)).rowcount

    def append(self, log: str, body: Body, now: datetime, expected: int | None = None) -> int:
        """Add an entry to a log and return its number; Conflict where it would not follow `expected`."""
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        with self._file.writing() as connection:
            if expected is not None:
                found = int(connection.execute(sql("ledger_last"), (log,)).fetchone()[0])
                if found != expected:
                    raise Conflict(f"{log} ends with entry {found}, not {expected}: read it again")
            number = connection.execute(sql("ledger_append"), (log, _micros(now), text)).lastrowid
        assert number is not None  # an INSERT has one
        return number

    def append_all(self, log: str, bodies: Sequence[Body], now: datetime) -> None:
        """Add several entries to a log in one commit."""
        texts = [json.dumps(body, ensure_ascii=False, allow_nan=False) for body in bodies]
        with self._file.writing() as connection:
            connection.executemany(sql("ledger_append"), [(log, _micros(now), text) for text in texts])

    def read_log(self, log: str, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Entries of a log, oldest first, those after the number `after`."""
        with self._file.reading() as connection:
            rows = connection.execute(sql("ledger_read_log"), (log, after, limit))
            return [Entry(number, _moment(time), json.loads(body)) for number, time, body in rows]

    def stamp(self) -> int:
        """A number that is another one after any process has written."""
        return self._file.stamp()

    def close(self) -> None:
        """Give back the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _document(key: str, body: str, version: int, updated: int, expires: int | None) -> Document:
    until = None if expires is None else _moment(expires)
    return Document(key, json.loads(body), version, _moment(updated), until)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND
