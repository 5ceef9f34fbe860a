"""A tiny shop of words whose pairs say what the text alone can't: teapots go with cups, tents with boots."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from nlu.tuning.pairs import TextPairs
from tests.word_model import write_word_model

KINDS = (("teapot", "cup"), ("tent", "boots"))
COLOURS = ("red", "blue", "green", "grey", "white", "black")
SIZES = ("small", "large")


@pytest.fixture(scope="session")
def shop_texts() -> tuple[str, ...]:
    """Each kind of thing in each colour and size: 48 texts, those of one pair of kinds in a row."""
    kinds = itertools.chain.from_iterable(KINDS)
    return tuple(" ".join(words) for words in itertools.product(kinds, COLOURS, SIZES))


@pytest.fixture(scope="session")
def shop_pairs(shop_texts: tuple[str, ...]) -> list[TextPairs]:
    """Things bought together are of one pair of kinds; searches name a kind and a colour."""
    n_items = len(shop_texts)
    group = np.arange(n_items) // (n_items // len(KINDS))
    anchors, items = np.nonzero((group[:, None] == group[None, :]) & ~np.eye(n_items, dtype=np.bool_))
    together = TextPairs("co-bought", "passage", shop_texts, anchors.astype(np.int32), items.astype(np.int32))
    words = tuple(dict.fromkeys(text.rpartition(" ")[0] for text in shop_texts))
    asked = np.array([words.index(text.rpartition(" ")[0]) for text in shop_texts], np.int32)
    return [TextPairs("search", "query", words, asked, np.arange(n_items, dtype=np.int32)), together]


@pytest.fixture(scope="session")
def word_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BertModel that knows the shop's words and a mask."""
    folder = tmp_path_factory.mktemp("models") / "tiny-shop-bert"
    return write_word_model(folder, [*itertools.chain.from_iterable(KINDS), *COLOURS, *SIZES])
