"""What is SQLite's alone: files, several processes, kill -9. The rest is in test_store.py."""

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from graph.open import open_store
from graph.schema import ShopSchema
from graph.store import EventBatch, GraphStore
from shopgraph.errors import BadSettings, StoreUnavailable
from tests.graph.stores import PURCHASED, edge_rows, events, items, node_ids, nodes

ROOT = Path(__file__).parents[2]
N_BATCHES, N_EVENTS = 40, 50

WRITER = """
import sys
from graph.open import open_store
from tests.graph.test_sqlite_store import batches
with open_store(sys.argv[1]) as store:
    for batch in batches(sys.argv[2]):
        store.write_events(batch)
        print(len(batch.frame), flush=True)
"""


def batches(prefix: str) -> list[EventBatch]:
    """Every event of `prefix`, and in each batch one event that all writers share."""
    return [
        events(
            (f"shared{n}", "purchase", "u", "i1"),
            *((f"{prefix}{n}-{k}", "purchase", f"{prefix}{k}", "i1") for k in range(N_EVENTS)),
        )
        for n in range(N_BATCHES)
    ]


def writer(url: str, prefix: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, url, prefix]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A prepared file with one item."""
    url = f"sqlite:///{tmp_path}/shop.db"
    with open_store(url) as store:
        store.prepare(ShopSchema())
        store.write_nodes(items("i1"))
    return url


def event_ids(store: GraphStore) -> list[str]:
    frames = [batch.frame for batch in store.read_edges(PURCHASED)]
    return sorted(pl.concat(frames)["event_id"]) if frames else []


def expected_ids(*prefixes: str) -> list[str]:
    frames = [batch.frame for prefix in prefixes for batch in batches(prefix)]
    return sorted(set(pl.concat(frames)["event_id"]))


def test_two_processes_write_at_once(url: str) -> None:
    processes = [writer(url, "a"), writer(url, "b")]
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    with open_store(url) as store:
        assert event_ids(store) == expected_ids("a", "b")


def test_killed_in_the_middle_and_run_again_nothing_is_lost_or_doubled(url: str) -> None:
    process = writer(url, "a")
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert all(acknowledged)
    with open_store(url) as store:
        survived = set(event_ids(store))
        for batch in batches("a")[:5]:
            assert survived.issuperset(batch.frame["event_id"])
        assert len(survived) % (N_EVENTS + 1) == 0, "a batch is written whole or not at all"
    again = writer(url, "a")
    again.communicate(timeout=120)
    with open_store(url) as store:
        assert event_ids(store) == expected_ids("a")


def test_a_reader_sees_one_moment_while_others_write(url: str) -> None:
    with open_store(url) as store:
        first, second, *_ = batches("a")
        store.write_events(first)
        reading = store.read_edges(PURCHASED)
        seen = next(reading)
        store.write_events(second)
        assert len(seen.frame) + sum(len(batch.frame) for batch in reading) == N_EVENTS + 1


def test_threads_share_a_store(url: str) -> None:
    with open_store(url) as store:
        threads = [
            threading.Thread(target=lambda p=prefix: [store.write_events(batch) for batch in batches(p)])
            for prefix in ("a", "b", "c")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert event_ids(store) == expected_ids("a", "b", "c")


def test_a_failed_write_leaves_nothing_behind(url: str) -> None:
    with open_store(url) as store:
        with pytest.raises(ValueError, match="was not prepared"):
            store.write_nodes(nodes("Ghost", id=["x"]))
        assert store.write_events(batches("a")[0])[0] == "stored"
        assert node_ids(store, "Item") == ["i1"]


def test_a_lock_that_is_never_released_is_a_clear_error(url: str, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        open_store(url, timeout_s=0.2) as store,
        pytest.raises(StoreUnavailable, match=r"shop\.db: another process .* locked for 0\.2 s"),
    ):
        store.write_nodes(items("i2"))
    other.close()


def test_a_file_that_is_missing_foreign_or_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"none\.db: no such store; fill one with `shopgraph ingest`"):
        open_store(f"sqlite:///{tmp_path}/none.db").schema()
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(BadSettings, match=r"the folder .*/none does not exist"):
        open_store(f"sqlite:///{tmp_path}/none/shop.db").prepare(ShopSchema())
    (tmp_path / "text.db").write_text("id,title\n" * 1000)
    with pytest.raises(StoreUnavailable, match=r"text\.db: not a usable SQLite file"):
        open_store(f"sqlite:///{tmp_path}/text.db").prepare(ShopSchema())
    foreign = sqlite3.connect(tmp_path / "foreign.db")
    foreign.execute("PRAGMA user_version = 7")
    foreign.close()
    with pytest.raises(BadSettings, match=r"foreign\.db is no store of this version \(format 7"):
        open_store(f"sqlite:///{tmp_path}/foreign.db").prepare(ShopSchema())


def test_ids_that_look_like_sql_are_only_ids(url: str) -> None:
    hostile = "x'); DROP TABLE event; --"
    with open_store(url) as store:
        store.write_nodes(items(hostile))
        store.write_events(events(("e1", "purchase", hostile, hostile)))
        assert [row["item_id"] for row in edge_rows(store, PURCHASED, [hostile])] == [hostile]
