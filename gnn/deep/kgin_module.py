"""KGIN in torch."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gnn.deep.graph import Relation, distinct_interactions, knowledge_relations, pruned
from gnn.deep.kgin import KGINConfig
from gnn.deep.leave_out import LeaveOutModule, Parts
from gnn.deep.pairs import Pairs
from gnn.deep.profile import ProfileState
from gnn.deep.train import OnEpoch, train_pairs
from gnn.history import FloatCsr
from gnn.linear.tower import RelationMean
from gnn.training.augment import kept_edges
from shopgraph.types import GraphSnapshot, Heldout


def train(
    snapshot: GraphSnapshot,
    config: KGINConfig,
    rng: np.random.Generator,
    validation: Heldout | None,
    on_epoch: OnEpoch,
    log_dir: Path | None,
) -> tuple[ProfileState, int]:
    """(what is served, best epoch)."""
    start = torch.Generator().manual_seed(int(rng.integers(0, 2**62)))
    relations = knowledge_relations(pruned(snapshot, config.min_degree))
    return train_pairs(
        lambda: KGINModule(distinct_interactions(snapshot), relations, config, start),
        config,
        rng,
        snapshot,
        validation,
        on_epoch,
        log_dir,
    )


class KGINModule(LeaveOutModule):
    """Free vectors of users, nodes (items first) and relations, the last of which is buying.

    Those of items that nobody met start at 0, so that their relations alone say what they are.
    """

    name = "kgin"

    def __init__(
        self,
        interactions: FloatCsr,
        relations: list[Relation],
        config: KGINConfig,
        start: torch.Generator,
    ) -> None:
        super().__init__(interactions, config)
        self.layers, self.intents, self.settings = config.layers, config.intents, config
        n_nodes = relations[0].mean.shape[0] if relations else self.n_items
        self.means = torch.nn.ModuleList(RelationMean(relation.mean) for relation in relations)
        n_edges = sum(relation.mean.nnz for relation in relations)
        self.edges_per_step = n_edges * config.layers + interactions.nnz

        def drawn(*shape: int) -> torch.nn.Parameter:
            return torch.nn.Parameter(torch.randn(shape, generator=start) * config.initial_scale)

        self.users, self.nodes = drawn(self.n_users, config.dim), drawn(n_nodes, config.dim)
        self.nodes.data[: self.n_items][self.popularity == 0] = 0
        self.relations = torch.nn.Parameter(1 + drawn(len(relations) + 1, config.dim).detach())
        self.mix = drawn(config.intents, len(relations) + 1)

    def loss(self, batch: Pairs, generator: torch.Generator) -> Tensor:
        unit = torch.nn.functional.normalize(self._intents(), dim=1)
        cosines = unit @ unit.T - torch.eye(self.intents, device=self.device)
        return super().loss(batch, generator) + self.settings.independence * cosines.square().mean()

    def parts(self, batch: Pairs | None, generator: torch.Generator | None) -> Parts:
        layer: Tensor = self.nodes
        below = torch.zeros_like(layer)
        for _ in range(self.layers):
            below = below + layer
            layer = self._next(layer, generator)
        n = self.n_items
        intents = self._intents()
        gates = torch.softmax(self.users @ intents.T, dim=1) @ intents
        return Parts(self.users, gates, below[:n], (below + layer)[:n], self.users, self.nodes[:n])

    def embeddings(self) -> list[torch.nn.Parameter]:
        return [self.users, self.nodes]

    def _intents(self) -> Tensor:
        return torch.softmax(self.mix, dim=1) @ self.relations

    def _next(self, layer: Tensor, generator: torch.Generator | None) -> Tensor:
        total = torch.zeros_like(layer)
        dropped = self.settings.edge_dropout
        for mean, relation in zip(self.means, self.relations, strict=False):  # buying has no matrix
            keep = None
            if generator is not None and dropped and isinstance(mean, RelationMean):
                keep = kept_edges(len(mean.values), dropped, generator)
            total = torch.addcmul(total, relation, mean(layer, keep))
        return total
