"""The linear model in torch: message passing over the relations, and a softmax that fits in memory.

PyG's `MessagePassing` carries each step; its fused form multiplies by `embedding_bag`, which on a CPU is
five times as fast as torch's sparse product and, unlike it, lets single edges be dropped.
"""

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gnn.history import FloatCsr
from gnn.linear.config import LinearKGConfig
from gnn.linear.parts import NORM_FLOOR, LinearParameters, text_differences
from gnn.linear.walks import RelationGraph
from shopgraph.types import FloatMatrix

with warnings.catch_warnings():
    # torch 2.15 warns of torch.jit, which torch-geometric 2.8 still decorates its functions with.
    warnings.filterwarnings("ignore", category=FutureWarning)
    from torch_geometric.nn import MessagePassing

_GATE_AT_START = 2.0
_CHUNK_BYTES = 8 << 20


class LinearItemTower(torch.nn.Module):
    """z_j = c_j · (own + text projection + Σ_r w_r · mean of the neighbours' vectors), one or two hops."""

    def __init__(
        self,
        graph: RelationGraph,
        text_vectors: FloatMatrix | None,
        config: LinearKGConfig,
        generator: torch.Generator,
    ) -> None:
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
        noise = torch.randn((graph.n_nodes, config.dim), generator=generator)
        self.base = torch.nn.Parameter(noise * config.initial_scale)
        ones = torch.full((len(graph.steps),), _inverse_softplus(1.0))
        self.raw_own = torch.nn.Parameter(torch.tensor(_inverse_softplus(1.0)))
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
        self.register_buffer("text", text)

    def forward(self, generator: torch.Generator | None = None) -> Tensor:
        """The item vectors, shape (n_items, dim); with a generator, own and edges are dropped by it."""
        neighbours = self._neighbours(generator)
        own = functional.softplus(self.raw_own) * self.base[: self.n_items]
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
        return LinearParameters(
            base=_copied(self.base),
            own_weight=float(functional.softplus(self.raw_own.detach())),
            first_hop=_copied(functional.softplus(self.raw_first)),
            second_hop=_copied(second),
            projection=None if self.projection is None else _copied(self.projection),
            text_mean=self.text_mean,
            gate=_copied(self.gate),
            gate_bias=float(self.gate_bias.detach()),
            scale=float(self.log_scale.detach().exp()),
        )

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
        drawn = torch.rand(len(mean.values), generator=generator, device=mean.values.device)
        return (drawn >= dropped).float() / (1.0 - dropped)


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


class SoftmaxLoss(torch.autograd.Function):
    """Σ over targets of weight · (logsumexp(logits of its row) - its logit), never holding all logits.

    `logits = profiles @ columns.T + offsets`, the input items' at -∞. Rows go in chunks whose logits stay
    in the processor's cache; the gradients are made on the way forward.
    """

    @staticmethod
    def forward(
        ctx: Any,
        profiles: Tensor,
        columns: Tensor,
        offsets: Tensor,
        masked: tuple[Tensor, Tensor],
        targets: tuple[Tensor, Tensor, Tensor],
    ) -> Tensor:
        """The loss.

        Args:
            ctx: torch's.
            profiles: shape (n_rows, dim).
            columns: shape (n_columns, dim).
            offsets: added to each column's logits, shape (n_columns,).
            masked: rows (sorted) and columns of the logits that don't count.
            targets: rows (sorted), columns and weights of what is to be found.
        """
        n_rows, n_columns = len(profiles), len(columns)
        size = n_rows if profiles.is_cuda else max(16, _CHUNK_BYTES // (4 * n_columns))
        bounds = torch.arange(0, n_rows + size, size, device=profiles.device)
        mask_cuts = torch.searchsorted(masked[0], bounds).tolist()
        target_cuts = torch.searchsorted(targets[0], bounds).tolist()
        loss = profiles.new_zeros(())
        grad_profiles, grad_columns = torch.empty_like(profiles), torch.zeros_like(columns)
        for n, start in enumerate(range(0, n_rows, size)):
            rows = profiles[start : start + size]
            mask, target = slice(*mask_cuts[n : n + 2]), slice(*target_cuts[n : n + 2])
            part, grad = _chunk_loss(
                torch.addmm(offsets, rows, columns.T),
                (masked[0][mask] - start, masked[1][mask]),
                (targets[0][target] - start, targets[1][target]),
                targets[2][target],
            )
            loss += part
            torch.mm(grad, columns, out=grad_profiles[start : start + size])
            grad_columns.addmm_(grad.T, rows)
        ctx.save_for_backward(grad_profiles, grad_columns)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_profiles, grad_columns = ctx.saved_tensors
        return grads[0] * grad_profiles, grads[0] * grad_columns, None, None, None


def _chunk_loss(
    logits: Tensor, masked: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor], weights: Tensor
) -> tuple[Tensor, Tensor]:
    """(loss, its gradient by the logits); the gradient takes the logits' memory."""
    logits[masked] = -torch.inf
    found = (weights * logits[targets]).sum()
    top = logits.amax(dim=1, keepdim=True)
    total = logits.sub_(top).exp_().sum(dim=1, keepdim=True)
    row_weight = torch.zeros_like(top).index_add_(0, targets[0], weights[:, None])
    loss = (row_weight * (top + total.log())).sum() - found
    return loss, logits.mul_(row_weight / total).index_put_(targets, -weights, accumulate=True)


def _bag(x: Tensor, columns: Tensor, offsets: Tensor, values: Tensor) -> Tensor:
    if not len(columns):
        return x.new_zeros((len(offsets) - 1, x.shape[1]))
    return functional.embedding_bag(
        columns, x, offsets, mode="sum", per_sample_weights=values, include_last_offset=True
    )


def _inverse_softplus(value: float) -> float:
    return float(np.log(np.expm1(value)))


def _copied(tensor: Tensor) -> FloatMatrix:
    copied: FloatMatrix = tensor.detach().cpu().numpy().copy()
    return copied
