from pathlib import Path

import pytest
from pydantic import ValidationError

from evaluation.labelled_queries import (
    FlatExclude,
    FlatQuery,
    LabelledQuery,
    flat_query,
    fold_attribute,
    fold_name,
    read_labelled,
)
from shopgraph.types import Excluded, ParsedQuery, Slot


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SPF50", "spf 50"),
        ("30ml", "30 millilitres"),
        ("2-in-1", "2 in 1"),
        ("wrinkles", "wrinkle"),
        ("size 42", "42"),
        ("gray", "grey"),
        ("berries", "berry"),
    ],
)
def test_spellings_of_one_attribute_fold_alike(one: str, other: str) -> None:
    assert fold_attribute(one) == fold_attribute(other)


def test_attributes_of_different_sense_stay_apart() -> None:
    folded = {
        fold_attribute(word)
        for word in ("spf 50", "spf 30", "50 ml", "dry hair", "dry", "gloss", "30%", "30")
    }
    assert len(folded) == 8


def test_names_fold_entities_case_and_points() -> None:
    assert fold_name("L&#39;Oreal Paris") == fold_name("l'oreal paris")
    assert fold_name("M.A.C") == fold_name("MAC")
    assert fold_name("Women's") != fold_name("Women")


def test_a_parsed_query_becomes_names_each_once() -> None:
    opi = Slot("opi", "Brand", "OPI", "OPI", 1.0)
    dark = Slot("dark red", "Attribute", "", "dark red", 0.8)
    parsed = ParsedQuery(
        "…", "en", brand=(opi, opi), attribute=(dark,), exclude=Excluded(brand=(opi,)), price_max=9
    )
    expected = FlatQuery(
        brand=("OPI",), attribute=("dark red",), exclude=FlatExclude(brand=("OPI",)), price_max=9
    )
    assert flat_query(parsed) == expected


def test_a_line_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    good = LabelledQuery(id="a", shop="demo", language="en", text="…", parsed=FlatQuery(category=("Mugs",)))
    path.write_text(good.model_dump_json() + "\n", "utf-8")
    assert read_labelled(path) == (good,)
    path.write_text(good.model_dump_json().replace('"category"', '"categories"') + "\n", "utf-8")
    with pytest.raises(ValidationError):
        read_labelled(path)
