"""How well the letters of a query and of an item's texts agree, misspelt or not, in any language.

A text is a set of features: its words, each word's three-letter pieces, and of Chinese its characters and
pairs of them. A query is held against an item as one set against another, each feature weighing its idf:

    w(q, j) = Σ_{f ∈ q ∩ j} idf_f² / (‖q‖ · ‖j‖^0.25),   idf_f = log(1 + n_items / n_items_with_f)

With the exponent 1 it is the cosine of tf-idf vectors without repeats (Salton & Buckley 1988, "bxc·bxc"),
which prefers short texts more than shoppers do: 0.25 was best on validation of Amazon Beauty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gnn.tensors import read_tensors, write_tensors
from nlu.names import fold, is_han, singular, tidy, tokens
from shopgraph.types import BoolVector, FloatMatrix, FloatVector, IntVector, ItemTable

NEARLY_ALL, NEARLY_THE_MOST = 0.6, 0.8
"""From which share of the words' weight on a text has them, and from which share of the most that any text
has; chosen on validation. Of misspelt or unusual words no text may have much."""

_FILE = "words.safetensors"
_SOMETHING = 1e-6
"""Less of the words than this is nothing of them."""

_N_BUCKETS = 1 << 18
"""Features are told apart by a hash; so many are far more than a shop's words have pieces."""
_PIECE = 3
_LENGTH_POWER = 0.25


@dataclass(frozen=True, eq=False)
class WordIndex:
    """Which items have each feature; feature f's are `items[indptr[f] : indptr[f + 1]]`.

    Attributes:
        indptr: shape (n_buckets + 1,).
        items: item indices.
        idf: weight of each feature, shape (n_buckets,); 0 where no item has it.
        norms: ‖j‖^0.25 of each item, shape (n_items,); 1 where it has no text.
    """

    indptr: NDArray[np.int64]
    items: IntVector
    idf: FloatVector
    norms: FloatVector

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Self:
        """The index of the items' texts, row = item_idx."""
        rows = [_features(text) for text in texts]
        owners = np.repeat(np.arange(len(rows), dtype=np.int32), [len(row) for row in rows])
        features = np.concatenate([*rows, np.zeros(0, np.int64)])
        counts = np.bincount(features, minlength=_N_BUCKETS)
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        idf = np.where(counts, np.log1p(len(rows) / np.maximum(counts, 1)), 0.0)
        squares = np.bincount(owners, idf[features] ** 2, len(rows))
        norms = np.where(squares, squares, 1.0) ** (_LENGTH_POWER / 2)
        order = np.argsort(features, kind="stable")
        return cls(indptr, owners[order], idf.astype(np.float32), norms.astype(np.float32))

    def scores(self, words: str) -> FloatVector:
        """w(words, j) of every item, >= 0, shape (n_items,)."""
        shared, own = self._shared(words)
        shared /= self.norms * np.sqrt(own)
        return shared

    def coverage(self, words: str, *, unheard_too: bool = False) -> FloatVector:
        """Which share of ‖words‖² each item's texts have, in [0, 1], shape (n_items,).

        What no text has counts only with `unheard_too`, as if one item had it.
        """
        shared, own = self._shared(words)
        if unheard_too:
            n_unheard = np.count_nonzero(self.idf[_features(words)] == 0)
            own += np.float32(n_unheard * np.log1p(len(self.norms)) ** 2)
        shared /= own
        return shared

    def searched(self, words: str) -> "SearchedTexts":
        """Which texts have the words of a search."""
        coverage = self.coverage(words)
        least = min(NEARLY_ALL, NEARLY_THE_MOST * float(coverage.max(initial=0.0)))
        heard = any(self.idf[_hashed(f"={key}")] for key in _keys(words))
        return SearchedTexts(self, coverage >= max(least, _SOMETHING), heard)

    def _shared(self, words: str) -> tuple[FloatVector, np.float32]:
        """Σ idf² of the features that each item has of the words, and of all of theirs."""
        total = np.zeros(len(self.norms), np.float32)
        features = _features(words)
        square = self.idf[features] ** 2
        for feature, weight in zip(features.tolist(), square, strict=True):  # an item has a feature once
            total[self.items[self.indptr[feature] : self.indptr[feature + 1]]] += weight
        return total, np.maximum(square.sum(), np.float32(1e-12))

    def score_many(self, queries: Sequence[str]) -> FloatMatrix:
        """The scores of several queries, shape (len(queries), n_items)."""
        rows = np.empty((len(queries), len(self.norms)), np.float32)
        for row, words in enumerate(queries):
            rows[row] = self.scores(words)
        return rows

    def save(self, folder: Path) -> None:
        """Write into an existing folder."""
        write_tensors(folder / _FILE, dict(vars(self)), "{}")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """What `save` wrote; None where nothing was written."""
        path = folder / _FILE
        return cls(**read_tensors(path)[0]) if path.exists() else None


@dataclass(frozen=True, eq=False)
class SearchedTexts:
    """Whose texts have the words of one search.

    Attributes:
        index: of all texts.
        whole: those that have nearly all of the words, or as many of them as any text has, shape (n_items,).
        heard: whether a text has any of the words as it is spelt.
    """

    index: WordIndex
    whole: BoolVector
    heard: bool

    def having(self, wordings: Sequence[str]) -> BoolVector:
        """Those of `whole` that also have one of the wordings nearly whole, shape (n_items,).

        Chinese is hardly misspelt: of a word that no text has no text has a part.
        """
        found = np.zeros_like(self.whole)
        for words in wordings:
            found |= self.index.coverage(words, unheard_too=any(map(is_han, words))) >= NEARLY_ALL
        return found & self.whole


def word_texts(items: ItemTable) -> list[str]:
    """What a query's letters are looked for in: titles in both languages, and the text."""
    rows = zip(items.title, items.title_zh, items.text, strict=True)
    return ["\n".join(row) for row in rows]


def _features(text: str) -> NDArray[np.int64]:
    """The features of a text, each once."""
    keys = _keys(text)
    found = {feature for key in keys for feature in _of_word(key)}
    found.update(_hashed(a + b) for a, b in pairwise(keys) if is_han(a) and is_han(b))
    return np.fromiter(found, np.int64, len(found))


def _keys(text: str) -> list[str]:
    return [singular(token.key) for token in tokens(fold(tidy(text)))]


@lru_cache(maxsize=65_536)
def _of_word(word: str) -> tuple[int, ...]:
    return tuple(_hashed(piece) for piece in _pieces(word))


def _pieces(word: str) -> Iterator[str]:
    yield f"={word}"
    if not is_han(word):
        padded = f"^{word}$"
        yield from (padded[start : start + _PIECE] for start in range(len(padded) - _PIECE + 1))


def _hashed(feature: str) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass")) % _N_BUCKETS
