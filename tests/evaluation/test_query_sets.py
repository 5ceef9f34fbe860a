"""The form of the held-out sets: names exist in the catalogues, ids are unique, nothing is missing."""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Set
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from evaluation.labelled_queries import LabelledQuery, fold_attribute, fold_name, read_labelled
from graph.readers import open_source
from graph.readers.rejects import RejectLog
from graph.schema import BRAND, CATEGORY
from graph.store import NodeBatch
from shopgraph.demoshop.write import make_shop

FOLDER = Path(__file__).parents[1] / "queries"
SINGLE = tuple(f"{shop}.{language}.jsonl" for shop in ("beauty", "demo") for language in ("en", "zh"))
AUDIENCES = {None, "baby", "kids", "teens", "seniors", "women", "men"}

Names = dict[str, frozenset[str]]


@pytest.fixture(scope="module")
def queries() -> tuple[LabelledQuery, ...]:
    return tuple(query for name in SINGLE for query in read_labelled(FOLDER / name))


@pytest.fixture(scope="module")
def turns() -> tuple[LabelledQuery, ...]:
    return read_labelled(FOLDER / "dialogues.jsonl")


@pytest.fixture(scope="module")
def everything(
    queries: tuple[LabelledQuery, ...], turns: tuple[LabelledQuery, ...]
) -> tuple[LabelledQuery, ...]:
    return queries + turns


def test_there_are_enough_queries_of_each_kind(queries: tuple[LabelledQuery, ...]) -> None:
    languages = Counter(query.language for query in queries)
    assert languages["en"] >= 320
    assert languages["zh"] >= 210
    beauty = sum(query.shop == "beauty" for query in queries) / len(queries)
    assert 0.55 <= beauty <= 0.65
    intents = Counter((query.language, query.parsed.intent) for query in queries)
    assert len(intents) == 12
    assert min(intents.values()) >= 8


def test_there_are_enough_dialogues_and_none_lacks_a_turn(turns: tuple[LabelledQuery, ...]) -> None:
    dialogues: dict[str | None, list[LabelledQuery]] = {}
    for turn in turns:
        dialogues.setdefault(turn.dialogue, []).append(turn)
    assert None not in dialogues
    for of_one in dialogues.values():
        assert [turn.turn for turn in of_one] == list(range(1, len(of_one) + 1))
        assert 3 <= len(of_one) <= 6
        assert len({(turn.shop, turn.language) for turn in of_one}) == 1
    firsts = Counter((of_one[0].shop, of_one[0].language) for of_one in dialogues.values())
    assert firsts["beauty", "en"] + firsts["demo", "en"] >= 20
    assert firsts["beauty", "zh"] + firsts["demo", "zh"] >= 10
    assert abs(firsts["beauty", "en"] - firsts["demo", "en"]) <= 2


def test_no_id_and_no_query_stands_twice(
    queries: tuple[LabelledQuery, ...], everything: tuple[LabelledQuery, ...]
) -> None:
    assert len({query.id for query in everything}) == len(everything)
    assert len({(query.shop, query.text.casefold()) for query in queries}) == len(queries)


def test_labels_are_in_the_fields_words(everything: tuple[LabelledQuery, ...]) -> None:
    for query in everything:
        label = query.parsed
        assert label.audience in AUDIENCES, query.id
        attributes = (*label.attribute, *label.exclude.attribute, *query.optional.attribute)
        assert all(word.isascii() and word == word.lower().strip() for word in attributes), query.id
        if label.price_min is not None and label.price_max is not None:
            assert 0 <= label.price_min <= label.price_max, query.id


def test_nothing_is_wanted_and_ruled_out_at_once(everything: tuple[LabelledQuery, ...]) -> None:
    for query in everything:
        label = query.parsed
        for wanted, out, optional in (
            (label.brand, label.exclude.brand, query.optional.brand),
            (label.category, label.exclude.category, query.optional.category),
        ):
            assert not set(wanted) & set(out), query.id
            assert not set(optional) & ({*wanted} | {*out}), query.id
        wanted_attributes = set(map(fold_attribute, label.attribute))
        assert not wanted_attributes & set(map(fold_attribute, label.exclude.attribute)), query.id
        assert len(wanted_attributes) == len(label.attribute), query.id


def test_service_and_chitchat_leave_slots_empty(queries: tuple[LabelledQuery, ...]) -> None:
    for query in queries:
        label = query.parsed
        if label.intent in ("service", "chitchat"):
            said = label.model_dump(exclude={"intent", "exclude"}) | label.exclude.model_dump()
            assert not any(said.values()), query.id


def test_names_are_the_demo_shops(everything: tuple[LabelledQuery, ...], tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    make_shop(shop, rng=np.random.default_rng(7), now=now, n_items=400, n_users=200)
    with (shop / "categories.csv").open(encoding="utf-8") as rows:
        categories = frozenset(row["name"] for row in csv.DictReader(rows))
    lines = (shop / "brands.jsonl").read_text("utf-8").splitlines()
    brands = frozenset(json.loads(line)["name"] for line in lines)
    unknown = unknown_names((query for query in everything if query.shop == "demo"), categories, brands)
    assert not unknown


@pytest.mark.skipif("SHOPGRAPH_DATA" not in os.environ, reason="SHOPGRAPH_DATA does not name the public data")
def test_names_are_beautys(everything: tuple[LabelledQuery, ...]) -> None:
    source = open_source(Path(os.environ["SHOPGRAPH_DATA"]) / "beauty", "pgpr")
    names: dict[str, set[str]] = {BRAND: set(), CATEGORY: set()}
    for batch in source.batches(RejectLog()):
        if isinstance(batch, NodeBatch) and batch.label in names:
            names[batch.label].update(map(fold_name, batch.frame["name"]))
    queries = (query for query in everything if query.shop == "beauty")
    assert not unknown_names(queries, names[CATEGORY], names[BRAND], fold=True)


def unknown_names(
    queries: Iterable[LabelledQuery], categories: Set[str], brands: Set[str], fold: bool = False
) -> set[str]:
    """Labels that the catalogue lacks."""
    found: set[str] = set()
    for query in queries:
        label, may = query.parsed, query.optional
        for names, known in (
            ((*label.category, *label.exclude.category, *may.category), categories),
            ((*label.brand, *label.exclude.brand, *may.brand), brands),
        ):
            found.update(name for name in names if (fold_name(name) if fold else name) not in known)
    return found
