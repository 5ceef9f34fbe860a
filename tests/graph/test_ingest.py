import json
import subprocess
import sys
from pathlib import Path

import pytest

from graph.ingest import IngestSummary, ingest
from graph.readers import open_source
from graph.schema import ALSO_BOUGHT, EVENT_TYPES, ShopSchema
from graph.sqlite_store import SqliteStore
from graph.store import GraphStore
from shopgraph.errors import BadSettings, BadSource
from shopgraph.types import ITEM, USER, EdgeType
from tests.graph.shop_folders import EVENTS, RELATIONS, Records, write_shop, write_table


def contents(store: GraphStore) -> dict[str, list[dict[str, object]]]:
    """Everything in the store, in an order of its own."""
    found: dict[str, list[dict[str, object]]] = {}
    for label in store.schema().labels:
        found[label] = [row for b in store.read_nodes(label) for row in b.frame.iter_rows(named=True)]
    event_types = [EdgeType(USER, event.relation, ITEM) for event in EVENT_TYPES]
    for edge_type in (*store.schema().relations, *event_types):
        rows = [row for b in store.read_edges(edge_type) for row in b.frame.iter_rows(named=True)]
        found[str(edge_type)] = sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return found


def ingested(folder: Path, store: GraphStore, rejects: Path | None = None) -> IngestSummary:
    return ingest(open_source(folder, "shop"), store, rejects)


def test_the_summary_counts_what_was_new(tmp_path: Path) -> None:
    with SqliteStore(None) as store:
        summary = ingested(write_shop(tmp_path), store)
    assert (summary.rows, summary.n_rejected, summary.duplicate_events) == (11, 0, 0)
    # 3 items, 2 users, 2 brands, 3 categories, 2 attributes and a tag.
    assert summary.new_nodes == 3 + 2 + 2 + 3 + 3
    # MADE_BY 3, IN_CATEGORY 3, CHILD_OF 1, HAS_ATTRIBUTE 3, ALSO_BOUGHT 1.
    assert summary.new_edges == 11
    assert summary.new_events == 5
    assert summary.usable
    assert summary.rows_per_s > 0


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_reading_the_same_source_twice_changes_nothing(tmp_path: Path, suffix: str) -> None:
    write_shop(tmp_path, suffix)
    with SqliteStore(None) as store:
        ingested(tmp_path, store)
        once = contents(store)
        again = ingested(tmp_path, store)
        assert contents(store) == once
    assert (again.new_nodes, again.new_edges, again.new_events, again.duplicate_events) == (0, 0, 0, 5)


def test_events_and_relations_of_unknown_items_are_told_with_their_lines(tmp_path: Path) -> None:
    events = (EVENTS[0], EVENTS[0] | {"event_id": "e9", "item_id": "gone"}, EVENTS[2])
    relations = (
        *RELATIONS,
        RELATIONS[0] | {"target": "gone"},
        RELATIONS[0] | {"source": "gone", "target": "?"},
    )
    write_shop(tmp_path, events=events, relations=relations)
    with SqliteStore(None) as store:
        summary = ingested(tmp_path, store, tmp_path / "rejects.jsonl")
        assert sum(len(batch.frame) for batch in store.read_edges(ALSO_BOUGHT)) == 1
    assert (summary.new_events, summary.n_rejected) == (2, 3)
    assert summary.rejected == {
        "source: the shop has no such item": 1,
        "target: the shop has no such item": 1,
        "item_id: the shop has no such item": 1,
    }
    told = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert {(r["file"], r["line"], r["field"], r["value"]) for r in told} == {
        ("relations.jsonl", 2, "target", "gone"),
        ("relations.jsonl", 3, "source", "gone"),
        ("events.jsonl", 2, "item_id", "gone"),
    }


def test_items_of_an_earlier_source_are_known(tmp_path: Path) -> None:
    write_shop(tmp_path / "first", events=(), relations=())
    write_shop(tmp_path / "second", items=(), users=())
    with SqliteStore(None) as store:
        ingested(tmp_path / "first", store)
        summary = ingested(tmp_path / "second", store)
    assert (summary.new_events, summary.new_edges, summary.n_rejected) == (5, 1, 0)


def test_a_source_of_rejects_alone_is_not_usable(tmp_path: Path) -> None:
    write_shop(tmp_path, items=({"item_id": "x" * 10_000, "title": "Boots"},), users=(), relations=())
    with SqliteStore(None) as store:
        summary = ingested(tmp_path, store)
    # The item is refused, so are its events; the search stands by itself.
    assert (summary.n_rejected, summary.new_events) == (5, 1)
    (tmp_path / "events.jsonl").unlink()
    with SqliteStore(None) as store:
        assert not ingested(tmp_path, store).usable


