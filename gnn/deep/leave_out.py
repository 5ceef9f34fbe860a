"""Training that leaves a pair's item out of its user's past, as when it is looked for later (torch)."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gnn.deep.pair_config import PairConfig
from gnn.deep.pairs import PairModule, Pairs, PairVectors, numpy_of
from gnn.deep.profile import ProfileState
from gnn.history import FloatCsr


class Parts(NamedTuple):
    """All users and items, as in `ProfileState`, and the free vectors behind them."""

    own: Tensor
    gates: Tensor | None
    past: Tensor
    target: Tensor
    free_users: Tensor
    free_items: Tensor


class LeaveOutModule(PairModule):
    """Encodes everything in each step; `history_power` is that of `ProfileState`."""

    history_power: float = 1.0
    past_items: Tensor
    past_offsets: Tensor

    def __init__(self, interactions: FloatCsr, config: PairConfig) -> None:
        super().__init__(interactions, config)
        indices, offsets = interactions.indices.astype(np.int64), interactions.indptr.astype(np.int64)
        self.register_buffer("past_items", torch.from_numpy(indices), persistent=False)
        self.register_buffer("past_offsets", torch.from_numpy(offsets), persistent=False)

    @abstractmethod
    def parts(self, batch: Pairs | None, generator: torch.Generator | None) -> Parts:
        """The encoder's output; with a batch, as in a training step on it."""

    def vectors(self, batch: Pairs, columns: Tensor, generator: torch.Generator) -> PairVectors:
        parts = self.parts(batch, generator)
        users, user_row = torch.unique(batch.users, return_inverse=True)
        starts, ends = self.past_offsets[users], self.past_offsets[users + 1]
        offsets = functional.pad((ends - starts).cumsum(0), (1, 0))
        shift = torch.repeat_interleave(starts - offsets[:-1], ends - starts)
        taken = self.past_items[torch.arange(len(shift), device=self.device) + shift]
        sums = functional.embedding_bag(taken, parts.past, offsets, mode="sum", include_last_offset=True)
        others = (ends - starts - 1).clamp(min=1).to(sums.dtype)[user_row, None]
        past = (sums[user_row] - parts.past[batch.items]) * others**-self.history_power
        if parts.gates is not None:
            past = past * parts.gates[batch.users]
        return PairVectors(
            parts.own[batch.users] + past,
            parts.target[columns],
            parts.free_users[batch.users],
            parts.free_items[columns],
        )

    def state(self) -> ProfileState:
        with torch.no_grad():
            parts = self.parts(None, None)
        gates = None
        if parts.gates is not None:
            gates = numpy_of(torch.cat([parts.gates, parts.gates.mean(dim=0, keepdim=True)]))
        own, past, target = (numpy_of(part) for part in (parts.own, parts.past, parts.target))
        return ProfileState(own, past, target, self.history_power, gates)
