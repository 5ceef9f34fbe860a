"""Texts → padded token batches, the same for every backend."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from nlu.normalise import clean

Kind = Literal["query", "passage"]
_LONGEST_PIECE = 16
"""Characters of the longest piece in XLM-R's vocabulary: more text than this many per token is never read."""


@dataclass(frozen=True)
class Prefixes:
    """What the model was trained to see before a text of each kind."""

    query: str = "query: "
    passage: str = "passage: "

    def of(self, kind: Kind) -> str:
        """The prefix for `kind`."""
        return self.query if kind == "query" else self.passage

    def digest(self, max_tokens: int) -> str:
        """8 hex digits that differ where texts reach the model differently."""
        return hashlib.sha256(repr((self.query, self.passage, max_tokens)).encode()).hexdigest()[:8]


@dataclass(frozen=True, eq=False)
class TokenBatch:
    """`token_ids` and `mask`, shape (len(rows), longest); `rows` are the places in the list of texts.

    `encodings`, one a row, know where in prefix + text each token lies.
    """

    rows: NDArray[np.int64]
    token_ids: NDArray[np.int64]
    mask: NDArray[np.int64]
    encodings: tuple[Encoding, ...] = ()


class Batcher:
    """Cuts texts to `max_tokens`, and puts texts of like length together so that little is padded."""

    def __init__(self, tokenizer: Tokenizer, prefixes: Prefixes, max_tokens: int) -> None:
        tokenizer.enable_truncation(max_tokens)
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.prefixes = prefixes
        self._max_characters = _LONGEST_PIECE * max_tokens
        pads = (tokenizer.token_to_id(token) for token in ("<pad>", "[PAD]"))
        self._pad_id = next((pad for pad in pads if pad is not None), 0)

    def batches(self, texts: Sequence[str], kind: Kind, batch_size: int) -> Iterator[TokenBatch]:
        """All texts once, in batches of at most `batch_size`, short ones first."""
        prefix = self.prefixes.of(kind)
        prepared = [prefix + clean(text[: self._max_characters]) for text in texts]
        encodings = self._tokenizer.encode_batch(prepared)
        token_ids = [encoding.ids for encoding in encodings]
        lengths = np.array([len(ids) for ids in token_ids], np.int64)
        order = np.argsort(lengths, kind="stable")
        for start in range(0, len(texts), batch_size):
            rows = order[start : start + batch_size]
            padded = np.full((len(rows), lengths[rows].max()), self._pad_id, np.int64)
            for place, row in enumerate(rows):
                padded[place, : lengths[row]] = token_ids[row]
            mask = (np.arange(padded.shape[1]) < lengths[rows, None]).astype(np.int64)
            yield TokenBatch(rows, padded, mask, tuple(encodings[row] for row in rows))
