"""The linear model in torch: message passing over the relations.

PyG's `MessagePassing` carries each step; its fused form multiplies by `embedding_bag`, which on a CPU is
five times as fast as torch's sparse product and, unlike it, lets single edges be dropped.
"""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gnn.history import FloatCsr
from gnn.linear.config import LinearKGConfig
from gnn.linear.parts import NORM_FLOOR, LinearParameters, text_differences
from gnn.linear.walks import RelationGraph
from gnn.training.augment import kept_edges, kept_nodes
from shopgraph.types import BoolVector, FloatMatrix, FloatVector

with warnings.catch_warnings():
    # torch 2.15 warns of torch.jit, which torch-geometric 2.8 still decorates its functions with.
    warnings.filterwarnings("ignore", category=FutureWarning)
    from torch_geometric.nn import MessagePassing

_GATE_AT_START = 2.0


class LinearItemTower(torch.nn.Module):
    """z_j = c_j · (own + text projection + Σ_r w_r · mean of the neighbours' vectors), one or two hops.

    An item that nobody met and that no other node takes a mean of has no vector of its own here: nothing
    could teach it one but that it was never bought. It borrows one to serve (`with_borrowed_vectors`).
    """

    def __init__(
        self,
        graph: RelationGraph,
        text_vectors: FloatMatrix | None,
        config: LinearKGConfig,
        generator: torch.Generator,
        met: BoolVector,
    ) -> None:
        """`met`: which items occur in a history, shape (n_items,)."""
        super().__init__()
        self.n_items, self.config = graph.n_items, config
        self.first_hop = graph.first_hop
        # A step that leaves items has only their rows, which come first.
        self.means = torch.nn.ModuleList(
            RelationMean(mean[: self.n_items] if n in self.first_hop else mean)
            for n, mean in enumerate(graph.means)
        )
        walked = graph.first_hop if config.hops == 1 else range(len(graph.means))
        self.n_edges = sum(graph.means[n].nnz for n in walked)
        self.met: Tensor
        self.register_buffer("met", torch.from_numpy(met), persistent=False)
        read = np.concatenate([graph.means[n].indices for n in walked] or [np.zeros(0, np.int32)])
        has_own = np.bincount(read, minlength=graph.n_nodes)[: self.n_items] > 0
        self.has_own: Tensor
        self.register_buffer("has_own", torch.from_numpy(has_own | met), persistent=False)
        noise = torch.randn((graph.n_nodes, config.dim), generator=generator)
        self.base = torch.nn.Parameter(noise * config.initial_scale)
        ones = torch.full((len(graph.steps),), float(_inverse_softplus(1.0)))
        self.raw_own = torch.nn.Parameter(torch.tensor(float(_inverse_softplus(1.0))))
        self.raw_first = torch.nn.Parameter(ones.clone())
        self.raw_second = torch.nn.Parameter(ones.clone()) if config.hops == 2 else None
        self.gate = torch.nn.Parameter(torch.zeros(config.dim))
        self.gate_bias = torch.nn.Parameter(torch.tensor(_GATE_AT_START))
        self.log_scale = torch.nn.Parameter(torch.tensor(float(np.log(config.initial_temperature))))
        self.text: Tensor | None
        self.text_mean = None if text_vectors is None else text_vectors.mean(axis=0)
        text = None
        self.projection: torch.nn.Parameter | None = None
        if text_vectors is not None and self.text_mean is not None:
            text = torch.from_numpy(text_differences(text_vectors, self.text_mean))
            noise = torch.randn((text_vectors.shape[1], config.dim), generator=generator)
            self.projection = torch.nn.Parameter(noise * config.initial_scale)
        self.register_buffer("text", text, persistent=False)

    def forward(self, generator: torch.Generator | None = None) -> Tensor:
        """The item vectors, shape (n_items, dim); with a generator, own and edges are dropped by it."""
        neighbours = self._neighbours(generator)
        if generator is not None and self.config.node_dropout:
            neighbours = neighbours * kept_nodes(len(neighbours), self.config.node_dropout, generator)
        own = functional.softplus(self.raw_own) * self.base[: self.n_items] * self.has_own[:, None]
        if generator is not None and self.config.own_dropout:
            drawn = torch.rand((self.n_items, 1), generator=generator, device=own.device)
            own = own * (drawn >= self.config.own_dropout)
        vectors = own
        weights = functional.softplus(self.raw_first)
        for n in self.first_hop:
            mean = self.means[n]
            vectors = vectors + weights[n] * mean(neighbours, self._keep(mean, generator))
        if self.projection is not None and self.text is not None:
            vectors = vectors + self.text @ self.projection
        return vectors * (vectors.square().sum(dim=1, keepdim=True) + NORM_FLOOR) ** (
            -self.config.norm_power / 2
        )

    def gated(self, vectors: Tensor) -> Tensor:
        """gate(z_i) · z_i, times the scale of the scores."""
        gates = torch.sigmoid(vectors @ self.gate + self.gate_bias)
        return vectors * (gates * self.log_scale.exp())[:, None]

    def parameters_as_numpy(self) -> LinearParameters:
        """What was learned so far, copied."""
        second = torch.zeros_like(self.raw_first)
        if self.raw_second is not None:
            second = functional.softplus(self.raw_second)
        base = _copied(self.base)
        base[: self.n_items][~self.has_own.cpu().numpy()] = 0
        return LinearParameters(
            base=base,
            own_weight=float(functional.softplus(self.raw_own.detach())),
            first_hop=_copied(functional.softplus(self.raw_first)),
            second_hop=_copied(second),
            projection=None if self.projection is None else _copied(self.projection),
            text_mean=self.text_mean,
            gate=_copied(self.gate),
            gate_bias=float(self.gate_bias.detach()),
            scale=float(self.log_scale.detach().exp()),
        )

    def adopt(self, parameters: LinearParameters) -> None:
        """Go on from what `parameters_as_numpy` gave, of this tower or one of the same shape."""
        learned = {
            self.base: parameters.base,
            self.raw_own: _inverse_softplus(parameters.own_weight),
            self.raw_first: _inverse_softplus(parameters.first_hop),
            self.gate: parameters.gate,
            self.gate_bias: parameters.gate_bias,
            self.log_scale: np.log(parameters.scale),
        }
        if self.raw_second is not None:
            learned[self.raw_second] = _inverse_softplus(parameters.second_hop)
        if self.projection is not None and parameters.projection is not None:
            learned[self.projection] = parameters.projection
        with torch.no_grad():
            for parameter, value in learned.items():
                parameter.copy_(torch.as_tensor(value))

    def _neighbours(self, generator: torch.Generator | None) -> Tensor:
        """What the first hop takes the mean of: base vectors, with two hops and their own neighbours'."""
        if self.raw_second is None:
            return self.base
        items, entities = self.base[: self.n_items], self.base[self.n_items :]
        weights = functional.softplus(self.raw_second)
        for n, mean in enumerate(self.means):
            added = weights[n] * mean(self.base, self._keep(mean, generator))
            items = items + added[: self.n_items]
            if n not in self.first_hop:
                entities = entities + added[self.n_items :]
        return torch.cat([items, entities])

    def _keep(self, mean: torch.nn.Module, generator: torch.Generator | None) -> Tensor | None:
        """A factor for each edge: 0 where it is dropped, else 1 / (share kept)."""
        dropped = self.config.edge_dropout
        if generator is None or not dropped or not isinstance(mean, RelationMean):
            return None
        return kept_edges(len(mean.values), dropped, generator)


