"""One SQLite file in WAL mode that several processes may use at once: connections and transactions."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from shopgraph.errors import BadSettings, StoreUnavailable


class SqliteFile:
    """A file of ours, or memory when `path` is None.

    A commit is on disk before a write returns, so kill -9 and power cuts lose nothing. Threads may share
    it: writes take turns, each read of a file has a connection and a view of its own.
    """

    def __init__(self, path: Path | None, *, format_number: int, timeout_s: float, made_by: str) -> None:
        """`format_number` is the user_version of such files: one with another number is not ours to touch.

        `made_by` says, in the message for a file that is absent, how one comes to be.
        """
        self.name = "memory" if path is None else str(path)
        self.timeout_s = timeout_s
        self._path, self._format, self._made_by = path, format_number, made_by
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._watcher: sqlite3.Connection | None = None

    @contextmanager
    def creating(self, script: str) -> Iterator[sqlite3.Connection]:
        """As `writing`, after the file was made where it is missing and `script` made its tables."""
        with self._lock, self._translated():
            if self._connection is None:
                self._connection = self._connect(create=True)
            connection = self._connection
            _use_wal(connection, self.timeout_s)
            with _committed(connection):
                connection.executescript(f"BEGIN IMMEDIATE; {script}")
                connection.execute(f"PRAGMA user_version = {self._format}")
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The writer's connection inside a transaction that commits when the block ends well."""
        with self._lock, self._translated():
            if self._connection is None:
                self._connection = self._connect()
            self._connection.execute("BEGIN IMMEDIATE")
            with _committed(self._connection):
                yield self._connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection with one unchanging view."""
        with self._translated():
            if self._path is None:
                if self._connection is None:
                    raise BadSettings("the store in memory is empty; prepare it first")
                yield self._connection
                return
            with closing(self._connect()) as connection:
                connection.execute("BEGIN")
                yield connection

    def stamp(self) -> int:
        """A number that is another one after any process has written; costs microseconds."""
        with self._lock, self._translated():
            if self._path is None:
                return 0 if self._connection is None else self._connection.total_changes
            if self._watcher is None:  # of its own: SQLite tells a connection of others' commits alone
                self._watcher = self._connect()
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Give back the file."""
        with self._lock:
            for connection in (self._connection, self._watcher):
                if connection is not None:
                    connection.close()
            self._connection = self._watcher = None

    def _connect(self, create: bool = False) -> sqlite3.Connection:
        if self._path is None:
            target = ":memory:"
        elif not create and not self._path.exists():
            raise BadSettings(f"{self._path}: no such store; {self._made_by}")
        elif not self._path.parent.is_dir():
            raise BadSettings(f"{self._path}: the folder {self._path.parent} does not exist; create it")
        else:
            target = str(self._path)
        connection = sqlite3.connect(
            target, timeout=self.timeout_s, isolation_level=None, check_same_thread=False
        )
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found != self._format and not (create and found == 0):
            connection.close()
            raise BadSettings(f"{self.name} is no store of this version (format {found}, not {self._format})")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA wal_autocheckpoint = 16384")
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as exc:
            if "locked" in str(exc) or "busy" in str(exc):
                raise StoreUnavailable(
                    f"{self.name}: another process has kept the store locked for {self.timeout_s:g} s"
                ) from exc
            raise StoreUnavailable(f"{self.name}: SQLite says: {exc}") from exc
        except sqlite3.DatabaseError as exc:
            raise StoreUnavailable(f"{self.name}: not a usable SQLite file: {exc}") from exc


@contextmanager
def _committed(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _use_wal(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Switch a new file to WAL; SQLite does not wait by itself when another process does the same."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
