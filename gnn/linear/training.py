"""Training of the linear model: histories split at random into what is known and what must be found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gnn.history import FloatCsr, history_matrix
from gnn.linear.config import LinearKGConfig
from gnn.linear.parts import LinearParameters, history_norms
from gnn.linear.tasks import Tasks
from gnn.linear.tower import LinearItemTower
from gnn.linear.walks import RelationGraph
from gnn.training.augment import cropped
from gnn.training.board import EpochReport
from gnn.training.loop import Fitted, fit_module, training_device
from gnn.training.losses import NEVER, mean_squared_length, sampled_items, softmax_loss
from gnn.training.memory import memory_advice
from gnn.training.module import Trainable
from shopgraph.types import BoolVector, EventType, FloatMatrix, Heldout, Histories, iter_batches

__all__ = ["TrainingData", "split_histories", "train"]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What an epoch reads: histories and their events' weights, the relations, the text vectors.

    `event_types` name the tasks, where the settings have any.
    """

    histories: Histories
    type_weights: FloatMatrix
    graph: RelationGraph
    text_vectors: FloatMatrix | None
    event_types: tuple[EventType, ...] = ()

    @property
    def met(self) -> BoolVector:
        """Which items occur in a history, shape (n_items,)."""
        return np.bincount(self.histories.item_idx, minlength=self.graph.n_items) > 0


@dataclass(frozen=True, eq=False)
class Batch:
    """Some users' known items and those to be found, users × items with event weights.

    `targets` has a matrix for each task. `chosen` are the items that a target is compared with (sorted,
    None for all), `offsets` theirs.
    """

    known: FloatCsr
    targets: tuple[FloatCsr, ...]
    chosen: NDArray[np.int64] | None
    offsets: Tensor


def train(
    data: TrainingData,
    config: LinearKGConfig,
    rng: np.random.Generator,
    validation: Heldout | None,
    on_epoch: Callable[[EpochReport], None],
    log_dir: Path | None,
    warmed: Callable[[LinearParameters], LinearParameters] | None = None,
) -> tuple[LinearParameters, Fitted]:
    """The parameters of the best epoch, learned on the softmax of the held-back items.

    `warmed` says what to start from, given the random start that training else begins with.

    Raises:
        BadSettings: CUDA is asked for and absent, or memory did not suffice.
    """
    config = config.sized(int((np.diff(data.histories.indptr) >= 2).sum()))
    sizes = {
        "dim": config.dim,
        "batch_size": config.batch_size,
        "full_softmax_items": config.full_softmax_items,
    }
    with memory_advice(training_device(config), sizes):
        start = torch.Generator().manual_seed(int(rng.integers(0, 2**62)))
        tower = LinearItemTower(data.graph, data.text_vectors, config, start, data.met)
        if warmed is not None:
            tower.adopt(warmed(tower.parameters_as_numpy()))
        module = LinearTraining(tower, data, config)
        module.sizes = sizes
        fitted = fit_module(module, config, rng, data.histories, validation, on_epoch, log_dir)
        return tower.parameters_as_numpy(), fitted


