from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from graph.readers import Batch, ReadEvents, RejectLog, open_source
from graph.readers.base import ReadEdges
from graph.store import EDGE_SCHEMA, EVENT_SCHEMA, EdgeBatch, NodeBatch
from shopgraph.errors import BadSettings, BadSource
from shopgraph.types import EdgeType
from tests.graph.shop_folders import EVENTS, ITEMS, Record, Records, write_shop, write_table


@dataclass
class Seen:
    nodes: dict[tuple[str, str], dict[str, object]] = field(default_factory=dict)
    edges: dict[tuple[str, str, str], tuple[object, object]] = field(default_factory=dict)
    events: list[dict[str, object]] = field(default_factory=list)


def seen(batches: Iterable[Batch]) -> Seen:
    """Everything that batches say, nulls left out; checks schemas and that nodes precede edges and events."""
    found = Seen()
    for batch in batches:
        match batch:
            case NodeBatch():
                for row in batch.frame.iter_rows(named=True):
                    said = {k: v for k, v in row.items() if v is not None and k != "id"}
                    found.nodes[batch.label, row["id"]] = said
            case EdgeBatch():
                assert dict(batch.frame.schema) == EDGE_SCHEMA
                for row in batch.frame.iter_rows(named=True):
                    assert (batch.edge_type.src, row["src_id"]) in found.nodes
                    assert (batch.edge_type.dst, row["dst_id"]) in found.nodes
                    key = batch.edge_type.relation, row["src_id"], row["dst_id"]
                    found.edges[key] = row["weight"], row["time"]
            case ReadEvents():
                assert dict(batch.frame.schema) == EVENT_SCHEMA
                assert len(batch.origin.lines) == len(batch.frame)
                found.events.extend(batch.frame.iter_rows(named=True))
    return found


def read(folder: Path, mapping: Path | None = None) -> tuple[Seen, RejectLog]:
    rejects = RejectLog()
    return seen(open_source(folder, "shop", mapping).batches(rejects)), rejects


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_items_give_brands_categories_attributes_and_tags(tmp_path: Path, suffix: str) -> None:
    found, rejects = read(write_shop(tmp_path, suffix))
    assert not len(rejects)
    assert found.nodes["Item", "i1"] == {
        "title": "Red boots",
        "title_zh": "红靴",
        "price": 49.5,
        "in_stock": True,
        "created_at": datetime(2025, 3, 1, tzinfo=UTC),
        "tags": ["new"],
        "star_sign": "leo",
    }
    names = {key: said.get("name") for key, said in found.nodes.items() if key[0] not in ("Item", "User")}
    assert names == {
        ("Brand", "Acme"): "Acme",
        ("Brand", "Bolt"): "Bolt",
        ("Category", "Shoes"): "Shoes",
        ("Category", "Shoes > Boots"): "Boots",
        ("Category", "Hats"): "Hats",
        ("Attribute", "colour:red"): "red",
        ("Attribute", "material:leather"): "leather",
        ("Attribute", "tag:new"): "new",
    }
    assert set(found.edges) == {
        ("MADE_BY", "i1", "Acme"),
        ("MADE_BY", "i2", "Acme"),
        ("MADE_BY", "i3", "Bolt"),
        ("IN_CATEGORY", "i1", "Shoes > Boots"),
        ("IN_CATEGORY", "i2", "Shoes > Boots"),
        ("IN_CATEGORY", "i3", "Hats"),
        ("CHILD_OF", "Shoes > Boots", "Shoes"),
        ("HAS_ATTRIBUTE", "i1", "colour:red"),
        ("HAS_ATTRIBUTE", "i1", "material:leather"),
        ("HAS_ATTRIBUTE", "i1", "tag:new"),
        ("ALSO_BOUGHT", "i1", "i2"),
    }
    assert found.edges["ALSO_BOUGHT", "i1", "i2"] == (3.0, None)
    assert found.edges["MADE_BY", "i1", "Acme"] == (1.0, None)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_events_keep_what_the_source_says(tmp_path: Path, suffix: str) -> None:
    found, rejects = read(write_shop(tmp_path, suffix))
    assert not len(rejects)
    bought, rated, searched, *viewed = found.events
    assert (bought["event_id"], bought["name"], bought["value"]) == ("e1", "purchase", 2.0)
    assert rated["time"] == datetime(2025, 5, 2, 8, tzinfo=UTC)
    assert (searched["item_id"], searched["query"]) == (None, "warm hat")
    assert [event["position"] for event in found.events] == [None, None, 2, 3, 4]
    assert len({event["event_id"] for event in viewed}) == 2, "a true repeat is kept"


