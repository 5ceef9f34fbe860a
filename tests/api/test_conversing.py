"""How often the text encoder runs for a turn, and what is below a price."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from api.conversing import Conversation, _next_price
from api.state import ServingState
from api.turns import Asked
from nlu.batching import Kind
from nlu.dialogue.session import Dialogue
from nlu.parser import QueryParser
from nlu.shop import shop_names
from nlu.tagger.tagger import Tagged
from ranking.clarify import ClarifyConfig
from shopgraph.types import FloatMatrix, GraphSnapshot, TextEncoder
from tests.planted import planted_snapshot

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class CountedTagger:
    """The serving encoder as a tagger that finds no spans; it counts the encoder's passes."""

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self.name, self.dim = encoder.name, encoder.dim
        self.n_passes = 0

    def encode(self, texts: Sequence[str], kind: Kind) -> FloatMatrix:
        self.n_passes += 1
        return self._encoder.encode(texts, kind)

    def tag(self, texts: Sequence[str]) -> list[Tagged]:
        vectors = self.encode(texts, "query")
        return [Tagged(vector, "find_items", {"find_items": 0.5}, ()) for vector in vectors]


@pytest.fixture(scope="module")
def names() -> GraphSnapshot:
    return planted_snapshot()


@pytest.mark.parametrize(("text", "n_passes"), [("C 1", 1), ("C 1 under $20", 2)])
def test_words_that_are_searched_as_they_were_said_are_encoded_once(
    serving: ServingState, names: GraphSnapshot, text: str, n_passes: int
) -> None:
    assert serving.encoder is not None
    tagger = CountedTagger(serving.encoder)
    parser = QueryParser(shop_names(names), tagger)
    tagger.n_passes = 0
    conversation = Conversation(replace(serving, encoder=tagger, parser=parser), ClarifyConfig())
    turn = conversation.turn(Dialogue("d"), Asked(NOW, text=text))
    assert turn.list is not None
    assert tagger.n_passes == n_passes


def test_below_a_price_is_below_it_as_the_catalogue_holds_it() -> None:
    held = np.array([77.9, 77.89, 77.91], np.float32)
    assert (held <= _next_price(77.9, -math.inf)).tolist() == [False, True, False]
    assert (held >= _next_price(77.9, math.inf)).tolist() == [False, False, True]
