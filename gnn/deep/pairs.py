"""Training on pairs of a user and an item, whatever encodes them (torch)."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnn.deep.pair_config import PairConfig
from gnn.deep.profile import ProfileState
from gnn.deep.sizes import sizes_of
from gnn.history import FloatCsr
from gnn.training.losses import NEVER, bpr_loss, softmax_loss
from gnn.training.module import Trainable
from shopgraph.types import Histories, iter_batches

_REDRAWS = 8


class Pairs(NamedTuple):
    """Users, an item each has, and an item each has not; int64, shape (n,) each."""

    users: Tensor
    items: Tensor
    negatives: Tensor


class PairVectors(NamedTuple):
    """What a batch's scores are products of, and the free vectors behind it, which the penalty is on.

    Attributes:
        profiles: the user of each pair, shape (n_pairs, dim).
        items: each column's item, shape (n_columns, dim).
        free_users: as `profiles`.
        free_items: as `items`.
    """

    profiles: Tensor
    items: Tensor
    free_users: Tensor
    free_items: Tensor


class PairModule(Trainable[Pairs]):
    """Learns by BPR or softmax over pairs; a model says how users and items become vectors.

    BPR: Rendle et al. 2009, mean over pairs of `-log σ(s(u, i) - s(u, j))`, one j drawn uniformly from what
    u does not have. Softmax: `-log softmax` of i among all items; in a catalogue above
    `full_softmax_items` among the batch's items and random ones, each logit less the log of its item's
    chance to be there (Bengio and Senécal 2008). Items that nobody met are in neither.
    """

    popularity: Tensor

    def __init__(self, interactions: FloatCsr, config: PairConfig) -> None:
        super().__init__()
        self.config = config
        self.n_users, self.n_items = interactions.shape
        self._pair_users = np.repeat(np.arange(self.n_users), np.diff(interactions.indptr))
        self._pair_items = interactions.indices.astype(np.int64)
        counts = np.bincount(self._pair_items, minlength=self.n_items)
        popularity = torch.from_numpy(counts / max(1, len(self._pair_items)))
        self.register_buffer("popularity", popularity, persistent=False)
        self.sizes = sizes_of(config)
        self._state: ProfileState | None = None

    @abstractmethod
    def vectors(self, batch: Pairs, columns: Tensor, generator: torch.Generator) -> PairVectors:
        """The batch's vectors; `columns` are the distinct items it looks at, in order."""

    @abstractmethod
    def state(self) -> ProfileState:
        """What is served, from the parameters of the moment."""

    def batches(self, rng: np.random.Generator) -> Iterator[Pairs]:
        """All pairs once, in random order."""
        order = rng.permutation(len(self._pair_users))
        negatives = self._negatives(rng)
        for rows in iter_batches(len(order), self.config.batch_size):
            chosen = order[rows]
            columns = (self._pair_users[chosen], self._pair_items[chosen], negatives[chosen])
            yield Pairs(*(torch.from_numpy(column).to(self.device) for column in columns))

    def loss(self, batch: Pairs, generator: torch.Generator) -> Tensor:
        columns = self._columns(batch)
        found = self.vectors(batch, columns, generator)
        positive = torch.searchsorted(columns, batch.items)
        free = found.free_users.square().sum() + found.free_items[positive].square().sum()
        if self.config.loss == "bpr":
            negative = torch.searchsorted(columns, batch.negatives)
            places = (positive, negative)
            bought, other = ((found.profiles * found.items[place]).sum(dim=1) for place in places)
            loss = bpr_loss(bought, other)
            free = free + found.free_items[negative].square().sum()
        else:
            loss = self._softmax(found.profiles, found.items, columns, positive)
        return loss + self.config.l2 * 0.5 * free / len(batch.users)

    def scores(self, histories: Histories) -> Tensor:
        if self._state is None:
            with torch.no_grad():
                self._state = self.state()
        return torch.from_numpy(self._state.score(histories))

    def train(self, mode: bool = True) -> Self:
        self._state = None
        return super().train(mode)

    @property
    def _samples(self) -> bool:
        return self.n_items > self.config.full_softmax_items

    def _columns(self, batch: Pairs) -> Tensor:
        """The distinct items that the batch's loss looks at, in order."""
        if self.config.loss == "softmax" and not self._samples:
            return torch.arange(self.n_items, device=self.device)
        distinct: Tensor = torch.unique(torch.cat([batch.items, batch.negatives]))
        return distinct

    def _softmax(self, profiles: Tensor, items: Tensor, columns: Tensor, positive: Tensor) -> Tensor:
        popularity = self.popularity[columns]
        offsets = items.new_zeros(len(columns))
        if self._samples:
            missed = ((1 - 1 / self.n_items) * (1 - popularity)) ** len(profiles)
            offsets = -torch.log((1 - missed).clamp(min=1e-9)).to(items.dtype)
        offsets = torch.where(popularity > 0, offsets, NEVER)
        rows = torch.arange(len(profiles), device=self.device)
        nothing = (rows[:0], rows[:0])
        targets = (rows, positive, torch.ones_like(offsets[:1]).expand(len(rows)))
        profiles = profiles / self.config.temperature
        return softmax_loss(profiles, items, offsets, nothing, targets) / len(profiles)

    def _negatives(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """A met item for each pair that its user does not have; after a few draws in vain, any met item."""
        known = self._pair_users * self.n_items + self._pair_items
        met = np.unique(self._pair_items)
        drawn = met[rng.integers(0, len(met), len(known))]
        again = np.arange(len(known))
        for _ in range(_REDRAWS):
            keys = self._pair_users[again] * self.n_items + drawn[again]
            found = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            again = again[known[found] == keys]
            if not len(again):
                break
            drawn[again] = met[rng.integers(0, len(met), len(again))]
        return drawn


def numpy_of(tensor: Tensor) -> NDArray[np.float32]:
    """The tensor as an array of its own."""
    copied: NDArray[np.float32] = tensor.detach().cpu().numpy().copy()
    return copied
