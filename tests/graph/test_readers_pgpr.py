import gzip
import json
import os
from pathlib import Path

import pytest

from graph.readers import ReadEvents, RejectLog, open_source, read_pgpr_test
from graph.readers.pgpr import RELATED_ITEM
from graph.schema import ALSO_BOUGHT, ALSO_VIEWED, BOUGHT_TOGETHER, IN_CATEGORY, MADE_BY
from graph.store import EdgeBatch, NodeBatch
from shopgraph.errors import BadSettings, BadSource
from shopgraph.types import EdgeType

ITEMS = (
    {
        "id": 0,
        "asin": "A0",
        "short_title": "curling iron",
        "brand": ["Conair"],
        "categories": ["Beauty", "Hair Care"],
        "also_bought": ["A1", "X9", "A0"],
        "also_viewed": ["A1"],
        "bought_together": [],
    },
    {
        "id": 1,
        "asin": "A1",
        "short_title": "",
        "brand": [""],
        "categories": ["Beauty"],
        "also_bought": [],
        "also_viewed": [],
        "bought_together": ["A0"],
    },
)


def write_pgpr(folder: Path, train: str = "0 0 1\n1 1\n", test: str = "0 1\n1 0\n") -> Path:
    lines = "\n".join(json.dumps(item) for item in ITEMS)
    (folder / "items.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / "pgpr_train.txt").write_text(train)
    (folder / "pgpr_test.txt").write_text(test)
    return folder


def nodes_edges_events(
    folder: Path, rejects: RejectLog
) -> tuple[dict[str, list[str]], dict[EdgeType, list[tuple[str, str]]], list[tuple[str, str, str]]]:
    nodes: dict[str, list[str]] = {}
    edges: dict[EdgeType, list[tuple[str, str]]] = {}
    events: list[tuple[str, str, str]] = []
    for batch in open_source(folder, "pgpr").batches(rejects):
        match batch:
            case NodeBatch():
                nodes.setdefault(batch.label, []).extend(batch.frame["id"])
            case EdgeBatch():
                edges.setdefault(batch.edge_type, []).extend(batch.frame["src_id", "dst_id"].iter_rows())
            case ReadEvents():
                assert (
                    batch.frame["time"].null_count()
                    == batch.frame["position"].null_count()
                    == len(batch.frame)
                )
                events.extend(batch.frame["name", "user_id", "item_id"].iter_rows())
    return nodes, edges, events


def test_the_graph_of_two_items(tmp_path: Path) -> None:
    rejects = RejectLog()
    nodes, edges, events = nodes_edges_events(write_pgpr(tmp_path), rejects)
    assert not len(rejects)
    assert nodes == {
        "Item": ["A0", "A1"],
        "Brand": ["Conair"],
        "Category": ["Hair Care"],
        RELATED_ITEM: ["X9"],
        "User": ["u0", "u1"],
    }
    assert {edge_type: pairs for edge_type, pairs in edges.items() if pairs} == {
        MADE_BY: [("A0", "Conair")],
        IN_CATEGORY: [("A0", "Hair Care")],
        ALSO_BOUGHT: [("A0", "A1")],
        EdgeType("Item", "ALSO_BOUGHT", RELATED_ITEM): [("A0", "X9")],
        ALSO_VIEWED: [("A0", "A1")],
        BOUGHT_TOGETHER: [("A1", "A0")],
    }
    assert events == [("purchase", "u0", "A0"), ("purchase", "u0", "A1"), ("purchase", "u1", "A1")]


def test_the_schema_declares_every_edge_type_that_comes(tmp_path: Path) -> None:
    reader = open_source(write_pgpr(tmp_path), "pgpr")
    for batch in reader.batches(RejectLog()):
        if isinstance(batch, EdgeBatch):
            assert batch.edge_type in reader.schema().relations
    assert RELATED_ITEM in reader.schema().labels
    assert reader.bytes_read == reader.total_bytes


def test_the_test_file_is_not_opened_for_training(tmp_path: Path) -> None:
    (write_pgpr(tmp_path) / "pgpr_test.txt").unlink()
    assert nodes_edges_events(tmp_path, RejectLog())[2]


def test_the_held_out_pairs(tmp_path: Path) -> None:
    pairs = read_pgpr_test(write_pgpr(tmp_path))
    assert list(zip(pairs.user_ids, pairs.item_ids, strict=True)) == [("u0", "A1"), ("u1", "A0")]


def test_bad_lines_of_train_are_told_and_of_test_refused(tmp_path: Path) -> None:
    write_pgpr(tmp_path, train="0 0\n1 x\n\n0 7\n", test="0 7\n")
    with RejectLog(tmp_path / "rejects.jsonl") as rejects:
        events = nodes_edges_events(tmp_path, rejects)[2]
    told = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert events == [("purchase", "u0", "A0")]
    assert [(r["line"], r["value"]) for r in told] == [(2, "1 x"), (4, "7")]
    with pytest.raises(BadSource, match=r"pgpr_test.txt: item: is not in items.jsonl.gz"):
        read_pgpr_test(tmp_path)


def test_a_missing_file_and_a_needless_mapping_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"items.jsonl.gz: no such file; the format pgpr needs"):
        open_source(tmp_path, "pgpr")
    with pytest.raises(BadSettings, match="the format pgpr has fixed names"):
        open_source(write_pgpr(tmp_path), "pgpr", tmp_path / "mapping.toml")


@pytest.mark.real_data
@pytest.mark.skipif("SHOPGRAPH_DATA" not in os.environ, reason="SHOPGRAPH_DATA does not name the public data")
def test_amazon_beauty_has_its_published_counts() -> None:
    source, rejects = Path(os.environ["SHOPGRAPH_DATA"]) / "beauty", RejectLog()
    nodes, edges, events = nodes_edges_events(source, rejects)
    assert not len(rejects)
    assert (len(nodes["User"]), len(nodes["Item"])) == (22_363, 12_101)
    assert (len(nodes["Brand"]), len(nodes["Category"])) == (2_076, 247)  # one is "", one is the root
    assert len(nodes[RELATED_ITEM]) == 106_548
    assert len(edges[ALSO_VIEWED]) == 155_350
    pairs = read_pgpr_test(source)
    assert len(events) + len(pairs) == 198_502
    train = {(user_id, item_id) for _, user_id, item_id in events}
    assert not train & set(zip(pairs.user_ids, pairs.item_ids, strict=True))