class RelationMean(MessagePassing):  # type: ignore[misc]  # torch-geometric is untyped for mypy
    """The mean of the neighbours' vectors along one step, as PyG message passing."""

    columns: Tensor
    offsets: Tensor
    values: Tensor
    back_columns: Tensor
    back_offsets: Tensor
    back_order: Tensor
    adjacency: Tensor

    def __init__(self, mean: FloatCsr) -> None:
        super().__init__(aggr="sum")
        coo = mean.tocoo()
        back_order = np.lexsort((coo.row, coo.col))
        back_offsets = np.concatenate([[0], np.cumsum(np.bincount(coo.col, minlength=mean.shape[1]))])
        buffers = {
            "columns": torch.from_numpy(coo.col.astype(np.int64)),
            "offsets": torch.from_numpy(mean.indptr.astype(np.int64)),
            "values": torch.from_numpy(mean.data),
            "back_columns": torch.from_numpy(coo.row[back_order].astype(np.int64)),
            "back_offsets": torch.from_numpy(back_offsets.astype(np.int64)),
            "back_order": torch.from_numpy(back_order),
        }
        places = torch.from_numpy(np.stack([coo.row, coo.col]).astype(np.int64))
        buffers["adjacency"] = torch.sparse_coo_tensor(
            places, buffers["values"], mean.shape, is_coalesced=True, check_invariants=False
        )
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """Product of mean and x, each edge's term times its `keep`; shape (n_nodes, dim)."""
        values = self.values if keep is None else self.values * keep
        summed: Tensor = self.propagate(self.adjacency, x=x, values=values)
        return summed

    def message(self, x_j: Tensor) -> Tensor:
        """A neighbour's vector as it is: the model is linear."""
        return x_j

    def message_and_aggregate(self, adjacency: Tensor, x: Tensor, values: Tensor) -> Tensor:
        """All messages of the step, weighted and summed in one product."""
        product: Tensor = _BagProduct.apply(x, values, self)
        return product


class _BagProduct(torch.autograd.Function):
    """Sparse matrix times dense matrix, with the gradient of the dense one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, values: Tensor, step: RelationMean) -> Tensor:
        ctx.step, ctx.values = step, values
        return _bag(x, step.columns, step.offsets, values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        step = ctx.step
        back = _bag(grads[0].contiguous(), step.back_columns, step.back_offsets, ctx.values[step.back_order])
        return back, None, None


def _bag(x: Tensor, columns: Tensor, offsets: Tensor, values: Tensor) -> Tensor:
    if not len(columns):
        return x.new_zeros((len(offsets) - 1, x.shape[1]))
    return functional.embedding_bag(
        columns, x, offsets, mode="sum", per_sample_weights=values, include_last_offset=True
    )


def _inverse_softplus(value: float | FloatVector) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.log(np.expm1(np.maximum(np.asarray(value, np.float64), 1e-6)))
    return found


def _copied(tensor: Tensor) -> FloatMatrix:
    copied: FloatMatrix = tensor.detach().cpu().numpy().copy()
    return copied
