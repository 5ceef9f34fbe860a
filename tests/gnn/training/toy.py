"""A small trainable model: item vectors, a user being the sum of the items bought."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from gnn.history import history_matrix, snapshot_matrix, type_weight_vector
from gnn.training.augment import kept_nodes
from gnn.training.module import Trainable
from shopgraph.types import GraphSnapshot, Heldout, Histories
from tests.gnn.recommender_suite import without_last_event
from tests.planted import planted_snapshot


class Toy(Trainable[tuple[Tensor, Tensor]]):
    """Finds an item of a user from one of the others: softmax over all items."""

    name = "toy"

    def __init__(
        self, snapshot: GraphSnapshot, batch_size: int = 32, dim: int = 8, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.weights = type_weight_vector(snapshot.event_types, {})
        matrix = snapshot_matrix(snapshot, self.weights)
        self.pairs = np.array(
            [(a, b) for row in matrix.tolil().rows for a in row for b in row if a != b], np.int64
        )
        self.dropout = dropout
        self.batch_size, self.n_items = batch_size, snapshot.n_items
        start = torch.Generator().manual_seed(0)
        self.items = torch.nn.Parameter(torch.randn((snapshot.n_items, dim), generator=start) * 0.1)
        self.edges_per_step = len(snapshot.interactions)
        self.sizes = {"batch_size": batch_size, "dim": dim}

    def batches(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        order = rng.permutation(len(self.pairs))
        for start in range(0, len(order), self.batch_size):
            pairs = torch.from_numpy(self.pairs[order[start : start + self.batch_size]]).to(self.device)
            yield pairs[:, 0], pairs[:, 1]

    def loss(self, batch: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
        known, target = batch
        items = self.items * kept_nodes(self.n_items, self.dropout, generator)
        logits = items[known] @ items.T
        return torch.nn.functional.cross_entropy(logits, target)

    def scores(self, histories: Histories) -> Tensor:
        known = history_matrix(histories, self.n_items, self.weights).toarray()
        return torch.from_numpy(known).to(self.device) @ self.items @ self.items.T

    def embeddings(self) -> Sequence[torch.nn.Parameter]:
        return [self.items]


def toy_data(shuffled: bool = False) -> tuple[GraphSnapshot, Heldout]:
    """The planted data less each user's last event, which is to be found."""
    train, targets = without_last_event(planted_snapshot(shuffled=shuffled))
    users = np.arange(len(targets), dtype=np.int32)
    return train, Heldout(users, np.arange(len(targets) + 1), targets.astype(np.int32))
