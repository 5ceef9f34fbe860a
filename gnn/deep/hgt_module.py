"""HGT in torch: PyG's `HGTConv` over edges that are drawn anew for each step."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gnn.deep.graph import distinct_interactions, pruned
from gnn.deep.hetero import hetero_data
from gnn.deep.hgt import HGTConfig
from gnn.deep.leave_out import LeaveOutModule, Parts
from gnn.deep.pairs import Pairs
from gnn.deep.profile import ProfileState
from gnn.deep.train import OnEpoch, train_pairs
from gnn.history import FloatCsr
from gnn.linear.parts import text_differences
from shopgraph.types import ITEM, USER, GraphSnapshot, Heldout

with warnings.catch_warnings():
    # torch 2.15 warns of torch.jit, which torch-geometric 2.8 still decorates its functions with.
    warnings.filterwarnings("ignore", category=FutureWarning)
    from torch_geometric.data import HeteroData
    from torch_geometric.nn import HGTConv

EdgeKey = tuple[str, str, str]


def train(
    snapshot: GraphSnapshot,
    config: HGTConfig,
    rng: np.random.Generator,
    validation: Heldout | None,
    on_epoch: OnEpoch,
    log_dir: Path | None,
) -> tuple[ProfileState, int]:
    """(what is served, best epoch)."""
    start = torch.Generator().manual_seed(int(rng.integers(0, 2**62)))
    graph = hetero_data(pruned(snapshot, config.min_degree))
    with torch.random.fork_rng(devices=[]):  # HGTConv draws its weights from the global stream
        torch.manual_seed(start.initial_seed())
        return train_pairs(
            lambda: HGTModule(distinct_interactions(snapshot), graph, config, start),
            config,
            rng,
            snapshot,
            validation,
            on_epoch,
            log_dir,
        )


class HGTModule(LeaveOutModule):
    """Free vectors of each label's nodes, those of items that nobody met from 0, then `layers` of HGTConv."""

    name = "hgt"
    history_power = 0.5
    text: Tensor | None

    def __init__(
        self, interactions: FloatCsr, data: HeteroData, config: HGTConfig, start: torch.Generator
    ) -> None:
        super().__init__(interactions, config)
        self.most = config.max_neighbours
        self.edge_types: list[EdgeKey] = list(data.edge_types)
        for n, edge_type in enumerate(self.edge_types):
            self.register_buffer(f"edges_{n}", data[edge_type].edge_index, persistent=False)
        self.edges_per_step = config.layers * sum(data[key].num_edges for key in self.edge_types)
        scale, self.dim = config.initial_scale, config.dim
        self.free = torch.nn.ParameterDict(
            {
                label: torch.nn.Parameter(
                    torch.randn((data[label].num_nodes, self.dim), generator=start) * scale
                )
                for label in data.node_types
            }
        )
        self.free[ITEM].data[self.popularity == 0] = 0
        text = None
        self.projection: torch.nn.Parameter | None = None
        if "x" in data[ITEM]:
            vectors = data[ITEM].x.numpy()
            text = torch.from_numpy(text_differences(vectors, vectors.mean(axis=0)))
            drawn = torch.randn((text.shape[1], self.dim), generator=start)
            self.projection = torch.nn.Parameter(drawn * scale)
        self.register_buffer("text", text, persistent=False)
        self.layers = torch.nn.ModuleList(
            HGTConv(self.dim, self.dim, data.metadata(), heads=config.heads) for _ in range(config.layers)
        )

    def parts(self, batch: Pairs | None, generator: torch.Generator | None) -> Parts:
        nodes = dict(self.free.items())
        if self.text is not None and self.projection is not None:
            nodes[ITEM] = nodes[ITEM] + self.text @ self.projection
        edges = {
            edge_type: self._edges_of(n, edge_type, batch, generator)
            for n, edge_type in enumerate(self.edge_types)
        }
        for layer in self.layers:
            nodes = {**nodes, **layer(nodes, edges)}
        users, items = nodes[USER], nodes[ITEM]
        return Parts(users, None, items, items, self.free[USER], self.free[ITEM])

    def embeddings(self) -> list[torch.nn.Parameter]:
        return list(self.free.values())

    def _edges_of(
        self, n: int, edge_type: EdgeKey, batch: Pairs | None, generator: torch.Generator | None
    ) -> Tensor:
        """The edges of a type; in training without the batch's pairs, and at most so many per target."""
        edges: Tensor = self.get_buffer(f"edges_{n}")
        if generator is None or batch is None:
            return edges
        src, _, dst = edge_type
        if (src, dst) in ((USER, ITEM), (ITEM, USER)):
            users, items = edges if dst == ITEM else edges.flip(0)
            taken = torch.isin(users * self.n_items + items, batch.users * self.n_items + batch.items)
            edges = edges[:, ~taken]
        return sampled(edges, self.most, generator)


def sampled(edges: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """At most `most` edges of each target, drawn without repeats; edges come sorted by target."""
    target = edges[1]
    counts = torch.bincount(target)
    if not len(counts) or int(counts.max()) <= most:
        return edges
    drawn = torch.rand(len(target), generator=generator, device=edges.device, dtype=torch.float64)
    order = torch.argsort(target + drawn)
    starts = counts.cumsum(0) - counts
    place = torch.arange(len(target), device=edges.device) - starts[target]
    return edges[:, order[place < most].sort().values]
