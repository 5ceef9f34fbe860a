import gzip
import json
import os
from pathlib import Path

import pytest

from graph.ingest import ingest
from graph.readers import ReadEvents, RejectLog, open_source, read_test
from graph.sqlite_store import SqliteStore
from graph.store import NodeBatch
from shopgraph.errors import BadSource

ITEMS = "item_id:token\ttitle:token_seq\n0\tFire Emblem\n1\tCare Case\n2\tGears of War\n"
HISTORIES = "user_id:token\titem_id_list:token_seq\titem_id:token\n0\t2 0\t1\n7\t1\t2\n"


def write_games(folder: Path, items: str = ITEMS, histories: str = HISTORIES) -> Path:
    (folder / "Games-6k.item.gz").write_bytes(gzip.compress(items.encode()))
    (folder / "Games-6k.test.inter.gz").write_bytes(gzip.compress(histories.encode()))
    return folder


def events_of(folder: Path, rejects: RejectLog) -> list[tuple[str, str, str, int]]:
    found: list[tuple[str, str, str, int]] = []
    for batch in open_source(folder, "games").batches(rejects):
        if isinstance(batch, ReadEvents):
            assert batch.frame["time"].null_count() == len(batch.frame)
            found.extend(batch.frame["name", "user_id", "item_id", "position"].iter_rows())
    return found


def test_histories_keep_their_order_and_the_next_item_is_left_out(tmp_path: Path) -> None:
    rejects = RejectLog()
    reader = open_source(write_games(tmp_path), "games")
    nodes = [batch for batch in reader.batches(rejects) if isinstance(batch, NodeBatch)]
    assert [(batch.label, batch.frame.rows()) for batch in nodes] == [
        ("Item", [("0", "Fire Emblem"), ("1", "Care Case"), ("2", "Gears of War")]),
        ("User", [("0",), ("7",)]),
    ]
    assert events_of(tmp_path, rejects) == [
        ("purchase", "0", "2", 0),
        ("purchase", "0", "0", 1),
        ("purchase", "7", "1", 0),
    ]
    assert not len(rejects)
    assert (reader.rows_read, reader.bytes_read) == (6, reader.total_bytes)


def test_the_held_out_next_items(tmp_path: Path) -> None:
    pairs = read_test(write_games(tmp_path), "games")
    assert pairs is not None
    assert list(zip(pairs.user_ids, pairs.item_ids, strict=True)) == [("0", "1"), ("7", "2")]


def test_bad_lines_are_told_and_a_damaged_test_is_refused(tmp_path: Path) -> None:
    write_games(tmp_path, ITEMS + "\tnameless\n", HISTORIES + "8\t0 1\n9\t0 5\t1\n")
    with SqliteStore(None) as store:
        summary = ingest(open_source(tmp_path, "games"), store, tmp_path / "rejects.jsonl")
    told = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert [(r["file"], r["line"], r["field"], r["value"]) for r in told] == [
        ("Games-6k.item.gz", 5, "item_id", "nameless"),
        ("Games-6k.test.inter.gz", 4, "", "8\t0 1"),
        ("Games-6k.test.inter.gz", 5, "item_id", "5"),
    ]
    assert (summary.rows, summary.n_rejected, summary.new_events) == (10, 3, 4)
    with pytest.raises(BadSource, match="a test set must be read whole"):
        read_test(tmp_path, "games")


def test_reading_again_changes_nothing(tmp_path: Path) -> None:
    write_games(tmp_path)
    with SqliteStore(None) as store:
        ingest(open_source(tmp_path, "games"), store)
        again = ingest(open_source(tmp_path, "games"), store)
    assert (again.new_nodes, again.new_events, again.duplicate_events) == (0, 0, 3)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"Games-6k.item.gz: no such file; the format games needs"):
        open_source(tmp_path, "games")
    (write_games(tmp_path) / "Games-6k.item.gz").write_bytes(b"not gzip")
    with pytest.raises(BadSource, match=r"Games-6k.item.gz: not a readable"):
        list(open_source(tmp_path, "games").batches(RejectLog()))


@pytest.mark.real_data
@pytest.mark.skipif("SHOPGRAPH_DATA" not in os.environ, reason="SHOPGRAPH_DATA does not name the public data")
def test_amazon_games_have_their_known_counts() -> None:
    source, rejects = Path(os.environ["SHOPGRAPH_DATA"]) / "games", RejectLog()
    events, pairs = events_of(source, rejects), read_test(source, "games")
    assert pairs is not None
    assert not len(rejects)
    assert (len(pairs), len(events) + len(pairs)) == (50_546, 440_264)
    bought = {(user_id, item_id) for _, user_id, item_id, _ in events}
    assert not bought & set(zip(pairs.user_ids, pairs.item_ids, strict=True))
    assert len({item_id for _, item_id in bought} | set(pairs.item_ids)) == 16_859
