"""The next-item softmax of every prefix of a batch of sequences, in memory that stays in the cache (torch).

A prefix's attention is a softmax over its events; with `E = exp(S / τ)` once per event and item, and the
place, type and time of each event in a small matrix W per sequence, all prefixes of a sequence have their
scores in two products: `(W (E ⊙ S)) / (W E)`.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

_CHUNK_BYTES = 8 << 20
_LEAST = 1e-30
"""Added to the attention's sum: an event so far below the others' best is as good as absent."""


class Wanted(NamedTuple):
    """What a batch's loss looks for.

    Attributes:
        columns: place of each prefix's next item among the columns, shape (n_rows, length), -1: none.
        masked: (row, prefix, column) of the items that are not ranked, rows sorted, shape (n_masked,) each.
        offsets: added to each column's logits, shape (n_columns,).
    """

    columns: Tensor
    masked: tuple[Tensor, Tensor, Tensor]
    offsets: Tensor


class PrefixLoss(torch.autograd.Function):
    """Σ over rows and prefixes of `-log softmax` of the next item; gradients are made on the way forward."""

    @staticmethod
    def forward(
        ctx: Any,
        past: Tensor,
        columns: Tensor,
        bias: Tensor,
        weights: Tensor,
        sharpness: Tensor,
        wanted: Wanted,
    ) -> Tensor:
        """The loss.

        Args:
            ctx: torch's.
            past: k of each event, shape (n_rows, length, dim).
            columns: c of each item compared, shape (n_columns, dim).
            bias: β of each, shape (n_columns,).
            weights: W, what each prefix (second axis) makes of each event, shape (n_rows, length, length).
            sharpness: 1 / τ, a scalar.
            wanted: what is to be found.
        """
        grads = [torch.zeros_like(part) for part in (past, columns, bias, weights, sharpness)]
        size = len(past) if past.is_cuda else max(1, _CHUNK_BYTES // (4 * past.shape[1] * len(columns)))
        bounds = torch.arange(0, len(past) + size, size, device=past.device)
        cuts = torch.searchsorted(wanted.masked[0].contiguous(), bounds).tolist()
        loss = past.new_zeros(())
        for n, start in enumerate(range(0, len(past), size)):
            rows, masked = slice(start, start + size), slice(*cuts[n : n + 2])
            row, prefix, column = (part[masked] for part in wanted.masked)
            own = Wanted(wanted.columns[rows], (row - start, prefix, column), wanted.offsets)
            part, of_past, of_weights = _chunk(
                past[rows], columns, bias, weights[rows], sharpness, own, grads
            )
            grads[0][rows], grads[3][rows] = of_past, of_weights
            loss += part
        ctx.save_for_backward(*grads)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return (*(grads[0] * grad for grad in ctx.saved_tensors), None)


def _chunk(
    past: Tensor,
    columns: Tensor,
    bias: Tensor,
    weights: Tensor,
    sharpness: Tensor,
    wanted: Wanted,
    grads: list[Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """(loss, its gradients by past and weights); those by the others are added to `grads`."""
    likeness = past @ columns.T
    logits = likeness * sharpness
    strength = logits.sub_(logits.amax(dim=1, keepdim=True)).exp_()
    pulled = strength * likeness
    total = torch.bmm(weights, strength).add_(_LEAST)
    scores = torch.bmm(weights, pulled).div_(total)
    loss, grad = _softmax_loss(scores + (bias + wanted.offsets), wanted)
    of_pulled_sum = grad / total
    of_total = (of_pulled_sum * scores).neg_()
    turned = weights.transpose(1, 2)
    of_pulled = torch.bmm(turned, of_pulled_sum)
    of_logits = torch.bmm(turned, of_total).addcmul_(of_pulled, likeness).mul_(strength)
    of_weights = torch.bmm(of_pulled_sum, pulled.transpose(1, 2))
    of_weights.baddbmm_(of_total, strength.transpose(1, 2))
    grads[4] += (of_logits * likeness).sum()
    of_likeness = of_pulled.mul_(strength).addcmul_(of_logits, sharpness)
    grads[1].addmm_(of_likeness.flatten(0, 1).T, past.flatten(0, 1))
    grads[2] += grad.sum(dim=(0, 1))
    return loss, of_likeness @ columns, of_weights


def _softmax_loss(logits: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
    """(loss, its gradient by the logits); the gradient takes the logits' memory."""
    logits[wanted.masked] = -torch.inf
    counts = wanted.columns >= 0
    place = wanted.columns.clamp(min=0)[..., None]
    top = logits.amax(dim=-1, keepdim=True)
    found = logits.gather(-1, place) - top
    total = logits.sub_(top).exp_().sum(dim=-1, keepdim=True)
    loss = ((total.log() - found)[..., 0] * counts).sum()
    one = torch.ones_like(found).neg_()
    return loss, logits.div_(total).scatter_add_(-1, place, one).mul_(counts[..., None])
