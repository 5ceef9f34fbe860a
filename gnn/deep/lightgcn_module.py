"""LightGCN in torch: whole-graph propagation of which only a batch's rows are ever finished.

A step walks the whole graph, forward and back, as the paper has it. What makes it fast: PyG's `LGConv`
multiplies by `embedding_bag`, on a CPU 5 to 15 times as fast as torch's sparse products; the adjacency is
symmetric, so that the way back is the same product; the last layer is computed for the batch's rows alone,
and its way back starts from those rows alone. The gradients are exact.
"""

import warnings
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from gnn.deep.graph import distinct_interactions
from gnn.deep.lightgcn import LightGCNConfig
from gnn.deep.pairs import PairModule, Pairs, PairVectors, numpy_of
from gnn.deep.profile import ProfileState
from gnn.deep.train import OnEpoch, train_pairs
from gnn.history import FloatCsr
from shopgraph.types import GraphSnapshot, Heldout

with warnings.catch_warnings():
    # torch 2.15 warns of torch.jit, which torch-geometric 2.8 still decorates its functions with.
    warnings.filterwarnings("ignore", category=FutureWarning)
    from torch_geometric.nn import LGConv
from pathlib import Path


def train(
    snapshot: GraphSnapshot,
    config: LightGCNConfig,
    rng: np.random.Generator,
    validation: Heldout | None,
    on_epoch: OnEpoch,
    log_dir: Path | None,
) -> tuple[ProfileState, int]:
    """(what is served, best epoch)."""
    start = torch.Generator().manual_seed(int(rng.integers(0, 2**62)))
    return train_pairs(
        lambda: LightGCNModule(distinct_interactions(snapshot), config, start),
        config,
        rng,
        snapshot,
        validation,
        on_epoch,
        log_dir,
    )


class LightGCNModule(PairModule):
    """Free vectors of all users, then all items, in one table; of an item that nobody met, 0."""

    name = "lightgcn"

    def __init__(self, interactions: FloatCsr, config: LightGCNConfig, start: torch.Generator) -> None:
        super().__init__(interactions, config)
        self.layers = config.layers
        self.convolution = SymmetricConv(interactions)
        self.edges_per_step = 2 * interactions.nnz * config.layers
        noise = torch.randn((self.n_users + self.n_items, config.dim), generator=start)
        noise[self.n_users :][self.popularity == 0] = 0
        self.free = torch.nn.Parameter(noise * config.initial_scale)

    def vectors(self, batch: Pairs, columns: Tensor, generator: torch.Generator) -> PairVectors:
        users, user_row = torch.unique(batch.users, return_inverse=True)
        rows = torch.cat([users, columns + self.n_users])
        smoothed, free = _SmoothedRows.apply(self.free, rows, self.convolution, self.layers)
        n = len(users)
        return PairVectors(smoothed[:n][user_row], smoothed[n:], free[:n][user_row], free[n:])

    def state(self) -> ProfileState:
        layer = self.free.detach()
        below = torch.zeros_like(layer)
        for _ in range(self.layers):
            below += layer
            layer = self.convolution(layer)
        factor = 1 / (self.layers + 1)
        scale = factor * self.convolution.inverse_root[self.n_users :, None]
        return ProfileState(
            own=numpy_of(self.free[: self.n_users] * factor),
            past=numpy_of(below[self.n_users :] * scale),
            target=numpy_of((below + layer)[self.n_users :] * factor),
            history_power=0.5,
        )

    def embeddings(self) -> list[torch.nn.Parameter]:
        return [self.free]


