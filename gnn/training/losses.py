"""Losses over lists of items: full softmax in chunks, sampled softmax, BPR; and the L2 penalty."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shopgraph.types import FloatVector

_CHUNK_BYTES = 8 << 20

NEVER = -1e4
"""Logit offset of items that nobody met: that none was a target says nothing against them."""

Places = tuple[Tensor, Tensor]
"""Rows (sorted) and columns of some logits, int64."""


def softmax_loss(
    profiles: Tensor, columns: Tensor, offsets: Tensor, masked: Places, targets: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """Σ over targets of weight · (logsumexp(logits of its row) - its logit), never holding all logits.

    `logits = profiles @ columns.T + offsets`. Under autocast the products are of half precision, the
    exponentials and sums are not.

    Args:
        profiles: shape (n_rows, dim).
        columns: vectors of the items to compare with, shape (n_columns, dim).
        offsets: added to each column's logits, shape (n_columns,); zeros, or a sample's correction.
        masked: the logits that don't count.
        targets: rows (sorted), columns and weights of what is to be found.
    """
    kind = profiles.device.type
    half = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
    with torch.autocast(kind, enabled=False):
        loss: Tensor = SoftmaxLoss.apply(profiles.float(), columns.float(), offsets, masked, targets, half)
    return loss


def sampled_items(
    targets: NDArray[np.integer], popularity: NDArray[np.float64], size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], FloatVector]:
    """(sorted items to compare with, offset of each one's logits) of a sampled softmax.

    The sample is uniform, joined with the batch's targets; the offsets are -log of each item's chance
    to be in it (Bengio and Senécal 2008), so that the sampled softmax aims at the full one.

    Args:
        targets: item_idx of all targets of the batch, with repeats.
        popularity: how likely each item is to be a target, shape (n_items,), sums to 1.
        size: items drawn beside the targets.
        rng: draws them.
    """
    n_items = len(popularity)
    drawn = rng.choice(n_items, size=min(size, n_items), replace=False)
    chosen = np.union1d(drawn, targets).astype(np.int64)
    missed = (1.0 - len(drawn) / n_items) * (1.0 - popularity[chosen]) ** len(targets)
    return chosen, -np.log(np.maximum(1.0 - missed, 1e-9)).astype(np.float32)


def bpr_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """Mean of -log sigmoid(score of the bought - score of the other item): Rendle et al. 2009, BPR-Opt."""
    return functional.softplus(negative - positive).mean()


def mean_squared_length(*vectors: Tensor) -> Tensor:
    """The L2 penalty: the squared lengths of rows, summed over the tensors, each a mean over its rows."""
    return torch.stack([found.square().sum(dim=-1).mean() for found in vectors]).sum()


class SoftmaxLoss(torch.autograd.Function):
    """`softmax_loss` of fp32 tensors.

    Rows go in chunks whose logits stay in the processor's cache; the gradients are made on the way forward.
    """

    @staticmethod
    def forward(
        ctx: Any,
        profiles: Tensor,
        columns: Tensor,
        offsets: Tensor,
        masked: Places,
        targets: tuple[Tensor, Tensor, Tensor],
        half: torch.dtype | None,
    ) -> Tensor:
        """The loss; arguments as in `softmax_loss`, `half` being the products' type, None for fp32."""
        n_rows, n_columns = len(profiles), len(columns)
        size = max(1, n_rows) if profiles.is_cuda else max(16, _CHUNK_BYTES // (4 * n_columns))
        bounds = torch.arange(0, n_rows + size, size, device=profiles.device)
        mask_cuts = torch.searchsorted(masked[0], bounds).tolist()
        target_cuts = torch.searchsorted(targets[0], bounds).tolist()
        loss = profiles.new_zeros(())
        grad_profiles, grad_columns = torch.empty_like(profiles), torch.zeros_like(columns)
        for n, start in enumerate(range(0, n_rows, size)):
            rows = profiles[start : start + size]
            mask, target = slice(*mask_cuts[n : n + 2]), slice(*target_cuts[n : n + 2])
            part, grad = _chunk_loss(
                _logits(rows, columns, offsets, half),
                (masked[0][mask] - start, masked[1][mask]),
                (targets[0][target] - start, targets[1][target]),
                targets[2][target],
            )
            loss += part
            if half is None:
                torch.mm(grad, columns, out=grad_profiles[start : start + size])
                grad_columns.addmm_(grad.T, rows)
            else:
                small = grad.to(half)
                grad_profiles[start : start + size] = small @ columns.to(half)
                grad_columns += small.T @ rows.to(half)
        ctx.save_for_backward(grad_profiles, grad_columns)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:
        grad_profiles, grad_columns = ctx.saved_tensors
        return grads[0] * grad_profiles, grads[0] * grad_columns, None, None, None, None


def _logits(rows: Tensor, columns: Tensor, offsets: Tensor, half: torch.dtype | None) -> Tensor:
    if half is None:
        return torch.addmm(offsets, rows, columns.T)
    return (rows.to(half) @ columns.to(half).T).float() + offsets


def _chunk_loss(logits: Tensor, masked: Places, targets: Places, weights: Tensor) -> tuple[Tensor, Tensor]:
    """(loss, its gradient by the logits); the gradient takes the logits' memory."""
    logits[masked] = -torch.inf
    found = (weights * logits[targets]).sum()
    top = logits.amax(dim=1, keepdim=True)
    total = logits.sub_(top).exp_().sum(dim=1, keepdim=True)
    row_weight = torch.zeros_like(top).index_add_(0, targets[0], weights[:, None])
    loss = (row_weight * (top + total.log())).sum() - found
    return loss, logits.mul_(row_weight / total).index_put_(targets, -weights, accumulate=True)