class LinearTraining(Trainable[Batch]):
    """The tower while it learns: a batch is some users, a unit one of them."""

    def __init__(self, tower: LinearItemTower, data: TrainingData, config: LinearKGConfig) -> None:
        super().__init__()
        self.tower, self.data, self.config = tower, data, config
        self.edges_per_step = tower.n_edges
        self.interactions = self._matrix(data.histories)
        self.tasks = Tasks(data.histories, data.graph.n_items, data.event_types, config)
        popularity = np.bincount(self.interactions.indices, minlength=data.graph.n_items)
        self.popularity = popularity / max(1, popularity.sum())
        self._served: tuple[Tensor, Tensor] | None = None

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Users with at least two items, in random order, their items split at random."""
        users = rng.permutation(np.flatnonzero(np.diff(self.interactions.indptr) >= 2))
        for rows in iter_batches(len(users), self.config.batch_size):
            split = split_histories(self.interactions[users[rows]], self.config.target_share, rng)
            known, left_out = split
            if self.config.history_crop < 1:
                kept = cropped(known.indptr, self.config.history_crop, rng, ordered=False)
                known.data = np.where(kept, known.data, 0).astype(np.float32)
                known.eliminate_zeros()
            yield Batch(known, self.tasks.targets(users[rows], left_out), *self._compared(left_out, rng))

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The tasks' losses, a mean over the users, and the L2 penalty."""
        vectors = self.tower(generator)
        profiles = _profiles(self.tower.gated(vectors), batch.known, self.config.history_power)
        compared = vectors
        if batch.chosen is not None:
            compared = vectors[torch.from_numpy(batch.chosen).to(self.device)]
        masked = self._places(batch.known, batch.chosen)
        summed = vectors.new_zeros(())
        for task, targets in enumerate(batch.targets):
            found, values = self._places(targets, batch.chosen), torch.from_numpy(targets.data)
            values = values.to(self.device)
            if task == self.tasks.stars:
                scores = (profiles[found[0]] * (compared[found[1]] - vectors.mean(dim=0))).sum(dim=1)
                part = self.tasks.squared_error(scores, values)
            else:
                sharpened = profiles * self.tasks.temperature(task)
                part = softmax_loss(sharpened, compared, batch.offsets, masked, (*found, values))
            summed = summed + self.tasks.weights[task] * part
        loss: Tensor = summed / batch.known.shape[0]
        return loss + self.config.l2 * mean_squared_length(vectors) if self.config.l2 else loss

    def scores(self, histories: Histories) -> Tensor:
        """Up to what all of a shopper's scores have in common, those of the fitted model."""
        if self._served is None:
            vectors = self.tower()
            self._served = (vectors, self.tower.gated(vectors))
        vectors, gated = self._served
        scores: Tensor = _profiles(gated, self._matrix(histories), self.config.history_power) @ vectors.T
        return scores

    def train(self, mode: bool = True) -> "LinearTraining":
        self._served = None
        return super().train(mode)

    def embeddings(self) -> Sequence[torch.nn.Parameter]:
        return [self.tower.base]

    def units(self, batch: Batch) -> int:
        return batch.known.shape[0]

    def share(self, batch: Batch, rank: int, n_ranks: int) -> Batch:
        targets = tuple(each[rank::n_ranks] for each in batch.targets)
        return Batch(batch.known[rank::n_ranks], targets, batch.chosen, batch.offsets)

    def _matrix(self, histories: Histories) -> FloatCsr:
        return history_matrix(
            histories,
            self.data.graph.n_items,
            self.data.type_weights,
            self.config.half_life_days,
            self.config.half_life_events,
        )

    def _compared(
        self, targets: FloatCsr, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64] | None, Tensor]:
        """(items to compare with, None for all; offset of each one's logits)."""
        n_items = targets.shape[1]
        if n_items <= self.config.full_softmax_items:
            return None, torch.where(self.tower.met, 0.0, NEVER)
        chosen, offsets = sampled_items(targets.indices, self.popularity, self.config.sampled_items, rng)
        compared = torch.from_numpy(offsets).to(self.device)
        return chosen, torch.where(self.tower.met[torch.from_numpy(chosen).to(self.device)], compared, NEVER)

    def _places(self, matrix: FloatCsr, chosen: NDArray[np.int64] | None) -> tuple[Tensor, Tensor]:
        """(rows, columns) of the matrix's entries among the chosen items."""
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        columns = matrix.indices.astype(np.int64)
        if chosen is not None:
            places = np.minimum(np.searchsorted(chosen, columns), len(chosen) - 1)
            there = chosen[places] == columns
            rows, columns = rows[there], places[there]
        return torch.from_numpy(rows).to(self.device), torch.from_numpy(columns).to(self.device)


def split_histories(
    histories: FloatCsr, target_share: float, rng: np.random.Generator
) -> tuple[FloatCsr, FloatCsr]:
    """(known, targets): each row's items cut at random, at least one on either side.

    Rows need at least two items. `known` keeps the event weights; a target's weight is its event
    weight as a share of the row's targets, times their number.
    """
    lengths = np.diff(histories.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((rng.random(len(rows)), rows))
    place = np.arange(len(rows)) - np.repeat(histories.indptr[:-1], lengths)
    n_targets = np.clip(np.round(lengths * target_share), 1, lengths - 1)
    is_target = np.zeros(len(rows), np.bool_)
    is_target[order] = place < np.repeat(n_targets, lengths)
    known, targets = histories.copy(), histories.copy()
    known.data = np.where(is_target, 0, histories.data).astype(np.float32)
    known.eliminate_zeros()
    total = np.bincount(rows, np.where(is_target, histories.data, 0), len(lengths))
    relative = histories.data * (n_targets / np.maximum(total, 1e-30))[rows]
    targets.data = np.where(is_target, relative, 0).astype(np.float32)
    targets.eliminate_zeros()
    return known, targets


def _profiles(gated: Tensor, known: FloatCsr, history_power: float) -> Tensor:
    """n_u · Σ a_i · (gated vector of i), shape (n_rows, dim)."""
    weights = known.data * np.repeat(history_norms(known, history_power), np.diff(known.indptr))
    return functional.embedding_bag(
        torch.from_numpy(known.indices.astype(np.int64)).to(gated.device),
        gated,
        torch.from_numpy(known.indptr.astype(np.int64)).to(gated.device),
        mode="sum",
        per_sample_weights=torch.from_numpy(weights).to(gated.device),
        include_last_offset=True,
    )
