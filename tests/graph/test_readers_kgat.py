import json
from pathlib import Path

import pytest

from graph.ingest import ingest
from graph.readers import ReadEvents, RejectLog, open_source, read_test
from graph.readers import user_items as user_items_module
from graph.sqlite_store import SqliteStore
from graph.store import NodeBatch
from shopgraph.errors import BadSource


def write_kgat(folder: Path, train: str = "0 5 3\n1 3 4 3\n2\n", test: str = "0 4\n1 5\n2\n") -> Path:
    (folder / "train.txt").write_text(train)
    (folder / "test.txt").write_text(test)
    return folder


def test_train_alone_is_read_and_names_the_catalogue(tmp_path: Path) -> None:
    reader, rejects = open_source(write_kgat(tmp_path), "kgat"), RejectLog()
    (tmp_path / "test.txt").unlink()
    nodes: dict[str, list[str]] = {}
    events: list[tuple[str, str, str]] = []
    for batch in reader.batches(rejects):
        if isinstance(batch, NodeBatch):
            nodes.setdefault(batch.label, []).extend(batch.frame["id"])
        elif isinstance(batch, ReadEvents):
            assert (
                batch.frame["position"].null_count() == batch.frame["time"].null_count() == len(batch.frame)
            )
            events.extend(batch.frame["name", "user_id", "item_id"].iter_rows())
    assert nodes == {"User": ["u0", "u1"], "Item": ["i5", "i3", "i4"]}
    assert events == [
        ("purchase", "u0", "i5"),
        ("purchase", "u0", "i3"),
        ("purchase", "u1", "i3"),
        ("purchase", "u1", "i4"),
    ]
    assert (len(rejects), reader.rows_read, reader.bytes_read) == (0, 4, reader.total_bytes)


def test_the_held_out_pairs(tmp_path: Path) -> None:
    pairs = read_test(write_kgat(tmp_path), "kgat")
    assert pairs is not None
    assert list(zip(pairs.user_ids, pairs.item_ids, strict=True)) == [("u0", "i4"), ("u1", "i5")]


def test_batches_are_bounded_and_an_item_is_given_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_items_module, "BATCH_ROWS", 2)
    batches = list(open_source(write_kgat(tmp_path), "kgat").batches(RejectLog()))
    items = [b.frame["id"].to_list() for b in batches if isinstance(b, NodeBatch) and b.label == "Item"]
    assert items == [["i5", "i3"], ["i4"]]
    ids = [i for b in batches if isinstance(b, ReadEvents) for i in b.frame["event_id"]]
    assert len(set(ids)) == 4


def test_bad_lines_are_told_and_a_damaged_test_is_refused(tmp_path: Path) -> None:
    write_kgat(tmp_path, train="0 5\n1 x\n", test="0 -4\n")
    with SqliteStore(None) as store:
        summary = ingest(open_source(tmp_path, "kgat"), store, tmp_path / "rejects.jsonl")
    told = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert [(r["line"], r["value"]) for r in told] == [(2, "1 x")]
    assert (summary.rows, summary.new_events) == (2, 1)
    with pytest.raises(BadSource, match=r"test.txt: must be whole numbers"):
        read_test(tmp_path, "kgat")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"train.txt: no such file; the format kgat needs"):
        open_source(tmp_path, "kgat")
