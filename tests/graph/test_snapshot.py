from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from graph.schema import EVENT_TYPES, MADE_BY, SEARCHED, ShopSchema
from graph.snapshot import build_snapshot, load_snapshot, save_snapshot
from graph.sqlite_store import SqliteStore
from graph.store import EdgeBatch, EventBatch, GraphStore
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import NO_TIME, EdgeType, GraphSnapshot
from tests.graph.stores import NOON, edges, events, items, nodes
from tests.planted import planted_snapshot

NOW = datetime(2026, 1, 31, tzinfo=UTC)
NOON_S = 1_767_355_200
FOLLOWS = EdgeType("User", "FOLLOWS", "User")
VIEW = next(code for code, event in enumerate(EVENT_TYPES) if event.name == "view_item")
RATE = next(code for code, event in enumerate(EVENT_TYPES) if event.name == "rate")


def shop(store: GraphStore | None = None) -> GraphStore:
    """Two items of one brand, two users with events, one user without."""
    store = store or SqliteStore(None)
    store.prepare(ShopSchema((), (FOLLOWS,)))
    store.write_nodes(
        nodes("Item", id=["i2", "i1"], title=["Two", " "], title_zh=["二", None], description=["Soft.", None],
              tags=[["new", "red"], None], price=[9.5, None], in_stock=[False, None],
              created_at=[NOON, None], colour=["red", "blue"])
    )  # fmt: skip
    store.write_nodes(nodes("User", id=["u3"], name=["Ada"]))
    store.write_edges(edges(MADE_BY, ("i1", "Ace"), ("i2", "Ace"), weight=[None, 0.5]))
    store.write_edges(edges(FOLLOWS, ("u3", "u1"), time=[NOON]))
    store.write_events(
        events(
            ("e1", "view_item", "u2", "i2"),
            ("e2", "view_item", "u2", "i1"),
            ("e3", "rate", "u2", "i1"),
            ("e4", "view_item", "u1", "i2"),
            ("e5", "view_item", "u1", "i1"),
            ("e6", "search", "u1", None),
            time=[NOON, NOON - timedelta(days=1), None, None, None, NOON],
            value=[None, None, 4.5, None, None, None],
            position=[None, None, None, 1, 0, None],
            query=[None] * 5 + ["Red"],
        )
    )
    return store


def test_nodes_are_ordered_by_id_and_named() -> None:
    snapshot = build_snapshot(shop(), NOW)
    assert snapshot.nodes["User"].ids == ("u1", "u2", "u3")
    assert snapshot.nodes["User"].names == ("u1", "u2", "Ada")
    assert snapshot.nodes["Item"].names == ("i1", "Two")
    assert snapshot.nodes["Query"].names == ("Red",)
    assert (snapshot.now, snapshot.text_vectors) == (NOW, None)


def test_items_have_their_properties_or_what_stands_for_missing() -> None:
    items_table = build_snapshot(shop(), NOW).items
    assert items_table.title == (" ", "Two")
    assert items_table.title_zh == ("", "二")
    assert items_table.text == (" ", "Two\n二\nSoft.\nnew, red")
    np.testing.assert_array_equal(items_table.price, np.array([np.nan, 9.5], np.float32))
    np.testing.assert_array_equal(items_table.in_stock, [True, False])
    np.testing.assert_array_equal(items_table.created_at, [NO_TIME, NOON_S])