def test_what_stood_before_a_broken_file_is_kept(tmp_path: Path) -> None:
    write_shop(tmp_path, events=())
    write_table(tmp_path / "events" / "1.jsonl", EVENTS[:1])
    write_table(tmp_path / "events" / "2.parquet", EVENTS[:2])
    content = bytearray((tmp_path / "events" / "2.parquet").read_bytes())
    content[4:200] = b"\xff" * 196
    (tmp_path / "events" / "2.parquet").write_bytes(content)
    with SqliteStore(None) as store:
        with pytest.raises(BadSource, match=r"^events/2.parquet: not a readable Parquet file"):
            ingested(tmp_path, store)
        write_table(tmp_path / "events" / "2.parquet", EVENTS[:2])
        again = ingested(tmp_path, store)
    assert (again.duplicate_events, again.new_events) == (2, 1)


def test_progress_is_told_after_each_batch(tmp_path: Path) -> None:
    told: list[tuple[int, int, float]] = []
    reader = open_source(write_shop(tmp_path), "shop")
    with SqliteStore(None) as store:
        ingest(reader, store, on_progress=lambda *progress: told.append(progress))
    done = [bytes_read for bytes_read, _, _ in told]
    assert done == sorted(done)
    assert told[-1][0] == told[-1][1] == reader.total_bytes


def test_rejects_that_can_not_be_written_are_told_before_anything_is_stored(tmp_path: Path) -> None:
    write_shop(tmp_path / "shop")
    (tmp_path / "file").write_text("")
    with SqliteStore(None) as store:
        store.prepare(ShopSchema())
        with pytest.raises(BadSettings, match="can't write the rejects there"):
            ingested(tmp_path / "shop", store, tmp_path / "file" / "rejects.jsonl")
        assert not any(contents(store).values())


@pytest.mark.parametrize("n_batches", [1, 8, 14, 18])
def test_killed_and_run_again_loses_nothing_and_doubles_nothing(tmp_path: Path, n_batches: int) -> None:
    shop = write_shop(tmp_path / "shop", events=())
    for part in range(12):
        # Without ids, and every event twice: the derived ids must come out the same again.
        rows: Records = [
            {"event": "view_item", "user_id": f"u{n}", "item_id": f"i{n % 3 + 1}"} for n in range(1000)
        ]
        write_table(shop / "events" / f"{part:02d}.parquet", (*rows, *rows))
    path = tmp_path / "killed.db"
    script = Path(__file__).with_name("ingest_in_a_process.py")
    command = [sys.executable, str(script), str(shop), str(path), str(n_batches + 2)]
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(n_batches):
            assert process.stdout.readline() == b"done\n"
        process.kill()  # SIGKILL, in the middle of the next batch
    with SqliteStore(path) as store, SqliteStore(None) as whole:
        again = ingested(shop, store)
        expected = ingested(shop, whole)
        assert again.new_events + again.duplicate_events == expected.new_events == 24_000
        assert again.new_events > 0
        assert (again.duplicate_events > 0) == (n_batches > 12)
        assert contents(store) == contents(whole)


def test_of_two_events_with_one_id_the_first_in_the_file_is_kept(tmp_path: Path) -> None:
    events = [
        EVENTS[0] | {"event_id": i, "value": v} for i, v in (("b", 1.0), ("a", 2.0), ("b", 3.0), ("a", 4.0))
    ]
    gone = EVENTS[0] | {"event_id": "A", "item_id": "gone"}
    write_shop(tmp_path, events=(*events, gone))
    with SqliteStore(None) as store:
        summary = ingested(tmp_path, store, tmp_path / "rejects.jsonl")
        (purchases,) = store.read_edges(EdgeType(USER, "PURCHASED", ITEM))
    assert dict(purchases.frame.select("event_id", "value").iter_rows()) == {"a": 2.0, "b": 1.0}
    assert (summary.new_events, summary.duplicate_events) == (2, 2)
    assert json.loads((tmp_path / "rejects.jsonl").read_text())["line"] == 5


def test_one_good_record_among_torn_ones_is_usable(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\ni1,Boots\n" + "torn\n" * 5)
    with SqliteStore(None) as store:
        summary = ingested(tmp_path, store)
    assert (summary.rows, summary.n_rejected, summary.new_nodes, summary.usable) == (6, 5, 1, True)
