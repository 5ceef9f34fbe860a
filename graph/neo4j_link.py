"""The way to a Neo4j server: transactions that are run again, streams of rows, and clear errors."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

import neo4j
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    IncompleteCommit,
    Neo4jError,
)

from shopgraph.errors import BadSettings, IncompleteWrite, StoreUnavailable

T = TypeVar("T")
Row = Sequence[object]
Parameters = Mapping[str, object]

_FETCH = 5_000
_PAUSE_S = 1.0


class Transaction:
    """An open transaction; statements are those of `graph/cypher`, values only parameters."""

    def __init__(self, transaction: neo4j.ManagedTransaction) -> None:
        self._transaction = transaction

    def run(self, statement: str, parameters: Parameters | None = None) -> neo4j.Result:
        """The result of one statement."""
        return self._transaction.run(statement, dict(parameters or {}))

    def rows(self, statement: str, parameters: Parameters | None = None) -> list[list[object]]:
        """All rows of one statement."""
        return self.run(statement, parameters).values()


class Link:
    """One server, one user. Connects at the first use; threads may share it.

    `retry_s` is how long a write goes on trying while the server is away or a commit's outcome is
    unknown. No error ever repeats the password.
    """

    def __init__(self, uri: str, user: str, password: str, timeout_s: float, retry_s: float) -> None:
        self.address = uri.partition("://")[2]
        self._user = user
        self._timeout_s = timeout_s
        self._retry_s = retry_s
        self._lock = Lock()
        self._verified = False
        try:
            self._driver = neo4j.GraphDatabase.driver(
                uri,
                auth=(user, password),
                connection_timeout=timeout_s,
                connection_acquisition_timeout=timeout_s,
                max_transaction_retry_time=retry_s,
                retry_delay_multiplier=1.3,
                notifications_min_severity="OFF",
                telemetry_disabled=True,
            )
        except (ConfigurationError, ValueError) as exc:
            raise BadSettings(f"Neo4j at {self.address}: not a usable address: {exc}") from exc

    def write(self, work: Callable[[Transaction], T]) -> T:
        """What `work` returns from a committed transaction; it may run several times.

        The driver repeats it for errors that left nothing behind. We repeat it too when the outcome
        is unknown, or when a racing writer made the same thing first: so `work` must find what an
        earlier run of itself has written.

        Raises:
            IncompleteWrite: the outcome of the last try is unknown.
        """
        deadline = time.monotonic() + self._retry_s
        with self._session(neo4j.WRITE_ACCESS) as session:
            while True:
                try:
                    return session.execute_write(lambda transaction: work(Transaction(transaction)))
                except (IncompleteCommit, ConstraintError) as exc:
                    if time.monotonic() < deadline:
                        time.sleep(_PAUSE_S if isinstance(exc, IncompleteCommit) else 0.0)
                        continue
                    if isinstance(exc, ConstraintError):
                        raise
                    raise IncompleteWrite(
                        f"Neo4j at {self.address} went away during a commit, its outcome is unknown; "
                        "send the same event ids again"
                    ) from exc

    def change_schema(self, statements: Sequence[str], timeout_s: int = 60) -> None:
        """Run statements that create what is missing, and wait until indexes are filled."""
        with self._session(neo4j.WRITE_ACCESS) as session:
            for statement in statements:
                try:
                    session.run(statement).consume()
                except Neo4jError as exc:
                    # IF NOT EXISTS does not cover another process that creates it this moment.
                    if "AlreadyExists" not in (exc.code or ""):
                        raise
            session.run("CALL db.awaitIndexes($timeout_s)", {"timeout_s": timeout_s}).consume()

    def read(self, statement: str, parameters: Parameters | None = None) -> Iterator[list[list[object]]]:
        """The rows of one statement, in lists of at most 5,000."""
        with self._session(neo4j.READ_ACCESS) as session:
            result = session.run(statement, dict(parameters or {}))
            while records := result.fetch(_FETCH):
                yield [record.values() for record in records]

    def close(self) -> None:
        """Give back the connections."""
        self._driver.close()

    @contextmanager
    def _session(self, access: str) -> Iterator[neo4j.Session]:
        with self._translated():
            with self._lock:
                if not self._verified:
                    self._driver.verify_connectivity()
                    self._verified = True
            with self._driver.session(default_access_mode=access, fetch_size=_FETCH) as session:
                yield session

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except AuthError as exc:
            raise StoreUnavailable(
                f"Neo4j at {self.address} refuses the user {self._user!r} with this password; give the right "
                "one in the store URL, neo4j://user:password@host:port, or as SHOPGRAPH_NEO4J_PASSWORD"
            ) from exc
        except (DriverError, OSError) as exc:
            raise StoreUnavailable(
                f"Neo4j at {self.address} did not answer in {self._timeout_s:g} s ({type(exc).__name__}); "
                "is it up? `shopgraph neo4j up` starts a local one"
            ) from exc
        except Neo4jError as exc:
            raise StoreUnavailable(f"Neo4j at {self.address} says: {exc.message} ({exc.code})") from exc
