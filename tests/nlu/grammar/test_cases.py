"""Queries that the grammar and the linker must read as labelled, one by one: what is ruled out, attributes.

A fourth cell of a line says why the label is not reached; the line then fails as soon as it is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evaluation.labelled_queries import flat_query
from evaluation.parsing import differences
from tests.nlu.development import labelled

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

CASES = Path(__file__).parent / "cases"
FIXTURES = {"beauty": "in_amazon_beauty", "demo": "in_the_demo_shop"}


def cases() -> Iterator["ParameterSet"]:
    for path in sorted(CASES.glob("*.tsv")):
        for line in path.read_text("utf-8").splitlines()[1:]:
            shop, text, label, *why_not = line.split("\t")
            marks = [pytest.mark.real_data] if shop == "beauty" else []
            marks += [pytest.mark.xfail(strict=True, reason=why) for why in why_not]
            yield pytest.param(shop, text, label, marks=marks, id=f"{shop}: {text}")


@pytest.mark.parametrize(("shop", "text", "label"), list(cases()))
def test_reads_as_labelled(shop: str, text: str, label: str, request: pytest.FixtureRequest) -> None:
    parser = request.getfixturevalue(FIXTURES[shop])
    answer = flat_query(parser.parse(text))
    assert differences(labelled(0, shop, text, label), answer) == (), answer