def test_the_three_formats_give_the_same_event_ids(tmp_path: Path) -> None:
    ids = [
        [event["event_id"] for event in read(write_shop(tmp_path / suffix, suffix))[0].events]
        for suffix in (".jsonl", ".csv", ".parquet")
    ]
    assert ids[0] == ids[1] == ids[2]


def test_part_files_are_read_in_name_order_and_repeats_are_counted_across_them(tmp_path: Path) -> None:
    write_shop(tmp_path, events=())
    for n in range(3):
        write_table(tmp_path / "events" / f"part-{n}.parquet", EVENTS[3:4])
    found, _ = read(tmp_path)
    assert len({event["event_id"] for event in found.events}) == 3
    assert [event["position"] for event in found.events] == [0, 1, 2]


def test_lists_and_attribute_columns(tmp_path: Path) -> None:
    item = {
        "item_id": "i1",
        "title": "Boots",
        "category": ["Shoes", "Boots"],
        "attributes": ["colour: red "],
        "attribute_size": 42,
        "attribute_season": ["winter", "autumn"],
    }
    found, rejects = read(write_shop(tmp_path, items=(item,), events=(), relations=()))
    assert not len(rejects)
    targets = {dst for relation, _, dst in found.edges if relation == "HAS_ATTRIBUTE"}
    assert targets == {"colour:red", "size:42", "season:winter", "season:autumn"}
    assert ("IN_CATEGORY", "i1", "Shoes > Boots") in found.edges


def test_a_table_of_categories_names_them_and_their_parents(tmp_path: Path) -> None:
    item: Record = {"item_id": "i1", "title": "Boots", "category": "c2", "brand": "b1"}
    write_shop(tmp_path, items=(item,), events=(), relations=())
    write_table(
        tmp_path / "categories.jsonl",
        [
            {"category_id": "c1", "name": "Shoes", "name_zh": "鞋"},
            {"category_id": "c2", "name": "Boots", "parent_id": "c1"},
        ],
    )
    write_table(tmp_path / "brands.jsonl", [{"brand_id": "b1", "name": "Acme", "country": "NO"}])
    found, rejects = read(tmp_path)
    assert not len(rejects)
    assert found.nodes["Category", "c1"] == {"name": "Shoes", "name_zh": "鞋"}
    assert found.nodes["Category", "c2"] == {"name": "Boots"}
    assert found.nodes["Brand", "b1"] == {"name": "Acme", "country": "NO"}
    assert {("CHILD_OF", "c2", "c1"), ("IN_CATEGORY", "i1", "c2")} <= set(found.edges)


def test_labels_and_relations_of_the_schema_file(tmp_path: Path) -> None:
    (tmp_path / "schema.toml").write_text(
        'labels = ["Place"]\n'
        '[[relations]]\nsource = "User"\nrelation = "FOLLOWS"\ntarget = "User"\n'
        '[[relations]]\nsource = "User"\nrelation = "LIVES_IN"\ntarget = "Place"\n'
    )
    relations: Records = (
        {"source": "u1", "relation": "FOLLOWS", "target": "u2", "time": 1_700_000_000},
        {"source": "u1", "relation": "LIVES_IN", "target": "oslo"},
        {"source": "u1", "relation": "HATES", "target": "u2"},
    )
    write_shop(tmp_path, relations=relations)
    write_table(tmp_path / "nodes" / "Place.jsonl", [{"id": "oslo", "name": "Oslo", "population": 709_000}])
    reader = open_source(tmp_path, "shop")
    assert EdgeType("User", "LIVES_IN", "Place") in reader.schema().relations
    rejects = RejectLog()
    found = seen(reader.batches(rejects))
    assert found.nodes["Place", "oslo"] == {"name": "Oslo", "population": 709_000}
    assert found.edges["FOLLOWS", "u1", "u2"] == (1.0, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC))
    assert ("LIVES_IN", "u1", "oslo") in found.edges
    (reason,) = rejects.counts
    assert reason.startswith("relation: not declared in schema.toml; known: MADE_BY")


