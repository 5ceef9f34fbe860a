"""The real text encoder, taught for a minute."""

from pathlib import Path

import numpy as np
import pytest

from nlu.encoder import EncoderConfig
from nlu.tagger.config import TaggerConfig
from nlu.tagger.shop_words import ShopWords
from nlu.tagger.tagger import Tagger
from nlu.tagger.training import train_tagger
from shopgraph.types import TextEncoder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tagger(words: ShopWords, e5_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    folder = tmp_path_factory.mktemp("real-tagger")
    config = TaggerConfig(queries=3_000, validation_queries=300, epochs=4)
    report = train_tagger(EncoderConfig(), config, words, folder, np.random.default_rng(0))
    assert max(report.span_f1) > 0.5
    return Tagger(folder)


@pytest.mark.parametrize(
    ("text", "intent", "span"),
    [
        ("gentle shampoo under $20", "find_items", ("under $20", "price", False)),
        ("想买保湿的面霜，100元以内", "find_items", ("面霜", "category", False)),
        ("Aurelise vs Kibashi teapot", "compare", ("teapot", "category", False)),
        ("tent for my wife", "find_items", ("wife", "audience", False)),
        ("有没有奥蕾丽面霜的平替", "find_similar", ("面霜", "category", False)),
    ],
)
def test_plain_queries_are_understood(
    text: str, intent: str, span: tuple[str, str, bool], tagger: Tagger
) -> None:
    tagged = tagger.tag([text])[0]
    assert tagged.intent == intent
    assert span in {(text[each.start : each.end], each.label, each.excluded) for each in tagged.spans}


@pytest.mark.parametrize("text", ["where is my order", "我要退货"])
def test_service_is_no_search(text: str, tagger: Tagger) -> None:
    tagged = tagger.tag([text])[0]
    assert (tagged.intent, tagged.spans) == ("service", ())


def test_the_vector_is_the_text_encoder_s_own(tagger: Tagger, e5_int8: TextEncoder) -> None:
    text = "保湿面霜 for dry skin"
    np.testing.assert_array_equal(tagger.tag([text])[0].vector, e5_int8.encode([text], "query")[0])
    assert tagger.name == e5_int8.name


def test_any_text_gets_an_answer(tagger: Tagger) -> None:
    found = tagger.tag(["", "😀😀", "a" * 10_000, "字" * 10_000, "²½ ﷺ"])
    assert len(found) == 5
    assert all(np.isfinite(each.vector).all() for each in found)
