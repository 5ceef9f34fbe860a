"""The parser on queries written while its rules were: floors, so that a change that breaks many is seen."""

from pathlib import Path

import pytest

from evaluation.labelled_queries import flat_query
from evaluation.parsing import parsing_scores
from nlu.parser import QueryParser
from tests.nlu.development import labelled, lines_of

DATA = Path(__file__).parent / "data"


def check(parser: QueryParser, shop: str) -> None:
    lines = [line for path in sorted(DATA.glob("*.tsv")) for line in lines_of(path)]
    queries = [labelled(n, shop, text, label) for n, (own, text, label) in enumerate(lines) if own == shop]
    scores = parsing_scores(queries, {query.id: flat_query(parser.parse(query.text)) for query in queries})
    assert len(queries) > 100
    assert min(scores.intent, scores.price, scores.category, scores.brand, scores.exclude) >= 0.95
    assert min(scores.attribute, scores.frame) >= 0.93


def test_the_demo_shop(in_the_demo_shop: QueryParser) -> None:
    check(in_the_demo_shop, "demo")


@pytest.mark.real_data
def test_amazon_beauty(in_amazon_beauty: QueryParser) -> None:
    check(in_amazon_beauty, "beauty")