def test_edges_of_a_table_of_relations_know_their_lines(tmp_path: Path) -> None:
    batches = open_source(write_shop(tmp_path, ".csv"), "shop").batches(RejectLog())
    (edges,) = [batch for batch in batches if isinstance(batch, ReadEdges)]
    assert (edges.origin.file, edges.origin.lines.to_list()) == ("relations.csv", [2])


def test_a_mapping_file_turns_foreign_names_into_ours(tmp_path: Path) -> None:
    items: Records = [{"sku": "i1", "Title": "Boots", "secret margin": 0.5}]
    events: Records = [{"action": "buy", "userId": "u1", "sku": "i1", "session": "x"}]
    write_shop(tmp_path, ".csv", items=items, events=events, relations=())
    (tmp_path / "mapping.toml").write_text(
        '[items.columns]\nsku = "item_id"\n"secret margin" = ""\n'
        '[events.columns]\naction = "event"\nsku = "item_id"\nsession = ""\n'
        '[events.names]\nbuy = "purchase"\n'
    )
    found, rejects = read(tmp_path)
    assert not len(rejects)
    assert found.nodes["Item", "i1"] == {"title": "Boots"}
    assert [(e["name"], e["user_id"], e["item_id"]) for e in found.events] == [("purchase", "u1", "i1")]


def test_progress_rises_to_the_whole(tmp_path: Path) -> None:
    reader = open_source(write_shop(tmp_path), "shop")
    done = [reader.bytes_read for _ in reader.batches(RejectLog())]
    assert done == sorted(done)
    assert reader.bytes_read == reader.total_bytes > 0
    assert reader.rows_read == 3 + 2 + 5 + 1


def test_a_large_file_comes_in_bounded_batches(tmp_path: Path) -> None:
    n_events = 150_000
    write_shop(tmp_path, events=())
    events = pl.DataFrame({"event": "view_item", "user_id": "u1", "item_id": "i1"}).select(
        pl.all().repeat_by(n_events).explode()
    )
    events.write_parquet(tmp_path / "events.parquet")
    sizes = [
        len(batch.frame)
        for batch in open_source(tmp_path, "shop").batches(RejectLog())
        if isinstance(batch, ReadEvents)
    ]
    assert sum(sizes) == n_events
    assert max(sizes) <= 65_536


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("evnts.csv", "unknown table 'evnts' (did you mean 'events'?)"),
        ("nodes/Palce.csv", "the label 'Palce' is not declared in schema.toml (did you mean 'Place'?)"),
    ],
)
def test_a_file_that_no_table_has_is_named(tmp_path: Path, file: str, told: str) -> None:
    write_shop(tmp_path)
    (tmp_path / "schema.toml").write_text('labels = ["Place"]\n')
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("a,b\n")
    with pytest.raises(BadSource) as told_by:
        open_source(tmp_path, "shop")
    assert told in str(told_by.value)


def test_relations_of_one_name_can_not_be_told_apart(tmp_path: Path) -> None:
    (tmp_path / "schema.toml").write_text(
        '[[relations]]\nsource = "User"\nrelation = "MADE_BY"\ntarget = "Brand"\n'
    )
    with pytest.raises(BadSource, match="two relations are called 'MADE_BY'"):
        read(write_shop(tmp_path))


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="unknown format 'xml'; known: shop, pgpr"):
        open_source(tmp_path, "xml")


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="nowhere: no such folder"):
        open_source(tmp_path / "nowhere", "shop")
    with pytest.raises(BadSource, match="no table found; known: users, brands"):
        open_source(tmp_path, "shop")


def test_the_source_can_be_read_again(tmp_path: Path) -> None:
    reader = open_source(write_shop(tmp_path), "shop")
    assert seen(reader.batches(RejectLog())) == seen(reader.batches(RejectLog()))


def test_ids_and_titles_of_any_script_pass_unchanged(tmp_path: Path) -> None:
    item_id, title = "a/b%20 שלום 🎁", '<b>"Bold"</b> & \u202eright to left'
    found, rejects = read(
        write_shop(
            tmp_path, items=(ITEMS[0] | {"item_id": item_id, "title": title},), events=(), relations=()
        )
    )
    assert not len(rejects)
    assert found.nodes["Item", item_id]["title"] == title
