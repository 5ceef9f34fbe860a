"""A transformer in two halves: layers that stay as they are, computed once a text, and layers that learn."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from nlu.batching import Batcher, Kind
from shopgraph.errors import BadSettings
from shopgraph.types import FloatMatrix, iter_batches

HALVED = ("bert", "roberta", "xlm-roberta")
"""Model types whose layers lie in `encoder.layer` and take hidden states and an additive mask."""

Hidden = tuple[torch.Tensor, torch.Tensor]
"""(states, mask): float32 (n_texts, longest, width) and int64 (n_texts, longest)."""

_BATCH = 32


class Halves:
    """The halves of one transformer, which they share, on one device.

    The lower half's output is kept in float16 on the host: 37 KB for 48 tokens of 384 dimensions.
    """

    def __init__(
        self, transformer: PreTrainedModel, n_upper: int, batcher: Batcher, device: torch.device
    ) -> None:
        """Splits below the topmost `n_upper` layers.

        Raises:
            BadSettings: a model type that can't be split.
        """
        if transformer.config.model_type not in HALVED:
            raise BadSettings(
                f"text encoder of type {transformer.config.model_type!r} can't be trained; "
                f"choose one of type {', '.join(HALVED)}"
            )
        layers = list(cast(torch.nn.ModuleList, transformer.get_submodule("encoder.layer")))
        n_lower = max(len(layers) - n_upper, 0)
        self.first_upper = n_lower
        self.device = device
        self._embeddings = transformer.get_submodule("embeddings")
        self._words = transformer.get_input_embeddings()
        self._lower, self.upper_layers = layers[:n_lower], layers[n_lower:]
        self.batcher = batcher
        self._known: dict[tuple[Kind, str], torch.Tensor] = {}

    def encode(self, texts: Sequence[str], kind: Kind) -> torch.Tensor:
        """Unit vectors, shape (len(texts), width), with gradients to the upper half."""
        states, mask = self.lower(texts, kind)
        kept = mask.unsqueeze(-1).to(states.dtype)
        mean = (_through(self.upper_layers, states, mask) * kept).sum(1) / kept.sum(1)
        return torch.nn.functional.normalize(mean, dim=1)

    def lower(self, texts: Sequence[str], kind: Kind) -> Hidden:
        """What the lower half makes of the texts; each distinct text is computed once."""
        missing = list(dict.fromkeys(text for text in texts if (kind, text) not in self._known))
        for batch in self.batcher.batches(missing, kind, _BATCH):
            states = self._embed(batch.token_ids, batch.mask).to("cpu", torch.float16)
            for row, state, length in zip(batch.rows, states, batch.mask.sum(1), strict=True):
                self._known[kind, missing[row]] = state[:length].clone()
        found = [self._known[kind, text] for text in texts]
        lengths = torch.tensor([len(state) for state in found])
        mask = (torch.arange(int(lengths.max()))[None, :] < lengths[:, None]).to(torch.int64)
        padded = torch.nn.utils.rnn.pad_sequence(found, batch_first=True)
        return padded.to(self.device, torch.float32), mask.to(self.device)

    def states(self, token_ids: NDArray[np.int64], mask: NDArray[np.int64]) -> torch.Tensor:
        """The last layer's hidden states, (n_texts, longest, width), with gradients to the upper half."""
        kept = torch.from_numpy(mask).to(self.device)
        return _through(self.upper_layers, self._embed(token_ids, mask), kept)

    def word_table(self) -> torch.Tensor:
        """The embeddings of all tokens, shape (n_tokens, width), without gradients."""
        return self._words.get_parameter("weight").detach()

    @torch.no_grad()
    def _embed(self, token_ids: NDArray[np.int64], mask: NDArray[np.int64]) -> torch.Tensor:
        ids, kept = (torch.from_numpy(part).to(self.device) for part in (token_ids, mask))
        return _through(self._lower, self._embeddings(input_ids=ids), kept)


def score_all(halves: Halves, texts: Sequence[str], kind: Kind, batch_size: int = 64) -> FloatMatrix:
    """Unit vectors of many texts without gradients, float32 (len(texts), width)."""
    with torch.no_grad():
        parts = [
            halves.encode(texts[rows], kind).cpu().numpy() for rows in iter_batches(len(texts), batch_size)
        ]
    return np.concatenate(parts)


def _through(layers: Sequence[torch.nn.Module], states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    added = (1.0 - mask[:, None, None, :].to(states.dtype)) * torch.finfo(states.dtype).min
    for layer in layers:
        states = layer(states, added)
    return states
