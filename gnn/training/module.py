"""What the training engine needs of a model: its half in torch."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from shopgraph.types import Histories

B = TypeVar("B")
"""One batch, whatever the model makes of it."""


class Trainable(torch.nn.Module, ABC, Generic[B]):
    """A model while it learns.

    The engine calls `eval()` before an epoch's first `scores` and `train()` after its last: what all
    rows share, such as propagated vectors, may be kept in between (override `train` to forget it).

    Attributes:
        name: stands in the progress line.
        edges_per_step: edges that one `loss` walks, for the progress line.
        sizes: settings by name that memory grows with; the message says to lower them when it ends.
    """

    name: str = "graph"
    edges_per_step: int = 0
    sizes: Mapping[str, int] = {}

    @abstractmethod
    def batches(self, rng: np.random.Generator) -> Iterator[B]:
        """One epoch of batches, tensors on the module's device.

        What is drawn for each unit (negatives, splits) is drawn here: several processes then share it.
        """

    @abstractmethod
    def loss(self, batch: B, generator: torch.Generator) -> Tensor:
        """A scalar: mean over the batch's units, penalties included; the generator drops nodes and edges."""

    @abstractmethod
    def scores(self, histories: Histories) -> Tensor:
        """Scores of all items without gradient, shape (len(histories), n_items).

        `histories.user_idx` tells known users; a model with a vector per user folds in the others.
        """

    @abstractmethod
    def embeddings(self) -> Sequence[torch.nn.Parameter]:
        """What adversarial training moves, each of shape (n, dim)."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def units(self, batch: B) -> int:
        """What the loss is a mean over (users, pairs): by default the first tensor's length."""
        return len(_tensors(batch)[0])

    def share(self, batch: B, rank: int, n_ranks: int) -> B:
        """The units of one process among several, all of equal weight; may be none.

        By default every tensor of the batch is taken to have one row per unit.
        """
        parts = [tensor[rank::n_ranks] for tensor in _tensors(batch)]
        if isinstance(batch, Tensor):
            return parts[0]  # type: ignore[return-value]  # B is Tensor here
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)  # type: ignore[call-arg]  # a tuple


def _tensors(batch: object) -> tuple[Tensor, ...]:
    """The tensors of a batch that is a tensor or a tuple of some."""
    found = batch if isinstance(batch, tuple) else (batch,)
    if not found or not all(isinstance(part, Tensor) for part in found):
        raise TypeError(f"a batch of {type(batch).__name__}: override units and share for it")
    return found
