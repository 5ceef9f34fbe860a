"""Tagged words as batches of their pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer

from nlu.tagger.queryner_data import TaggedWords
from shopgraph.errors import BadSettings

_PAD = 1
_MASKS = ("<mask>", "[MASK]")


@dataclass(frozen=True, eq=False)
class TaggedBatch:
    """`token_ids` and `word_of` as `WordTagger` reads them, `tags` and `n_words` as `crf_loss` does.

    `rows`: the place of each text among those given.
    """

    token_ids: torch.Tensor
    word_of: torch.Tensor
    tags: torch.Tensor
    n_words: torch.Tensor
    rows: list[int]


class TaggedPieces:
    """Tagged words → batches, texts of like length together."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    def batches(
        self, texts: Sequence[TaggedWords], size: int, rng: np.random.Generator | None = None
    ) -> Iterator[TaggedBatch]:
        """Shortest first; with `rng` in random order, and texts of one length in batches drawn anew."""
        encoded = self._tokenizer.encode_batch([list(text.words) for text in texts], is_pretokenized=True)
        lengths = np.array([len(each.ids) for each in encoded], np.float64)
        starts = np.arange(0, len(texts), size)
        if rng is not None:
            lengths += rng.random(len(texts))
            starts = rng.permutation(starts)
        order = np.argsort(lengths, kind="stable")
        for start in starts:
            rows = order[start : start + size].tolist()
            yield _padded([texts[row] for row in rows], [encoded[row] for row in rows], rows)

    def with_masked_words(self, batch: TaggedBatch, share: float) -> TaggedBatch:
        """A random share of the words, all pieces of them, as the mask token; texts of one word stay.

        Raises:
            BadSettings: a share of words is to be masked and the text encoder has no mask token.
        """
        if share == 0:
            return batch
        mask = self._mask()
        if mask is None:
            raise BadSettings(f"masked_words = {share}: the text encoder has no mask token; set it to 0")
        longest = batch.tags.shape[1]
        hit = torch.zeros(len(batch.rows), longest + 2, dtype=torch.bool)  # then: no word, padding
        hit[:, :longest] = (torch.rand(len(batch.rows), longest) < share) & (batch.n_words > 1)[:, None]
        place = torch.where(batch.word_of < 0, longest + 1, batch.word_of)
        return replace(batch, token_ids=torch.where(hit.gather(1, place), mask, batch.token_ids))

    def _mask(self) -> int | None:
        known = (self._tokenizer.token_to_id(name) for name in _MASKS)
        return next((number for number in known if number is not None), None)


def _padded(texts: Sequence[TaggedWords], encoded: Sequence[Encoding], rows: list[int]) -> TaggedBatch:
    longest, most_words = max(len(each.ids) for each in encoded), max(len(text.words) for text in texts)
    token_ids = torch.full((len(texts), longest), _PAD)
    word_of = torch.full((len(texts), longest), -1)
    tags = torch.zeros((len(texts), most_words), dtype=torch.int64)
    for row, (text, each) in enumerate(zip(texts, encoded, strict=True)):
        token_ids[row, : len(each.ids)] = torch.tensor(each.ids)
        words = [most_words if word is None else word for word in each.word_ids]
        word_of[row, : len(words)] = torch.tensor(words)
        tags[row, : len(text.tags)] = torch.tensor(text.tags)
    return TaggedBatch(token_ids, word_of, tags, torch.tensor([len(text.words) for text in texts]), rows)
