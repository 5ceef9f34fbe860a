"""Events into a store: our batches beside a plain loader that sends one query a row."""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import neo4j
import numpy as np
import polars as pl

from graph import neo4j_server
from graph.open import open_store
from graph.schema import ShopSchema
from graph.sqlite_store import SqliteStore
from graph.store import EVENT_SCHEMA, EventBatch, GraphStore, NodeBatch
from shopgraph.errors import DependencyMissing
from shopgraph.settings import Settings
from shopgraph.terminal import note
from shopgraph.types import ITEM

BATCH = 50_000
N_ITEMS, N_USERS = 12_000, 22_000

_PLAIN_SQLITE = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?)"
_PLAIN_NEO4J = (
    "MATCH (i:Item {item_id: $item_id}) MERGE (u:User {user_id: $user_id}) "
    "MERGE (u)-[r:PURCHASED {event_id: $event_id}]->(i) SET r.time = $time, r.value = $value"
)


def run(settings: Settings) -> list[dict[str, Any]]:
    """Rows for SQLite and, where one can be started, for a local Neo4j server of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "neo4j"
        try:
            url = neo4j_server.up(home).store_url
        except DependencyMissing as exc:
            note(f"without Neo4j: {exc}")
            url = None
        try:
            (Path(scratch) / "sqlite").mkdir()
            return measure(Path(scratch) / "sqlite", url)
        finally:
            neo4j_server.down(home)


def measure(folder: Path, neo4j_url: str | None, scale: float = 1.0) -> list[dict[str, Any]]:
    """Rows {store, loader, rows, rows_per_s, ratio_to_plain}; the plain loader has the smaller sample.

    Args:
        folder: where the SQLite files go; it must be empty.
        neo4j_url: a server whose data may be added to, or None to leave Neo4j out.
        scale: 1 writes a million events into SQLite and 200,000 into Neo4j.
    """
    rng = np.random.default_rng(0)
    rows = []
    with SqliteStore(folder / "shop.db") as store:
        ours = _rate(lambda: _ours(store, rng, int(1_000_000 * scale)), int(1_000_000 * scale))
    plain = _rate(lambda: _plain_sqlite(folder / "plain.db", rng, int(20_000 * scale)), int(20_000 * scale))
    rows += _rows("sqlite", ours, plain)
    if neo4j_url is not None:
        with open_store(neo4j_url) as graph:
            _ours(graph, rng, int(50_000 * scale))
            ours = _rate(lambda: _ours(graph, rng, int(200_000 * scale)), int(200_000 * scale))
        plain = _rate(lambda: _plain_neo4j(neo4j_url, rng, int(2_000 * scale)), int(2_000 * scale))
        rows += _rows("neo4j", ours, plain)
    return rows


def _rate(write: Callable[[], float], n_rows: int) -> tuple[int, float]:
    """The rows written and rows a second; `write` returns the seconds of its writing alone."""
    return n_rows, n_rows / write()


def _rows(store: str, ours: tuple[int, float], plain: tuple[int, float]) -> list[dict[str, Any]]:
    return [
        {"store": store, "loader": loader, "rows": n_rows, "rows_per_s": round(rate),
         "ratio_to_plain": round(rate / plain[1], 2)}
        for loader, (n_rows, rate) in (("shopgraph", ours), ("plain", plain))
    ]  # fmt: skip


def _ours(store: GraphStore, rng: np.random.Generator, n_rows: int) -> float:
    store.prepare(ShopSchema())
    store.write_nodes(NodeBatch(ITEM, pl.DataFrame({"id": [f"item{k}" for k in range(N_ITEMS)]})))
    batches = list(_event_batches(rng, n_rows))
    start = time.perf_counter()
    for batch in batches:
        statuses = store.write_events(batch)
        if set(statuses) != {"stored"}:
            raise RuntimeError("the benchmark's events were not all new")
    return time.perf_counter() - start


def _event_batches(rng: np.random.Generator, n_rows: int) -> Iterator[EventBatch]:
    for start in range(0, n_rows, BATCH):
        n = min(BATCH, n_rows - start)
        columns = {
            "event_id": [rng.bytes(16).hex() for _ in range(n)],
            "name": ["purchase"] * n,
            "user_id": [f"user{k}" for k in rng.integers(N_USERS, size=n)],
            "item_id": [f"item{k}" for k in rng.integers(N_ITEMS, size=n)],
            "time": pl.from_epoch(
                pl.Series(rng.integers(1_700_000_000, 1_760_000_000, n))
            ).dt.replace_time_zone("UTC"),
            "value": np.ones(n),
        }
        frame = pl.DataFrame(columns)
        yield EventBatch(
            frame.select(
                pl.col(name).cast(dtype) if name in columns else pl.lit(None, dtype).alias(name)
                for name, dtype in EVENT_SCHEMA.items()
            )
        )


def _plain_sqlite(path: Path, rng: np.random.Generator, n_rows: int) -> float:
    columns = ("event_id", "user_id", "item_id", "time", "value")
    rows = [row for batch in _event_batches(rng, n_rows) for row in batch.frame.select(columns).iter_rows()]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE event (event_id TEXT PRIMARY KEY, user_id, item_id, time, value)")
    start = time.perf_counter()
    for event_id, user_id, item_id, moment, value in rows:
        connection.execute(_PLAIN_SQLITE, (event_id, user_id, item_id, moment.timestamp(), value))
    seconds = time.perf_counter() - start
    connection.close()
    return seconds


def _plain_neo4j(url: str, rng: np.random.Generator, n_rows: int) -> float:
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.hostname}:{parts.port or 7687}"
    login = (unquote(parts.username or ""), unquote(parts.password or ""))
    rows = [row for batch in _event_batches(rng, n_rows) for row in batch.frame.iter_rows(named=True)]
    with neo4j.GraphDatabase.driver(address, auth=login) as driver, driver.session() as session:
        start = time.perf_counter()
        for row in rows:
            said = {name: row[name] for name in ("event_id", "user_id", "item_id", "time", "value")}
            session.run(_PLAIN_NEO4J, said).consume()
        return time.perf_counter() - start