def test_interactions_of_all_kinds_are_ordered_by_user_time_and_position() -> None:
    x = build_snapshot(shop(), NOW).interactions
    np.testing.assert_array_equal(x.user_idx, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(x.item_idx, [0, 1, 0, 0, 1])
    np.testing.assert_array_equal(x.type_code, [VIEW, VIEW, RATE, VIEW, VIEW])
    np.testing.assert_array_equal(x.value, np.array([1, 1, 4.5, 1, 1], np.float32))
    np.testing.assert_array_equal(x.time, [NO_TIME, NO_TIME, NO_TIME, NOON_S - 86_400, NOON_S])
    assert x.type_code.dtype == np.int8
    assert x.user_idx.dtype == np.int32


def test_every_relation_of_the_schema_has_its_edges() -> None:
    relations = build_snapshot(shop(), NOW).relations
    assert set(relations) == {*ShopSchema().relations, FOLLOWS, SEARCHED}
    np.testing.assert_array_equal(relations[MADE_BY].src, [0, 1])
    np.testing.assert_array_equal(relations[MADE_BY].dst, [0, 0])
    np.testing.assert_array_equal(relations[MADE_BY].weight, np.array([1, 0.5], np.float32))
    np.testing.assert_array_equal(relations[FOLLOWS].time, [NOON_S])
    np.testing.assert_array_equal(relations[SEARCHED].src, [0])


def test_an_empty_shop_is_a_snapshot_too() -> None:
    store = SqliteStore(None)
    store.prepare(ShopSchema())
    snapshot = build_snapshot(store, NOW)
    assert (snapshot.n_users, snapshot.n_items, len(snapshot.interactions)) == (0, 0, 0)


def test_the_checksum_knows_the_facts_and_nothing_else() -> None:
    store = shop()
    before = build_snapshot(store, NOW).checksum
    store.prepare(ShopSchema())
    store.write_nodes(nodes("Item", id=["i1"], colour=["green"]))
    assert build_snapshot(store, NOW + timedelta(days=1)).checksum == before
    store.write_nodes(nodes("Item", id=["i1"], price=[2.0]))
    priced = build_snapshot(store, NOW).checksum
    assert priced != before
    store.write_events(events(("e7", "view_item", "u1", "i1")))
    assert build_snapshot(store, NOW).checksum not in (before, priced)


def test_the_checksum_does_not_depend_on_the_order_of_writing() -> None:
    backwards = SqliteStore(None)
    backwards.prepare(ShopSchema((), (FOLLOWS,)))
    source = shop()
    for label in ("User", "Item", "Query", "Brand"):
        for batch in source.read_nodes(label):
            backwards.write_nodes(type(batch)(label, batch.frame.reverse()))
    for edge_type in (MADE_BY, FOLLOWS):
        for found in source.read_edges(edge_type):
            backwards.write_edges(EdgeBatch(edge_type, found.frame.reverse()))
    for relation in ("RATED", "VIEWED"):
        for found in source.read_edges(EdgeType("User", relation, "Item")):
            backwards.write_events(EventBatch(found.frame.reverse()))
    for found in source.read_edges(SEARCHED):
        backwards.write_events(EventBatch(found.frame))
    assert build_snapshot(backwards, NOW).checksum == build_snapshot(source, NOW).checksum


def test_a_saved_snapshot_comes_back_equal(tmp_path: Path) -> None:
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    snapshot = replace(build_snapshot(shop(), NOW), text_vectors=vectors)
    save_snapshot(snapshot, tmp_path / "snapshot")
    assert_equal(load_snapshot(tmp_path / "snapshot"), snapshot)


def test_a_snapshot_without_text_vectors_comes_back_without(tmp_path: Path) -> None:
    snapshot = planted_snapshot()
    save_snapshot(snapshot, tmp_path)
    assert_equal(load_snapshot(tmp_path), snapshot)


@pytest.mark.parametrize(
    "name", ["snapshot.json", "arrays.safetensors", "items.parquet", "nodes/User.parquet"]
)
def test_a_missing_or_cut_file_is_damage(name: str, tmp_path: Path) -> None:
    save_snapshot(planted_snapshot(), tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtefactDamaged, match="not a whole snapshot"):
        load_snapshot(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ArtefactDamaged, match="not a whole snapshot"):
        load_snapshot(tmp_path)


def assert_equal(ours: GraphSnapshot, theirs: GraphSnapshot) -> None:
    assert (ours.checksum, ours.now, ours.event_types) == (theirs.checksum, theirs.now, theirs.event_types)
    assert {label: (t.ids, t.names) for label, t in ours.nodes.items()} == {
        label: (t.ids, t.names) for label, t in theirs.nodes.items()
    }
    pairs: list[tuple[object, object]] = [
        (ours.items, theirs.items),
        (ours.interactions, theirs.interactions),
        *((ours.relations[edge_type], edges_) for edge_type, edges_ in theirs.relations.items()),
    ]
    for left, right in pairs:
        for name, value in vars(right).items():
            np.testing.assert_array_equal(getattr(left, name), value)
            if isinstance(value, np.ndarray):
                assert getattr(left, name).dtype == value.dtype
    np.testing.assert_array_equal(ours.text_vectors, theirs.text_vectors)


class _LateWriter(SqliteStore):
    """A store where somebody adds an item and its view between reading nodes and reading edges."""

    def read_edges(
        self, edge_type: EdgeType, src_ids: Sequence[str] | None = None
    ) -> Iterator[EdgeBatch | EventBatch]:
        self.write_nodes(items("i0"))
        self.write_events(events(("late", "view_item", "u1", "i0")))
        return super().read_edges(edge_type, src_ids)


def test_an_edge_to_a_node_that_came_too_late_is_left_out() -> None:
    store = shop(_LateWriter(None))
    snapshot = build_snapshot(store, NOW)
    assert snapshot.nodes["Item"].ids == ("i1", "i2")
    assert len(snapshot.interactions) == 5
    assert build_snapshot(store, NOW).n_items == 3
