"""Domain-adaptive pre-training: masked words of the catalogue's texts (Gururangan et al. 2020).

An encoder for sentences comes without a head for words, so one is made as XLM-R has it: dense, gelu, layer
norm, then the tied embedding matrix and a bias a token. It starts as near to sense as can be had without
training: the dense matrix is the identity, so that states and embeddings, which share their space, meet; the
bias is the log of the token's frequency in the catalogue, so that the first guess is the commonest token.
Masking as in BERT: of the tokens picked, 8 in 10 become the mask, 1 a random token, 1 stays.

Departures: the softmax goes over the tokens that occur in the catalogue (thousands, not 250,002), the
embedding matrix is frozen, and only the adapter and the head learn. The head is thrown away afterwards.
"""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from nlu.batching import TokenBatch
from nlu.tuning.config import TuningConfig
from nlu.tuning.halves import Halves
from shopgraph.errors import BadSettings

_MASKS = ("<mask>", "[MASK]")
_LOG_EVERY = 50


class WordHead(torch.nn.Module):
    """Hidden states → logits over the catalogue's tokens."""

    def __init__(self, table: torch.Tensor, log_frequency: torch.Tensor) -> None:
        """`table`: the tokens' embeddings, shape (n_tokens, width); `log_frequency`: shape (n_tokens,)."""
        super().__init__()
        width = table.shape[1]
        self.dense = torch.nn.Linear(width, width)
        torch.nn.init.eye_(self.dense.weight)
        torch.nn.init.zeros_(self.dense.bias)
        self.norm = torch.nn.LayerNorm(width)
        self.register_buffer("table", table.clone())
        self.bias = torch.nn.Parameter(log_frequency.clone())

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Logits, shape (n_states, n_tokens), of states (n_states, width)."""
        found = self.norm(torch.nn.functional.gelu(self.dense(states)))
        logits: torch.Tensor = found @ self.get_buffer("table").T + self.bias
        return logits


class Masking:
    """Picks and hides tokens of the catalogue's texts."""

    def __init__(
        self, vocabulary: NDArray[np.int64], counts: NDArray[np.int64], mask_id: int, share: float
    ) -> None:
        self.vocabulary = vocabulary
        self.counts = counts
        self._mask_id = mask_id
        self._share = share

    @classmethod
    def of(cls, batches: Sequence[TokenBatch], tokenizer: Tokenizer, share: float) -> Self:
        """For these texts.

        Raises:
            BadSettings: the tokenizer knows no mask.
        """
        mask_id = next((found for mask in _MASKS if (found := tokenizer.token_to_id(mask)) is not None), None)
        if mask_id is None:
            raise BadSettings(
                "the text encoder's tokenizer has no mask token; set text_training.masked_steps to 0"
            )
        tokens = np.concatenate([batch.token_ids[batch.mask == 1] for batch in batches])
        special = [token for token, added in tokenizer.get_added_tokens_decoder().items() if added.special]
        vocabulary, counts = np.unique(tokens[~np.isin(tokens, special)], return_counts=True)
        return cls(vocabulary, counts, mask_id, share)

    def hide(
        self, batch: TokenBatch, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """(token ids with some hidden, where, which): `which` are places in the vocabulary."""
        guessable = np.isin(batch.token_ids, self.vocabulary) & (batch.mask == 1)
        picked = guessable & (rng.random(batch.token_ids.shape) < self._share)
        chance = rng.random(batch.token_ids.shape)
        hidden = np.where(picked & (chance < 0.8), self._mask_id, batch.token_ids)
        swapped = picked & (chance >= 0.9)
        hidden[swapped] = rng.choice(self.vocabulary, int(swapped.sum()))
        return hidden, picked, np.searchsorted(self.vocabulary, batch.token_ids[picked])


def fit_masked(
    halves: Halves,
    parameters: Sequence[torch.nn.Parameter],
    texts: Sequence[str],
    tokenizer: Tokenizer,
    config: TuningConfig,
    rng: np.random.Generator,
    on_progress: Callable[[str], None],
) -> tuple[float, ...]:
    """Trains `parameters` to guess hidden words of `texts`; the loss of each step, nats a word.

    Raises:
        BadSettings: the tokenizer knows no mask.
    """
    batches = list(halves.batcher.batches(texts, "passage", config.masked_batch))
    masking = Masking.of(batches, tokenizer, config.masked_share)
    table = halves.word_table()[torch.from_numpy(masking.vocabulary).to(halves.device)]
    frequency = torch.from_numpy(np.log(masking.counts / masking.counts.sum())).to(table)
    head = WordHead(table, frequency).to(halves.device)
    optimiser = torch.optim.AdamW(
        [*parameters, *head.parameters()], lr=config.learning_rate, weight_decay=0.0
    )
    losses: list[float] = []
    for step in range(1, config.masked_steps + 1):
        batch = batches[rng.integers(len(batches))]
        hidden, picked, words = masking.hide(batch, rng)
        if len(words):
            states = halves.states(hidden, batch.mask)[torch.from_numpy(picked).to(halves.device)]
            loss = torch.nn.functional.cross_entropy(head(states), torch.from_numpy(words).to(halves.device))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            losses.append(float(loss.detach()))
        if step % _LOG_EVERY == 0 or step == config.masked_steps:
            on_progress(f"masked step {step}: {np.mean(losses[-_LOG_EVERY:]):.3f} nats a word")
    return tuple(losses)
