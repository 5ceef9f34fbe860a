"""Siamese fine-tuning: anchors and items through the same weights, each batch's other items as negatives.

Loss: cross entropy of softmax(⟨a_i, p_j⟩ / temperature) against j = i (Henderson et al. 2017, "Efficient
Natural Language Response Suggestion", eq. 5: multiple negatives ranking; unit vectors and a temperature as
in SimCLR). Departure: known positives of a_i other than p_i are no negatives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nlu.tuning.config import TuningConfig
from nlu.tuning.halves import Halves, score_all
from nlu.tuning.pairs import Positives, TextPairs
from shopgraph.types import BoolVector, FloatMatrix, IntVector

NDCG_AT = 10


@dataclass(frozen=True)
class TuningReport:
    """What the fine-tuning reached; step 0 is the encoder as it came."""

    measured: tuple[tuple[int, float], ...]
    """(step, validation NDCG@10), in order."""
    losses: tuple[float, ...]
    """Of each step."""
    best_step: int

    @property
    def first_ndcg(self) -> float:
        """Before the first step."""
        return self.measured[0][1]

    @property
    def best_ndcg(self) -> float:
        """Of the parameters that were kept."""
        return dict(self.measured)[self.best_step]


def pair_loss(
    anchors: torch.Tensor, items: torch.Tensor, masked: BoolVector, temperature: float
) -> torch.Tensor:
    """Mean cross entropy of finding each anchor's own item.

    Args:
        anchors: unit vectors, shape (n, width).
        items: unit vectors, row n belongs to anchor n.
        masked: what is no negative, shape (n, n); the diagonal is not read.
        temperature: divides the similarities.
    """
    logits = anchors @ items.T / temperature
    others = torch.from_numpy(masked & ~np.eye(len(masked), dtype=np.bool_)).to(logits.device)
    target = torch.arange(len(logits), device=logits.device)
    return torch.nn.functional.cross_entropy(logits.masked_fill(others, -torch.inf), target)


def fit_pairs(
    halves: Halves,
    parameters: Sequence[torch.nn.Parameter],
    item_texts: Sequence[str],
    pairs: Sequence[TextPairs],
    config: TuningConfig,
    rng: np.random.Generator,
    on_progress: Callable[[str], None],
) -> TuningReport:
    """Trains `parameters` on pairs, kinds in turn, and leaves the best measurement's values in them.

    A share of the items is held out with all of their pairs; validation NDCG@10 is that of finding a pair's
    held-out item among all held-out ones, averaged over the kinds (recall@10 of literal searches is 1).
    Where nothing could be held out it is 0 and the last values are kept.
    """
    held = _held_out(len(item_texts), config, rng)
    cut = [each.with_items(held) for each in pairs]
    train = [kept for kept, _ in cut if len(kept) >= config.batch_pairs]
    validation = [_sample(out, config.max_validation_pairs, rng) for _, out in cut if len(out)]
    pool = np.flatnonzero(held).astype(np.int32)
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, config.steps))
    feeds = [_Feed(each, item_texts, rng) for each in train]
    losses: list[float] = []
    measured = [(0, _ndcg(halves, item_texts, validation, pool))]
    best = _Best(0, measured[0][1], _copy(parameters))
    on_progress(f"step 0: validation NDCG@{NDCG_AT} {best.ndcg:.4f}")
    for step in range(1, config.steps + 1 if feeds else 1):
        losses.append(_step(feeds[step % len(feeds)], halves, optimiser, config))
        schedule.step()
        if step % config.evaluate_every and step != config.steps:
            continue
        measured.append((step, _ndcg(halves, item_texts, validation, pool)))
        recent = float(np.mean(losses[-config.evaluate_every :]))
        on_progress(f"step {step}: loss {recent:.4f}, validation NDCG@{NDCG_AT} {measured[-1][1]:.4f}")
        if measured[-1][1] > best.ndcg or not validation:
            best = _Best(step, measured[-1][1], _copy(parameters))
        elif step - best.step >= config.patience * config.evaluate_every:
            break
    with torch.no_grad():
        for parameter, value in zip(parameters, best.values, strict=True):
            parameter.copy_(value)
    return TuningReport(tuple(measured), tuple(losses), best.step)


@dataclass(frozen=True, eq=False)
class _Best:
    step: int
    ndcg: float
    values: list[torch.Tensor]


class _Feed:
    """Batches of one kind of pairs, without end: each pair once a round."""

    def __init__(self, pairs: TextPairs, item_texts: Sequence[str], rng: np.random.Generator) -> None:
        self.pairs = pairs
        self.item_texts = item_texts
        self.positives = Positives(pairs, len(item_texts))
        self._rng = rng
        self._order = np.zeros(0, np.int64)

    def next(self, size: int) -> TextPairs:
        if len(self._order) < size:
            self._order = self._rng.permutation(len(self.pairs))
        rows, self._order = self._order[:size], self._order[size:]
        return self.pairs.take(rows.astype(np.int32))


def _step(feed: _Feed, halves: Halves, optimiser: torch.optim.Optimizer, config: TuningConfig) -> float:
    batch = feed.next(config.batch_pairs)
    anchors = halves.encode([batch.anchors[idx] for idx in batch.anchor_idx], batch.kind)
    items = halves.encode([feed.item_texts[idx] for idx in batch.item_idx], "passage")
    masked = feed.positives.among(batch.anchor_idx, batch.item_idx)
    loss = pair_loss(anchors, items, masked, config.temperature)
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    optimiser.step()
    return float(loss.detach())


def _ndcg(
    halves: Halves, item_texts: Sequence[str], validation: Sequence[TextPairs], pool: IntVector
) -> float:
    if not validation:
        return 0.0
    items = score_all(halves, [item_texts[idx] for idx in pool], "passage")
    return float(np.mean([_ndcg_of(halves, pairs, items, pool) for pairs in validation]))


def _ndcg_of(halves: Halves, pairs: TextPairs, items: FloatMatrix, pool: IntVector) -> float:
    distinct, row = np.unique(pairs.anchor_idx, return_inverse=True)
    anchors = score_all(halves, [pairs.anchors[idx] for idx in distinct], pairs.kind)
    scores = anchors @ items.T
    own = scores[row, np.searchsorted(pool, pairs.item_idx)]
    place = (scores[row] > own[:, None]).sum(axis=1)
    return float(np.where(place < NDCG_AT, 1 / np.log2(place + 2), 0.0).mean())


def _held_out(n_items: int, config: TuningConfig, rng: np.random.Generator) -> BoolVector:
    size = min(int(n_items * config.validation_share), config.max_validation_items)
    held = np.zeros(n_items, np.bool_)
    held[rng.permutation(n_items)[:size]] = True
    return held


def _sample(pairs: TextPairs, size: int, rng: np.random.Generator) -> TextPairs:
    return pairs.take(rng.permutation(len(pairs))[:size].astype(np.int32))


def _rate(step: int, n_steps: int) -> float:
    """Share of the learning rate: a linear rise over a tenth of the steps, then a cosine down to 0."""
    warm = max(n_steps // 10, 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(n_steps - warm, 1))))


def _copy(parameters: Sequence[torch.nn.Parameter]) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in parameters]
