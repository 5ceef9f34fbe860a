"""The one suite that every GraphStore passes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from graph.open import open_store
from graph.schema import CORE_LABELS, MADE_BY, SEARCHED, ShopSchema
from graph.snapshot import build_snapshot
from graph.store import EVENT_SCHEMA, EventBatch, GraphStore, NodeBatch
from shopgraph.errors import BadRecord
from shopgraph.types import EdgeType
from tests.graph.stores import (
    NOON,
    PURCHASED,
    VIEWED,
    edge_rows,
    edges,
    empty_neo4j,
    events,
    items,
    node_ids,
    node_rows,
    nodes,
)

ODD_IDS = ["a/b", "100%", 'it\'s "q"', "😀", "\uffee", "متجر", "商品", "$x {y: 1}", " spaced ", "x" * 256]
FOLLOWS = EdgeType("User", "FOLLOWS", "User")
LIVES_IN = EdgeType("User", "LIVES_IN", "Place")


@pytest.fixture(params=["memory", "sqlite", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    """An empty, prepared store of each kind."""
    match request.param:
        case "memory":
            url = "sqlite://"
        case "sqlite":
            url = f"sqlite:///{tmp_path}/shop.db"
        case _:
            url = request.getfixturevalue("neo4j_url")
            empty_neo4j(url)
    with open_store(url) as opened:
        opened.prepare(ShopSchema())
        yield opened


def test_nodes_are_new_once(store: GraphStore) -> None:
    batch = nodes("Item", id=["i1", "i2"], title=["One", "Two"])
    assert store.write_nodes(batch) == 2
    assert store.write_nodes(batch) == 0
    assert store.write_nodes(items("i2", "i3")) == 1
    assert node_rows(store, "Item") == [
        {"id": "i1", "title": "One"},
        {"id": "i2", "title": "Two"},
        {"id": "i3", "title": None},
    ]


def test_properties_given_are_replaced_and_null_says_nothing(store: GraphStore) -> None:
    store.write_nodes(nodes("Item", id=["i1"], title=["Old"], price=[5.0]))
    store.write_nodes(nodes("Item", id=["i1"], title=["New"], price=[None]))
    assert node_rows(store, "Item") == [{"id": "i1", "price": 5.0, "title": "New"}]


def test_within_one_batch_the_last_row_of_a_node_wins(store: GraphStore) -> None:
    assert store.write_nodes(nodes("Item", id=["i1", "i1"], title=["Old", "New"])) == 1
    assert node_rows(store, "Item") == [{"id": "i1", "title": "New"}]


def test_every_type_of_property_comes_back_as_it_was(store: GraphStore) -> None:
    row = {
        "id": "i1",
        "aliases": ["a", 'b"', "جميل"],
        "created_at": NOON,
        "dates": [NOON, NOON + timedelta(days=1)],
        "empty": list[str](),
        "gone": datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
        "in_stock": False,
        "n_parts": 2**53 + 1,
        "price": 3.0,
        "sizes": [0.5, 1.0],
        "title": "line\none \\ \0 <b>'x'</b>",
    }
    frame = pl.DataFrame([row], schema_overrides={"empty": pl.List(pl.String)})
    store.write_nodes(NodeBatch("Item", frame))
    [batch] = store.read_nodes("Item")
    assert batch.frame.row(0, named=True) == row
    assert batch.frame.schema["price"] == pl.Float64
    assert batch.frame.schema["n_parts"] == pl.Int64
    assert batch.frame.schema["created_at"] == pl.Datetime("us", "UTC")


def test_whole_numbers_become_floats_when_floats_come_later(store: GraphStore) -> None:
    store.write_nodes(nodes("Item", id=["i1"], price=[3]))
    store.write_nodes(nodes("Item", id=["i2"], price=[2.5]))
    assert [(row["id"], row["price"]) for row in node_rows(store, "Item")] == [("i1", 3.0), ("i2", 2.5)]


def test_no_number_and_dates_and_narrow_types_are_normalised(store: GraphStore) -> None:
    frame = pl.DataFrame(
        {"id": ["i1"], "price": [float("nan")], "day": [date(2026, 1, 2)], "stars": [4.5]},
        schema_overrides={"stars": pl.Float32},
    )
    store.write_nodes(NodeBatch("Item", frame))
    assert node_rows(store, "Item") == [
        {"id": "i1", "day": datetime(2026, 1, 2, tzinfo=UTC), "price": None, "stars": 4.5}
    ]


def test_a_property_that_changes_its_kind_is_refused(store: GraphStore) -> None:
    store.write_nodes(nodes("Item", id=["i1"], price=[3.0]))
    with pytest.raises(BadRecord, match=r"Item\.price: holds float in this store, got string"):
        store.write_nodes(nodes("Item", id=["i1"], price=["cheap"]))
    assert node_rows(store, "Item") == [{"id": "i1", "price": 3.0}]


def test_odd_ids_are_kept_and_ordered_by_code_points(store: GraphStore) -> None:
    store.write_nodes(items(*ODD_IDS))
    assert node_ids(store, "Item") == sorted(ODD_IDS)
    assert [row["id"] for row in node_rows(store, "Item", ODD_IDS[:3])] == sorted(ODD_IDS[:3])
    ids = [f"e{n}" for n in range(len(ODD_IDS))]
    rows = [(event_id, "purchase", odd, odd) for event_id, odd in zip(ids, ODD_IDS, strict=True)]
    assert set(store.write_events(events(*rows))) == {"stored"}
    assert {row["user_id"] for row in edge_rows(store, PURCHASED)} == set(ODD_IDS)
    assert [row["item_id"] for row in edge_rows(store, PURCHASED, ["متجر"])] == ["متجر"]


def test_nodes_asked_by_id_come_ordered_and_once(store: GraphStore) -> None:
    store.write_nodes(items("b", "a", "c"))
    assert [row["id"] for row in node_rows(store, "Item", ["c", "nobody", "a", "c"])] == ["a", "c"]
    assert node_rows(store, "Item", []) == []


def test_edges_make_their_ends_but_never_items(store: GraphStore) -> None:
    store.write_nodes(items("i1"))
    assert store.write_edges(edges(MADE_BY, ("i1", "Ace"), ("ghost", "Boo"))) == 1
    assert node_ids(store, "Brand") == ["Ace"]
    assert node_ids(store, "Item") == ["i1"]
    assert [(row["src_id"], row["dst_id"]) for row in edge_rows(store, MADE_BY)] == [("i1", "Ace")]


def test_an_edge_is_kept_once_and_its_values_are_replaced(store: GraphStore) -> None:
    store.write_nodes(items("i1"))
    store.write_edges(edges(MADE_BY, ("i1", "Ace"), weight=[0.5], time=[NOON], position=[3]))
    later = NOON + timedelta(days=1)
    assert store.write_edges(edges(MADE_BY, ("i1", "Ace"), ("i1", "Ace"), time=[None, later])) == 0
    assert edge_rows(store, MADE_BY) == [
        {"src_id": "i1", "dst_id": "Ace", "weight": 0.5, "time": later, "position": 3}
    ]


def test_edges_out_of_some_sources(store: GraphStore) -> None:
    store.write_nodes(items("i1", "i2"))
    store.write_edges(edges(MADE_BY, ("i1", "Ace"), ("i2", "Boo")))
    assert [row["dst_id"] for row in edge_rows(store, MADE_BY, ["i2", "i2", "ghost"])] == ["Boo"]


def test_each_event_has_its_status(store: GraphStore) -> None:
    store.write_nodes(items("i1", "i2"))
    batch = events(
        ("e1", "view_item", "u1", "i1"),
        ("e1", "view_item", "u1", "i1"),
        ("e2", "purchase", "u1", "ghost"),
        ("e2", "purchase", "u1", "i2"),
    )
    assert store.write_events(batch) == ["stored", "duplicate", "unknown_item", "stored"]
    assert store.write_events(batch) == ["duplicate", "duplicate", "unknown_item", "duplicate"]
    assert len(edge_rows(store, VIEWED)) == 1
    assert [row["item_id"] for row in edge_rows(store, PURCHASED)] == ["i2"]


def test_an_event_id_is_one_across_all_kinds_of_events(store: GraphStore) -> None:
    store.write_nodes(items("i1"))
    assert store.write_events(events(("e1", "view_item", "u1", "i1"))) == ["stored"]
    assert store.write_events(events(("e1", "purchase", "u2", "i1"))) == ["duplicate"]
    assert edge_rows(store, PURCHASED) == []


def test_an_unknown_user_is_created_with_the_first_stored_event(store: GraphStore) -> None:
    store.write_nodes(items("i1"))
    store.write_events(events(("e1", "view_item", "new", "i1"), ("e2", "view_item", "nobody", "ghost")))
    assert node_ids(store, "User") == ["new"]


def test_an_event_comes_back_whole(store: GraphStore) -> None:
    store.write_nodes(items("i1"))
    batch = events(
        ("e1", "rate", "u1", "i1"), ("e2", "rate", "u1", "i1"),
        time=[NOON, None], value=[4.5, None], position=[None, 7], recommendation_id=["r1", None],
    )  # fmt: skip
    store.write_events(batch)
    rated = EdgeType("User", "RATED", "Item")
    assert edge_rows(store, rated) == list(batch.frame.iter_rows(named=True))
    assert edge_rows(store, rated, ["u1"]) == list(batch.frame.iter_rows(named=True))
    assert edge_rows(store, rated, ["u2"]) == []


def test_searches_of_the_same_words_meet_in_one_query(store: GraphStore) -> None:
    batch = events(
        ("s1", "search", "u1", None), ("s2", "search", "u2", None), ("s3", "search", "u2", None),
        query=["Red  SHOES", "ｒｅｄ shoes", "Straße"],
    )  # fmt: skip
    assert store.write_events(batch) == ["stored"] * 3
    assert node_rows(store, "Query") == [
        {"id": "red shoes", "name": "Red  SHOES"},
        {"id": "strasse", "name": "Straße"},
    ]
    assert [row["query"] for row in edge_rows(store, SEARCHED, ["u2"])] == ["ｒｅｄ shoes", "Straße"]
    assert {row["item_id"] for row in edge_rows(store, SEARCHED)} == {None}


def test_a_search_without_words_and_a_view_without_item_are_refused(store: GraphStore) -> None:
    for row, query in ((("s1", "search", "u1", None), " "), (("e1", "view_item", "u1", None), None)):
        with pytest.raises(BadRecord, match="target_id: is missing"):
            store.write_events(events(row, query=[query]))
    with pytest.raises(BadRecord, match="name: must be one of view_item"):
        store.write_events(events(("e1", "sniff_item", "u1", "i1")))


def test_labels_and_relations_must_be_prepared(store: GraphStore) -> None:
    with pytest.raises(ValueError, match="'Place' was not prepared"):
        store.write_nodes(nodes("Place", id=["p1"]))
    with pytest.raises(ValueError, match="was not prepared"):
        store.write_edges(edges(FOLLOWS, ("u1", "u2")))
    with pytest.raises(ValueError, match="was not prepared"):
        list(store.read_edges(FOLLOWS))


def test_the_prepared_schema_is_remembered_and_merged(store: GraphStore) -> None:
    store.prepare(ShopSchema(("Place",), (LIVES_IN,)))
    store.prepare(ShopSchema((), (FOLLOWS,)))
    schema = store.schema()
    assert schema.labels == (*CORE_LABELS, "Place")
    assert schema.relations == (*ShopSchema().relations, LIVES_IN, FOLLOWS)
    assert store.write_edges(edges(LIVES_IN, ("u1", "Oslo"))) == 1
    assert store.write_edges(edges(FOLLOWS, ("u1", "u2"), ("u2", "u1"))) == 2
    assert node_ids(store, "User") == ["u1", "u2"]


def test_many_rows_are_written_in_full(store: GraphStore) -> None:
    n = 12_000
    store.write_nodes(items("i1"))
    frame = pl.DataFrame(
        {"event_id": [f"e{k % (n - 1)}" for k in range(n)], "name": ["purchase"] * n,
         "user_id": [f"u{k % 7}" for k in range(n)], "item_id": ["i1"] * n},
    )  # fmt: skip
    missing = [
        pl.lit(None, dtype).alias(name) for name, dtype in EVENT_SCHEMA.items() if name not in frame.columns
    ]
    status = store.write_events(EventBatch(frame.with_columns(missing)))
    assert (status.count("stored"), status[-1]) == (n - 1, "duplicate")
    assert sum(len(batch.frame) for batch in store.read_edges(PURCHASED)) == n - 1


def test_the_snapshot_is_that_of_the_store_in_memory(store: GraphStore) -> None:
    with open_store("sqlite://") as reference:
        reference.prepare(ShopSchema())
        for each in (store, reference):
            _fill(each)
        theirs, ours = build_snapshot(reference, NOON), build_snapshot(store, NOON)
    assert ours.checksum == theirs.checksum
    assert ours.n_users == 3
    assert len(ours.interactions) == 5


def _fill(store: GraphStore) -> None:
    store.prepare(ShopSchema(("Place",), (LIVES_IN,)))
    store.write_nodes(
        nodes("Item", id=["i1", "😀", "\uffee"], title=["One", "Two", None], price=[1.1, None, 3.0],
              tags=[["a", "b"], [], None], in_stock=[True, False, None], created_at=[NOON, None, None])
    )  # fmt: skip
    store.write_edges(edges(MADE_BY, ("i1", "Ace"), ("😀", "Ace"), weight=[0.1, None]))
    store.write_edges(edges(LIVES_IN, ("u1", "Oslo"), time=[NOON]))
    store.write_events(
        events(
            ("e1", "view_item", "u1", "i1"),
            ("e2", "purchase", "u1", "😀"),
            ("e3", "view_item", "u2", "i1"),
            ("e4", "rate", "u2", "\uffee"),
            ("e5", "view_item", "u2", "i1"),
            ("e6", "search", "u3", None),
            time=[NOON, NOON, None, None, None, NOON],
            value=[None, 2.0, None, 4.5, None, None],
            position=[None, None, 2, 1, 0, None],
            query=[None] * 5 + ["red"],
        )
    )
