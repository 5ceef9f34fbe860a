"""A shop of a few names, and a tiny random encoder that knows the words of its queries."""

import re
from pathlib import Path

import numpy as np
import pytest

from nlu.encoder import EncoderConfig
from nlu.tagger.config import TaggerConfig
from nlu.tagger.queries import QueryMaker
from nlu.tagger.shop_words import Called, ShopWords
from tests.word_model import write_word_model


@pytest.fixture(scope="session")
def words() -> ShopWords:
    """Three categories, three brands, two attributes and two product lines."""
    return ShopWords(
        categories=(
            Called(("face cream", "face creams"), ("面霜",)),
            Called(("teapot",), ("茶壶",)),
            Called(("tent",), ("帐篷",)),
        ),
        brands=(
            Called(("Aurelise",), ("奥蕾丽",), 3.0),
            Called(("Oat & Ember",)),
            Called(("Kibashi",), ("木桥",)),
        ),
        attributes=(Called(("porcelain",), ("细瓷",)), Called(("sky blue",), ("天蓝色",))),
        lines=(Called(("Summit",), ("峰顶",)), Called(("Harbour Light",))),
    )


@pytest.fixture(scope="session")
def encoder(words: ShopWords, tmp_path_factory: pytest.TempPathFactory) -> EncoderConfig:
    """3 layers of 32 dimensions; a word is a token."""
    rng = np.random.default_rng(0)
    drawn = QueryMaker(words, "train", noise=False).draw_many(3_000, rng)
    drawn += QueryMaker(words, "validation", noise=False).draw_many(1_000, rng)
    known = {word for query in drawn for word in re.findall(r"\w+|[^\w\s]", query.text)}
    model = write_word_model(tmp_path_factory.mktemp("models") / "tiny-tagger-bert", sorted(known))
    return EncoderConfig(
        encoder=str(model), cache_dir=tmp_path_factory.mktemp("cache"), max_tokens=48, device="cpu"
    )


@pytest.fixture(scope="session")
def short() -> TaggerConfig:
    """Seconds of training for the tiny encoder."""
    return TaggerConfig(
        layers=(1, 3), queries=300, validation_queries=60, epochs=2, batch_size=32, width=32, blocks=1
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    made = tmp_path / "tagger"
    made.mkdir()
    return made
