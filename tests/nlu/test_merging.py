from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nlu.parser import QueryParser
from shopgraph.types import FloatVector, Intent, ParsedQuery
from tests.nlu.grammar.shops import SHOP


@dataclass(frozen=True)
class Span:
    start: int
    end: int
    label: str
    confidence: float
    excluded: bool = False


@dataclass(frozen=True, eq=False)
class Said:
    spans: tuple[Span, ...]
    intent: Intent = "find_items"
    sure: float = 0.99
    vector: FloatVector = field(default_factory=lambda: np.ones(1, np.float32))

    @property
    def intent_probs(self) -> dict[Intent, float]:
        return {self.intent: self.sure}


@dataclass(frozen=True)
class Tells:
    """A tagger that says one thing of every text."""

    said: Said

    def tag(self, texts: Sequence[str]) -> list[Said]:
        return [self.said] * len(texts)


def read(text: str, span: str, label: str, confidence: float, excluded: bool = False) -> ParsedQuery:
    start = text.index(span)
    said = Said((Span(start, start + len(span), label, confidence, excluded),))
    return QueryParser(SHOP, Tells(said)).parse(text)


def test_a_property_that_no_list_holds_is_added_where_the_tagger_is_nearly_certain() -> None:
    assert [slot.name for slot in read("squishy lipstick", "squishy", "attribute", 0.99).attribute] == [
        "squishy"
    ]
    assert read("squishy lipstick", "squishy", "attribute", 0.8).attribute == ()


def test_plain_words_are_no_properties() -> None:
    assert read("lipstick that lasts longer", "longer", "attribute", 0.99).attribute == ()


def test_a_name_is_added_only_where_a_node_is_nearly_called_so() -> None:
    assert [slot.name for slot in read("by lancomee", "lancomee", "brand", 0.9).brand] == ["Lancôme"]
    missing = read("eyeglue lipstick", "eyeglue", "category", 0.9)
    assert [slot.name for slot in missing.category] == ["Lipstick"]
    assert [each.text for each in missing.missing] == ["eyeglue"]


def test_a_witness_makes_surer() -> None:
    alone = QueryParser(SHOP).parse("lipstick").category[0].confidence
    assert read("lipstick", "lipstick", "category", 0.9).category[0].confidence > alone


def test_the_tagger_decides_the_intent_only_where_it_is_sure() -> None:
    sure, unsure = (Said((), "compare", share) for share in (0.9, 0.5))
    assert QueryParser(SHOP, Tells(sure)).parse("lipstick").intent == "compare"
    assert QueryParser(SHOP, Tells(unsure)).parse("lipstick").intent == "find_items"
