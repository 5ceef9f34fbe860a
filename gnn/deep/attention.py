r"""Sequential attention: each candidate looks back over the shopper's steps for those that lead to it.

`score(u, j) = Σ_n α_nj · (⟨k_n, c_j⟩ + β_j)` over the last `window` events n of the history, with
`α_nj = softmax_n(⟨k_n, c_j⟩ / τ + place_{p(n)} + type_{t(n)} - ρ · log(1 + days before the last event))`.
k and c are an item's vectors as a step taken and as the next one: each a free vector plus a projection of its
text, so that cold items stand on their texts. The place, counted back from the last event, the event's
type and its time weigh each step; all of them, τ and ρ are learned.

After W.-C. Kang and J. McAuley, "Self-Attentive Sequential Recommendation" (ICDM 2018, its self-attention
block: attention over the past, every prefix predicts its next item) and X. He et al., "NAIS: Neural Attentive
Item Similarity Model for Recommendation" (TKDE 2018, its attention network: the candidate is the query).
Departures: one layer, no feed-forward net, one head, the attention's logit and its value are the same
product, a bias for each place instead of position vectors, and a softmax over items
instead of binary cross-entropy. Exactness `past_item`: `α_nj · (⟨k_n, c_j⟩ + β_j)` is the share of event n.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gnn.deep.late import torch_half
from gnn.item_item.past import past_item_shares
from gnn.linear.parts import checked_text_vectors
from gnn.tensors import read_tensors, write_tensors
from gnn.training.config import TrainingConfig
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import (
    NO_TIME,
    Exactness,
    FloatMatrix,
    FloatVector,
    GraphSnapshot,
    Heldout,
    Histories,
    IntVector,
    Share,
)

_FILE = "attention.safetensors"
_DAY_S = 86_400.0
_BLOCK_FLOATS = 1 << 22


class AttentionConfig(TrainingConfig):
    """Settings of SequenceAttention."""

    dim: int = Field(default=128, ge=1)
    """Length of every vector."""
    window: int = Field(default=20, ge=1)
    """Most recent events that are looked back on."""
    longest: int = Field(default=50, ge=2)
    """Most recent events of a user that training learns from."""
    shared_vectors: bool = False
    """Whether a step taken and the next one have the same vectors: fewer parameters, no direction."""
    repeats: bool = False
    """Whether items of the history may come next; if not, training never ranks them."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of the numbers of each step's vector that are dropped in training."""
    own_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of items whose free vector is dropped in a training step, where they have texts."""
    l2: float = Field(default=0.0, ge=0)
    """Weight of the mean squared length of the vectors in the loss."""
    initial_scale: float = Field(default=0.1, gt=0)
    """Standard deviation of the free vectors at the start."""
    initial_decay: float = Field(default=0.2, ge=0)
    """How far the bias falls from one place to the one before it at the start."""
    batch_size: int = Field(default=128, ge=1)
    """Users per training step."""
    full_softmax_items: int = Field(default=5_000, ge=1)
    """Largest catalogue whose loss compares the next item with every item; above, with a sample."""
    sampled_items: int = Field(default=2_048, ge=1)
    """Items drawn per step for the sampled softmax, beside the batch's own."""
    learning_rate: float = Field(default=0.003, gt=0)
    """Step size of Adam."""


@dataclass(frozen=True, eq=False)
class AttentionState:
    """All that scoring needs.

    Attributes:
        past: k, shape (n_items, dim).
        target: c, shape (n_items, dim).
        bias: β, shape (n_items,).
        place: bias of each place, the last event's first, shape (window,).
        type_bias: bias of each event type, shape (n_event_types,).
        sharpness: 1 / τ.
        forgetting: ρ.
    """

    past: FloatMatrix
    target: FloatMatrix
    bias: FloatVector
    place: FloatVector
    type_bias: FloatVector
    sharpness: float
    forgetting: float

    def recent(self, histories: Histories) -> tuple[NDArray[np.int64], FloatVector]:
        """(events within the window, what is added to their logits), shape (n_recent,) both."""
        owners = histories.owners()
        back = histories.indptr[1:][owners] - 1 - np.arange(len(owners))
        chosen = np.flatnonzero(back < len(self.place))
        ages = days_before_last(histories.time, histories.indptr)[chosen]
        types = self.type_bias[histories.type_code[chosen]]
        bias = self.place[back[chosen]] + types - np.float32(self.forgetting) * np.log1p(ages)
        return chosen, bias.astype(np.float32)

    def attended(self, histories: Histories, targets: FloatMatrix) -> tuple[FloatMatrix, FloatMatrix]:
        """(attention, ⟨k, c⟩) of each recent event of histories that all have some, shape (n_recent, n)."""
        chosen, bias = self.recent(histories)
        starts = np.searchsorted(chosen, histories.indptr[:-1])
        owners = histories.owners()[chosen]
        likeness: FloatMatrix = self.past[histories.item_idx[chosen]] @ targets.T
        attention = likeness * np.float32(self.sharpness) + bias[:, None]
        attention -= np.maximum.reduceat(attention, starts, axis=0)[owners]
        np.exp(attention, out=attention)
        attention /= np.add.reduceat(attention, starts, axis=0)[owners]
        return attention, likeness

    def score(self, histories: Histories, item_idx: IntVector | None = None) -> FloatMatrix:
        """Scores of some or all items, 0 for an empty history, a block of histories at a time."""
        targets = self.target if item_idx is None else self.target[item_idx]
        item_bias = self.bias if item_idx is None else self.bias[item_idx]
        scores = np.zeros((len(histories), len(targets)), np.float32)
        lengths = np.minimum(np.diff(histories.indptr), len(self.place))
        busy = np.flatnonzero(lengths)
        block = np.cumsum(lengths[busy]) * max(1, len(targets)) // _BLOCK_FLOATS
        for rows in np.split(busy, np.flatnonzero(np.diff(block)) + 1):
            if len(rows):
                some = histories.take(rows)
                attention, likeness = self.attended(some, targets)
                starts = np.concatenate([[0], np.cumsum(lengths[rows])[:-1]])
                scores[rows] = np.add.reduceat(attention * likeness, starts, axis=0) + item_bias
        return scores


