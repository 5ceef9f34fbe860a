from pathlib import Path

import pytest

from graph.readers import open_source
from shopgraph.errors import BadSource
from tests.graph.shop_folders import EVENTS, ITEMS, write_shop


def told(folder: Path, mapping: Path | None = None) -> str:
    with pytest.raises(BadSource) as raised:
        open_source(folder, "shop", mapping)
    return str(raised.value)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_an_unknown_column_names_file_column_known_ones_and_the_mapping(tmp_path: Path, suffix: str) -> None:
    message = told(write_shop(tmp_path, suffix, events=[EVENTS[0] | {"user": "u1"}]))
    assert message.startswith(
        f"events{suffix}: unknown column 'user' (did you mean 'user_id'?); known: event_id"
    )
    assert 'in mapping.toml: [events.columns] "user" = "ours"' in message


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_missing_column_is_named(tmp_path: Path, suffix: str) -> None:
    message = told(write_shop(tmp_path, suffix, items=[{"sku": "i1", "title": "Boots"}]))
    assert message.startswith(f"items{suffix}: the column 'item_id' is missing; found: sku, title.")
    assert '[items.columns] other_name = "item_id"' in message


def test_names_match_whatever_their_case(tmp_path: Path) -> None:
    open_source(write_shop(tmp_path, items=[{"Item ID": "i1", "Title": "Boots"}]), "shop")


def test_two_columns_of_one_meaning_are_refused(tmp_path: Path) -> None:
    message = told(write_shop(tmp_path, items=[ITEMS[0] | {"Price": 1}]))
    assert "two columns mean 'price'" in message


@pytest.mark.parametrize("column", ["id", "line"])
def test_a_property_can_not_take_a_reserved_name(tmp_path: Path, column: str) -> None:
    assert f"the column '{column}' can't be a property" in told(
        write_shop(tmp_path, items=[ITEMS[0] | {column: "x"}])
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[itms.columns]", "unknown table 'itms' (did you mean 'items'?)"),
        ("[items.columns", "not a readable TOML file"),
        ("[items.colums]", "[items] may hold columns only"),
        ("[items.columns]\nsku = 1", "[items.columns] must hold lines such as"),
        ('[items.columns]\ntitel = "title"', "no column 'titel', which"),
        ('[events.names]\nbuy = "purchas"', "unknown event 'purchas' (did you mean 'purchase'?)"),
    ],
)
def test_a_mistake_in_the_mapping_is_named(tmp_path: Path, text: str, reason: str) -> None:
    write_shop(tmp_path)
    mapping = tmp_path / "names.toml"
    mapping.write_text(text)
    assert reason in told(tmp_path, mapping)


def test_a_missing_mapping_is_named(tmp_path: Path) -> None:
    assert "no.toml: not a readable TOML file" in told(write_shop(tmp_path), tmp_path / "no.toml")
