"""The frozen encoder's states of many queries, computed once: by the very graph that serves, int8 and all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nlu.onnx_encoder import OnnxEncoder
from nlu.tagger.bio import TagVector
from nlu.tagger.labels import INTENTS, LabelledQuery
from nlu.tagger.pieces import piece_tags, pieces_of
from nlu.tagger.tagger import STATES

UNTAGGED = -100
"""Stands for a token that is no piece of the text; the loss leaves it out."""

_LOG_EVERY = 100


@dataclass(frozen=True, eq=False)
class LearningBatch:
    """`states` float32 (batch, longest, n_in); int64: `mask` and `tags` (batch, longest), `intents` (batch,).

    `rows` are the places of the queries in their list.
    """

    states: torch.Tensor
    mask: torch.Tensor
    tags: torch.Tensor
    intents: torch.Tensor
    rows: NDArray[np.int64]


class QueryStates:
    """States, tags and intents of labelled queries; float16, so 2.3 KB a token of three layers."""

    def __init__(
        self,
        encoder: OnnxEncoder,
        queries: Sequence[LabelledQuery],
        on_progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.queries = queries
        self._states: list[NDArray[np.float16]] = [np.zeros((0, 0), np.float16)] * len(queries)
        self._tags: list[TagVector] = [np.zeros(0, np.int64)] * len(queries)
        self._intents = np.array([INTENTS.index(query.intent) for query in queries], np.int64)
        texts = [query.text for query in queries]
        prefix = encoder.batcher.prefixes.query
        size = encoder.batch_size
        for done, batch in enumerate(encoder.batcher.batches(texts, "query", size), start=1):
            (states,) = encoder.run(batch, [STATES])
            lengths = batch.mask.sum(1)
            for place, row in enumerate(batch.rows.tolist()):
                self._states[row] = states[place, : lengths[place]].astype(np.float16)
                pieces = pieces_of(batch.encodings[place], prefix, texts[row])
                tags = np.full(lengths[place], UNTAGGED, np.int64)
                tags[pieces.rows] = piece_tags(pieces, queries[row].spans)
                self._tags[row] = tags
            if done % _LOG_EVERY == 0:
                on_progress(f"{done * size:,} of {len(texts):,} queries read")

    @property
    def n_in(self) -> int:
        """How wide a token's states are."""
        return int(self._states[0].shape[1])

    def __len__(self) -> int:
        return len(self.queries)

    def batches(self, size: int, rng: np.random.Generator | None = None) -> Iterator[LearningBatch]:
        """All queries once, those of like length together; with `rng` in another order each time."""
        lengths = np.array([len(tags) for tags in self._tags])
        shaken = lengths if rng is None else lengths + rng.uniform(0, 2, len(lengths))
        order = np.argsort(shaken, kind="stable")
        starts = np.arange(0, len(order), size)
        for start in starts if rng is None else rng.permutation(starts):
            yield self._batch(order[start : start + size])

    def _batch(self, rows: NDArray[np.int64]) -> LearningBatch:
        states = [torch.from_numpy(self._states[row]) for row in rows]
        tags = [torch.from_numpy(self._tags[row]) for row in rows]
        padded = torch.nn.utils.rnn.pad_sequence(tags, batch_first=True, padding_value=UNTAGGED)
        lengths = torch.tensor([len(each) for each in tags])
        mask = (torch.arange(padded.shape[1])[None, :] < lengths[:, None]).to(torch.int64)
        whole = torch.nn.utils.rnn.pad_sequence(states, batch_first=True).to(torch.float32)
        return LearningBatch(whole, mask, padded, torch.from_numpy(self._intents[rows]), rows)