class SequenceAttention:
    """The model; ranks by what a shopper did last and in which order.

    With `validation`, training stops early on NDCG@10 over it and keeps the best epoch's parameters;
    `best_epoch` then says how long a fit on all data should last.
    """

    name = "attention"
    exactness = Exactness.PAST_ITEM

    def __init__(
        self,
        config: AttentionConfig | None = None,
        *,
        validation: Heldout | None = None,
        on_epoch: Callable[[Any], None] = lambda _: None,
        log_dir: Path | None = None,
    ) -> None:
        self.config = config or AttentionConfig()
        self.best_epoch = 0
        self.state: AttentionState
        self._validation, self._on_epoch, self._log_dir = validation, on_epoch, log_dir

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Learn from the order of the snapshot's interactions and, if it has them, text vectors.

        Raises:
            ValueError: the text vectors are not finite.
            BadSettings: CUDA is asked for and absent, or memory did not suffice.
            DependencyMissing: torch is not installed.
        """
        checked_text_vectors(snapshot)
        half = torch_half("gnn.deep.attention_module")
        self.state, self.best_epoch = half.train(
            snapshot, self.config, rng, self._validation, self._on_epoch, self._log_dir
        )

    def score(self, histories: Histories) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items); 0 for an empty history."""
        scores: FloatMatrix = self.state.score(histories)
        return scores

    def score_items(self, history: Histories, item_idx: IntVector) -> FloatVector:
        """Scores of some items for one history, shape (len(item_idx),)."""
        scores: FloatVector = self.state.score(history, item_idx)[0]
        return scores

    def shares(self, history: Histories, item_idx: int) -> Sequence[Share]:
        """One share for each recent event, largest first."""
        return self.shares_of_items(history, np.array([item_idx], np.int32))[0]

    def shares_of_items(
        self, history: Histories, item_idx: IntVector, top: int | None = None
    ) -> list[list[Share]]:
        """The `shares` of several items, a list for each; with `top` only so many each, the largest."""
        if not len(history.item_idx):
            return [[] for _ in item_idx]
        chosen, _ = self.state.recent(history)
        attention, likeness = self.state.attended(history, self.state.target[item_idx])
        values = attention * (likeness + self.state.bias[item_idx])
        return past_item_shares(history.item_idx[chosen], values, top)

    def save(self, folder: Path) -> None:
        """Write `attention.safetensors` into an existing folder."""
        tensors = {name: np.asarray(value) for name, value in vars(self.state).items()}
        tensors["best_epoch"] = np.array(self.best_epoch)
        write_tensors(folder / _FILE, tensors, self.config.model_dump_json())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        path = folder / _FILE
        tensors, config = read_tensors(path)
        try:
            model = cls(AttentionConfig.model_validate_json(config))
            model.best_epoch = tensors.pop("best_epoch").item()
            numbers = {name: tensors.pop(name).item() for name in ("sharpness", "forgetting")}
            arrays: dict[str, Any] = {**tensors, **numbers}
            model.state = AttentionState(**arrays)
        except (KeyError, TypeError, ValueError) as exc:
            raise ArtefactDamaged(f"{path}: not a SequenceAttention ({exc}); train again") from exc
        return model


def days_before_last(time: NDArray[np.int64], indptr: NDArray[np.int64]) -> NDArray[np.float64]:
    """Days from each event to its history's last one; 0 where either has no time."""
    last = time[np.repeat(indptr[1:] - 1, np.diff(indptr))]
    timed = (time != NO_TIME) & (last != NO_TIME)
    gap_s = np.where(timed, last, 0) - np.where(timed, time, 0)
    days: NDArray[np.float64] = np.maximum(gap_s, 0) / _DAY_S
    return days
