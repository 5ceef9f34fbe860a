"""The parser on queries written while its rules were: floors, so that a change that breaks many is seen."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from evaluation.labelled_queries import FlatExclude, FlatQuery, LabelledQuery, Optionals, flat_query
from evaluation.parsing import parsing_scores
from graph.ingest import ingest
from graph.readers import open_source
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from nlu.parser import QueryParser
from nlu.shop import shop_names
from shopgraph.demoshop.write import make_shop

QUERIES = Path(__file__).parent / "data" / "development.tsv"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = {"c": "category", "b": "brand", "a": "attribute"}
SINGLE = {"w": "audience", "s": "sort", "i": "intent"}


def parser_of(folder: Path, source_format: str) -> QueryParser:
    with SqliteStore(None) as store:
        ingest(open_source(folder, source_format), store)
        return QueryParser(shop_names(build_snapshot(store, NOW)))


def labelled(number: int, shop: str, text: str, label: str) -> LabelledQuery:
    """A line of the file as a labelled query; behind a bar stand names that may also be found."""
    said: dict[str, object] = {}
    wanted: dict[str, tuple[str, ...]] = {}
    out: dict[str, tuple[str, ...]] = {}
    optional: tuple[str, ...] = ()
    for part in filter(None, label.split(";")):
        if part[0] in "<>":
            said["price_max" if part[0] == "<" else "price_min"] = float(part[1:])
            continue
        key, value = part.split("=", 1)
        if key in SINGLE:
            said[SINGLE[key]] = value
            continue
        names, *may = value.split("|")
        optional += tuple(name for some in may for name in some.split(","))
        one_name = FIELDS[key[-1]] == "category" and ", " in names  # commas of a list have no space behind
        found = (names,) if one_name else tuple(filter(None, names.split(",")))
        (out if key[0] == "-" else wanted)[FIELDS[key[-1]]] = found
    parsed = FlatQuery.model_validate({**said, **wanted, "exclude": FlatExclude.model_validate(out)})
    language = "en" if text.isascii() else "zh"
    return LabelledQuery(
        id=str(number),
        shop=shop,
        language=language,
        text=text,
        parsed=parsed,
        optional=Optionals(attribute=optional),
    )


def queries_of(shop: str) -> list[LabelledQuery]:
    lines = [line.split("\t") for line in QUERIES.read_text("utf-8").splitlines() if line[:1] != "#"]
    return [
        labelled(number, cells[0], cells[1], cells[2] if len(cells) > 2 else "")
        for number, cells in enumerate(lines)
        if cells[0] == shop
    ]


def check(parser: QueryParser, shop: str) -> None:
    queries = queries_of(shop)
    answers: Mapping[str, FlatQuery] = {query.id: flat_query(parser.parse(query.text)) for query in queries}
    scores = parsing_scores(queries, answers)
    assert len(queries) > 40
    assert min(scores.intent, scores.price, scores.exclude) >= 0.95
    assert min(scores.category, scores.brand, scores.frame) >= 0.93
    assert scores.attribute >= 0.9


def test_the_demo_shop(tmp_path: Path) -> None:
    make_shop(tmp_path / "shop", rng=np.random.default_rng(7), now=NOW)
    check(parser_of(tmp_path / "shop", "shop"), "demo")


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.skipif("SHOPGRAPH_DATA" not in os.environ, reason="SHOPGRAPH_DATA does not name the public data")
def test_amazon_beauty() -> None:
    check(parser_of(Path(os.environ["SHOPGRAPH_DATA"]) / "beauty", "pgpr"), "beauty")