class SymmetricConv(LGConv):  # type: ignore[misc]  # torch-geometric is untyped for mypy
    """LGConv over users and items with `1 / √(degree · degree)` kept on the edges; x has users first."""

    columns: Tensor
    offsets: Tensor
    values: Tensor
    inverse_root: Tensor
    adjacency: Tensor

    def __init__(self, interactions: FloatCsr) -> None:
        super().__init__(normalize=False)
        whole = sparse.block_array([[None, interactions], [interactions.T.tocsr(), None]], format="csr")
        degree = np.diff(whole.indptr)
        inverse_root = np.maximum(degree, 1) ** -0.5
        values = np.repeat(inverse_root, degree) * inverse_root[whole.indices]
        rows = np.repeat(np.arange(len(degree)), degree)
        buffers = {
            "columns": torch.from_numpy(whole.indices.astype(np.int64)),
            "offsets": torch.from_numpy(whole.indptr.astype(np.int64)),
            "values": torch.from_numpy(values.astype(np.float32)),
            "inverse_root": torch.from_numpy(inverse_root.astype(np.float32)),
        }
        buffers["adjacency"] = torch.sparse_coo_tensor(
            torch.stack([torch.from_numpy(rows), buffers["columns"]]),
            buffers["values"],
            whole.shape,
            is_coalesced=True,
            check_invariants=False,
        )
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The next layer, shape (n_nodes, dim)."""
        summed: Tensor = self.propagate(self.adjacency, x=x, edge_weight=None)
        return summed

    def message_and_aggregate(self, adjacency: Tensor, x: Tensor) -> Tensor:
        """All messages in one product."""
        return adjacency @ x if x.is_cuda else _bag(x, self.columns, self.offsets, self.values)

    def block(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(columns, offsets, values) of some rows of the adjacency, as a CSR matrix."""
        starts = self.offsets[rows]
        counts = self.offsets[rows + 1] - starts
        offsets = functional.pad(counts.cumsum(0), (1, 0))
        shift = torch.repeat_interleave(starts - offsets[:-1], counts)
        at = torch.arange(len(shift), device=rows.device) + shift
        return self.columns[at], offsets, self.values[at]


class _SmoothedRows(torch.autograd.Function):
    """Some rows of the mean over layers of the propagated table, and the same rows of the table itself."""

    @staticmethod
    def forward(
        ctx: Any, free: Tensor, rows: Tensor, convolution: SymmetricConv, layers: int
    ) -> tuple[Tensor, Tensor]:
        ctx.rows, ctx.convolution, ctx.layers = rows, convolution, layers
        ctx.block = convolution.block(rows)
        ctx.shape = free.shape
        own = free[rows]
        layer, total = free, own.clone()
        for _ in range(layers - 1):
            layer = convolution(layer)
            total += layer[rows]
        total += _bag(layer, *ctx.block)
        return total / (layers + 1), own

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        """Horner's rule: g + A(g + A(g + A g)) for three layers, the innermost from the batch's rows."""
        grad = grads[0].contiguous() / (ctx.layers + 1)
        layer = _transposed_product(grad, ctx.block, ctx.shape[0])
        for _ in range(ctx.layers - 1):
            layer = ctx.convolution(layer.index_add_(0, ctx.rows, grad))
        return layer.index_add_(0, ctx.rows, grad + grads[1]), None, None, None


def _transposed_product(x: Tensor, block: tuple[Tensor, Tensor, Tensor], n_nodes: int) -> Tensor:
    """Transpose of a block of rows, times x; shape (n_nodes, dim)."""
    columns, offsets, values = block
    if x.is_cuda:
        rows = torch.repeat_interleave(torch.arange(len(x), device=x.device), offsets.diff())
        return x.new_zeros((n_nodes, x.shape[1])).index_add_(0, columns, x[rows] * values[:, None])
    csr = sparse.csr_array((values.numpy(), columns.numpy(), offsets.numpy()), shape=(len(x), n_nodes))
    turned = csr.tocsc()
    return _bag(x, *(torch.from_numpy(part) for part in (turned.indices, turned.indptr, turned.data)))


def _bag(x: Tensor, columns: Tensor, offsets: Tensor, values: Tensor) -> Tensor:
    if not len(columns):
        return x.new_zeros((len(offsets) - 1, x.shape[1]))
    return functional.embedding_bag(
        columns, x, offsets, mode="sum", per_sample_weights=values, include_last_offset=True
    )
