"""Sequential attention in torch: batches of sequences, their weights by place, type and time, the loss."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gnn.deep.attention import AttentionConfig, AttentionState
from gnn.deep.attention_loss import PrefixLoss, Wanted
from gnn.deep.pairs import numpy_of
from gnn.deep.sizes import sizes_of
from gnn.deep.train import OnEpoch
from gnn.linear.parts import text_differences
from gnn.training.loop import fit_module
from gnn.training.losses import NEVER
from gnn.training.memory import memory_advice
from gnn.training.module import Trainable
from shopgraph.types import NO_TIME, GraphSnapshot, Heldout, Histories, iter_batches

_SORTED_TOGETHER = 32
_DAY_S = 86_400.0


def train(
    snapshot: GraphSnapshot,
    config: AttentionConfig,
    rng: np.random.Generator,
    validation: Heldout | None,
    on_epoch: OnEpoch,
    log_dir: Path | None,
) -> tuple[AttentionState, int]:
    """(what is served, best epoch)."""
    start = torch.Generator().manual_seed(int(rng.integers(0, 2**62)))
    with memory_advice(torch.device("cpu"), sizes_of(config)):
        module = AttentionModule(snapshot, config, start)
    fitted = fit_module(module, config, rng, snapshot.histories, validation, on_epoch, log_dir)
    return module.state(), fitted.best_epoch


class Sequences(NamedTuple):
    """Sequences of about one length, padded at the end.

    Attributes:
        items: shape (n_rows, length), -1 beyond the end.
        types: event types, the same shape.
        days: when, in days; NaN where unknown.
        drawn: items to compare with beside the batch's own, shape (n_drawn,); the whole batch's.
    """

    items: Tensor
    types: Tensor
    days: Tensor
    drawn: Tensor


class AttentionModule(Trainable[Sequences]):
    """Every prefix of a user's sequence predicts the item that comes next.

    An item that nobody met is compared with nothing: it has its text's vector alone, and the mean bias.
    """

    name = "attention"
    text: Tensor | None
    popularity: Tensor

    def __init__(self, snapshot: GraphSnapshot, config: AttentionConfig, start: torch.Generator) -> None:
        super().__init__()
        self.config, self.n_items = config, snapshot.n_items
        self.histories = snapshot.histories
        self.edges_per_step = config.batch_size * config.window
        self.sizes = sizes_of(config)
        n_tables = 1 if config.shared_vectors else 2
        counts = np.bincount(self.histories.item_idx, minlength=self.n_items)
        popularity = torch.from_numpy((counts / max(1, counts.sum())).astype(np.float32))
        self.register_buffer("popularity", popularity, persistent=False)
        self.free = self._drawn((n_tables, self.n_items, config.dim), start)
        self.free.data[:, counts == 0] = 0
        self.bias = torch.nn.Parameter(torch.zeros(self.n_items))
        self.place = torch.nn.Parameter(-config.initial_decay * torch.arange(config.window))
        self.type_bias = torch.nn.Parameter(torch.zeros(len(snapshot.event_types)))
        self.raw_sharpness = torch.nn.Parameter(torch.tensor(0.0))
        self.raw_forgetting = torch.nn.Parameter(torch.tensor(-2.0))
        self.projection: torch.nn.Parameter | None = None
        text = None
        if snapshot.text_vectors is not None:
            vectors = snapshot.text_vectors.astype(np.float32, copy=False)
            text = torch.from_numpy(text_differences(vectors, vectors.mean(axis=0)))
            self.projection = self._drawn((n_tables, text.shape[1], config.dim), start)
        self.register_buffer("text", text, persistent=False)
        self._state: AttentionState | None = None

    def batches(self, rng: np.random.Generator) -> Iterator[Sequences]:
        """All users with at least two events, those of like length together, in random order."""
        lengths = np.minimum(np.diff(self.histories.indptr), self.config.longest)
        users = rng.permutation(np.flatnonzero(lengths >= 2))
        batches: list[NDArray[np.int64]] = []
        for some in iter_batches(len(users), _SORTED_TOGETHER * self.config.batch_size):
            alike = users[some][np.argsort(lengths[users[some]], kind="stable")]
            batches += [alike[rows] for rows in iter_batches(len(alike), self.config.batch_size)]
        for n in rng.permutation(len(batches)):
            drawn = np.zeros(0, np.int64)
            if self._samples:
                drawn = rng.choice(self.n_items, self.config.sampled_items, replace=False)
            yield self._padded(batches[n], drawn)

    def loss(self, batch: Sequences, generator: torch.Generator) -> Tensor:
        columns = self._columns(batch)
        place_of = torch.full((self.n_items + 1,), -1, device=self.device)
        place_of[columns] = torch.arange(len(columns), device=self.device)
        past, target = self._vectors(columns, generator)
        earlier = past[place_of[batch.items[:, :-1]].clamp(min=0)]
        if self.config.dropout:
            drawn = torch.rand(earlier.shape, generator=generator, device=self.device)
            earlier = earlier * (drawn >= self.config.dropout) / (1 - self.config.dropout)
        wanted = Wanted(
            place_of[batch.items[:, 1:]], self._masked(batch.items, place_of), self._offsets(columns, batch)
        )
        weights = self._weights(batch)
        with torch.autocast(self.device.type, enabled=False):
            parts = (earlier.float(), target.float(), self.bias[columns], weights, self.raw_sharpness.exp())
            total: Tensor = PrefixLoss.apply(*parts, wanted)
        penalty = earlier.square().sum(dim=-1).mean() + target.square().sum(dim=-1).mean()
        return total / self.units(batch) + self.config.l2 * penalty

    def units(self, batch: Sequences) -> int:
        return int((batch.items[:, 1:] >= 0).sum())

    def share(self, batch: Sequences, rank: int, n_ranks: int) -> Sequences:
        """Every n-th sequence; what was drawn is everybody's."""
        items, types, days = (part[rank::n_ranks] for part in (batch.items, batch.types, batch.days))
        return Sequences(items, types, days, batch.drawn)

    def scores(self, histories: Histories) -> Tensor:
        if self._state is None:
            self._state = self.state()
        return torch.from_numpy(self._state.score(histories))

    def train(self, mode: bool = True) -> Self:
        self._state = None
        return super().train(mode)

    def embeddings(self) -> list[torch.nn.Parameter]:
        return [self.free]

    def state(self) -> AttentionState:
        """What is served, from the parameters of the moment."""
        with torch.no_grad():
            past, target = self._vectors(torch.arange(self.n_items, device=self.device), None)
            met = self.popularity > 0
            bias = torch.where(met, self.bias, self.bias[met].mean()) if met.any() else self.bias
            return AttentionState(
                past=numpy_of(past),
                target=numpy_of(target),
                bias=numpy_of(bias),
                place=numpy_of(self.place),
                type_bias=numpy_of(self.type_bias),
                sharpness=float(self.raw_sharpness.exp()),
                forgetting=float(functional.softplus(self.raw_forgetting)),
            )

    @property
    def _samples(self) -> bool:
        config = self.config
        return self.n_items > max(config.full_softmax_items, config.sampled_items)

    def _drawn(self, shape: tuple[int, ...], start: torch.Generator) -> torch.nn.Parameter:
        return torch.nn.Parameter(torch.randn(shape, generator=start) * self.config.initial_scale)

    def _vectors(self, items: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """(k, c) of distinct items; with a generator, free vectors of items that have a text are dropped."""
        vectors = self.free[:, items]
        if self.text is not None and self.projection is not None:
            if generator is not None and self.config.own_dropout:
                drawn = torch.rand((len(items), 1), generator=generator, device=self.device)
                vectors = vectors * (drawn >= self.config.own_dropout)
            vectors = vectors + self.text[items] @ self.projection
        return vectors[0], vectors[-1]

    def _weights(self, batch: Sequences) -> Tensor:
        """W: exp of the biases of each event (last axis) in each prefix; 0 outside its window."""
        length = batch.items.shape[1] - 1
        at = torch.arange(length, device=self.device)
        back = at[:, None] - at
        within = (back >= 0) & (back < self.config.window)
        days = batch.days[:, :-1]
        ages = torch.nan_to_num(days[:, :, None] - days[:, None, :]).clamp(min=0)
        bias = self.place[back.clamp(0, self.config.window - 1)] + self.type_bias[batch.types[:, None, :-1]]
        bias = bias - functional.softplus(self.raw_forgetting) * torch.log1p(ages)
        return bias.exp() * within

    def _columns(self, batch: Sequences) -> Tensor:
        """The distinct items that are compared, in order."""
        if not self._samples:
            return torch.arange(self.n_items, device=self.device)
        distinct: Tensor = torch.unique(torch.cat([batch.drawn, batch.items[batch.items >= 0]]))
        return distinct

    def _offsets(self, columns: Tensor, batch: Sequences) -> Tensor:
        """-log of each item's chance to be among the columns (Bengio and Senécal 2008), if anybody met it."""
        popularity = self.popularity[columns]
        offsets = self.bias.new_zeros(len(columns))
        if self._samples:
            n_own = int((batch.items >= 0).sum())
            missed = (1 - len(batch.drawn) / self.n_items) * (1 - popularity) ** n_own
            offsets = -torch.log((1 - missed).clamp(min=1e-9))
        return torch.where(popularity > 0, offsets, NEVER)

    def _masked(self, items: Tensor, place_of: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(row, prefix, column) of what a prefix already holds, less what it is to find."""
        length = items.shape[1] - 1
        at = torch.arange(length, device=self.device)
        held = (at[:, None] >= at) & (items[:, None, :-1] != items[:, 1:, None]) & (items[:, 1:, None] >= 0)
        if self.config.repeats:
            held = torch.zeros_like(held)
        row, prefix, event = torch.nonzero(held, as_tuple=True)
        return row, prefix, place_of[items[row, event]]

    def _padded(self, users: NDArray[np.int64], drawn: NDArray[np.int64]) -> Sequences:
        histories = self.histories
        lengths = np.minimum(histories.indptr[users + 1] - histories.indptr[users], self.config.longest)
        at = np.arange(lengths.max())
        inside = at < lengths[:, None]
        event = np.where(inside, (histories.indptr[users + 1] - lengths)[:, None] + at, 0)
        time = histories.time[event]
        timed = inside & (time != NO_TIME)
        columns = (
            np.where(inside, histories.item_idx[event], -1).astype(np.int64),
            np.where(inside, histories.type_code[event], 0).astype(np.int64),
            np.where(timed, np.where(timed, time, 0) / _DAY_S, np.nan).astype(np.float32),
            drawn,
        )
        return Sequences(*(torch.from_numpy(column).to(self.device) for column in columns))
