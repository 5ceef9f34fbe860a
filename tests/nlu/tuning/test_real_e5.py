"""The real multilingual-e5-small, trained for a few steps."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from nlu.encoder import EncoderConfig, open_encoder
from nlu.tuning.config import TuningConfig
from nlu.tuning.pairs import TextPairs
from nlu.tuning.tune import tune_encoder

COLOURS = ("red", "blue", "green", "white", "black", "yellow", "purple", "orange")
THINGS = ("teapot", "tent", "lipstick", "keyboard", "wallet", "sandals")


@pytest.mark.slow
def test_it_learns_a_word_that_only_this_shop_uses(e5_weights: Path, tmp_path: Path) -> None:
    """To the shop's people a "zorbix" is a tent: searches say so, no text does."""
    texts = tuple(" ".join(words) for words in itertools.product(COLOURS, THINGS))
    words = tuple(f"{colour} zorbix" for colour in COLOURS)
    tents = np.array([texts.index(f"{colour} tent") for colour in COLOURS], np.int32)
    asked = np.arange(len(COLOURS), dtype=np.int32)
    pairs = TextPairs("search", "query", words, np.tile(asked, 8), np.tile(tents, 8))
    config = TuningConfig(steps=30, batch_pairs=16, evaluate_every=10, max_tokens=16, masked_steps=2)
    encoder = EncoderConfig(max_tokens=16)
    tuned = tune_encoder(encoder, config, texts, [pairs], tmp_path, np.random.default_rng(0))

    def mean_place(chosen: EncoderConfig) -> float:
        opened = open_encoder(chosen)
        scores = opened.encode(words, "query") @ opened.encode(texts, "passage").T
        own = np.take_along_axis(scores, tents[:, None], 1)
        return float((scores > own).sum(axis=1).mean())

    before = mean_place(encoder)
    after = mean_place(encoder.model_copy(update={"encoder": str(tuned.encoder)}))
    assert after < min(before, 1.5)
