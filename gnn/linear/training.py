"""Training of the linear model: histories split at random into what is known and what must be found."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gnn.history import FloatCsr
from gnn.linear.config import LinearKGConfig
from gnn.linear.parts import LinearParameters, history_norms
from gnn.linear.tower import LinearItemTower, SoftmaxLoss
from gnn.linear.walks import RelationGraph
from shopgraph.errors import BadSettings
from shopgraph.types import FloatMatrix, Heldout, iter_batches

_CUT_OFF = 10
_VALIDATION_BATCH = 512


@dataclass(frozen=True)
class EpochReport:
    """One pass over all users; `ndcg` is validation NDCG@10, None without validation data."""

    epoch: int
    n_epochs: int
    loss: float
    ndcg: float | None
    edges_per_s: float
    seconds: float

    def __str__(self) -> str:
        metric = "" if self.ndcg is None else f", validation NDCG@10 {self.ndcg:.4f}"
        return (
            f"graph model: epoch {self.epoch}/{self.n_epochs}, loss {self.loss:.4f}{metric}, "
            f"{self.edges_per_s:,.0f} edges/s, {self.seconds:.1f} s"
        )


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What an epoch reads: users × items with event weights, the relations, the text vectors."""

    interactions: FloatCsr
    graph: RelationGraph
    text_vectors: FloatMatrix | None


@dataclass(frozen=True, eq=False)
class Trained:
    """The parameters of the best epoch; the last one's where there is no validation data."""

    parameters: LinearParameters
    best_epoch: int


def train(
    data: TrainingData,
    config: LinearKGConfig,
    rng: np.random.Generator,
    validation: Heldout | None,
    on_epoch: Callable[[EpochReport], None],
    log_dir: Path | None,
) -> Trained:
    """The parameters learned by Adam on the softmax of the held-back items.

    Raises:
        BadSettings: CUDA is asked for and absent, or memory did not suffice.
    """
    device = _device(config)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads or threads)
    try:
        return _Trainer(data, config, rng, device).run(validation, on_epoch, log_dir)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as exc:
        if isinstance(exc, RuntimeError) and "memory" not in str(exc):
            raise
        raise BadSettings(
            f"training ran out of memory on {device}: lower dim (now {config.dim}), batch_size "
            f"(now {config.batch_size}) or full_softmax_items (now {config.full_softmax_items}), "
            "or set device to cpu"
        ) from exc
    finally:
        torch.set_num_threads(threads)


def validation_ndcg(tower: LinearItemTower, known: FloatCsr, heldout: Heldout, history_power: float) -> float:
    """NDCG@10 over all items that the user does not know yet; the ideal list is cut at 10."""
    discounts = 1.0 / np.log2(np.arange(2, _CUT_OFF + 2))
    ideal = np.cumsum(discounts)
    total = 0.0
    with torch.no_grad():
        vectors = tower()
        gated = tower.gated(vectors)
        for rows in iter_batches(len(heldout), _VALIDATION_BATCH):
            inputs = known[heldout.user_idx[rows]]
            scores = _profiles(gated, inputs, history_power) @ vectors.T
            owner = np.repeat(np.arange(inputs.shape[0]), np.diff(inputs.indptr))
            scores[owner, inputs.indices] = -torch.inf
            top = scores.topk(min(_CUT_OFF, scores.shape[1])).indices.cpu().numpy()
            bounds = heldout.indptr[rows.start : rows.stop + 1]
            n_relevant = np.diff(bounds)
            relevant = np.zeros(scores.shape, np.bool_)
            owner = np.repeat(np.arange(len(n_relevant)), n_relevant)
            relevant[owner, heldout.item_idx[bounds[0] : bounds[-1]]] = True
            gains = np.take_along_axis(relevant, top, axis=1) @ discounts[: top.shape[1]]
            total += float((gains / ideal[np.minimum(n_relevant, _CUT_OFF) - 1]).sum())
    return total / max(1, len(heldout))


class _Trainer:
    """The tower, its optimiser and the random streams of one training."""

    def __init__(
        self, data: TrainingData, config: LinearKGConfig, rng: np.random.Generator, device: torch.device
    ) -> None:
        self.data, self.config, self.rng, self.device = data, config, rng, device
        seeds = rng.integers(0, 2**62, 2)
        start = torch.Generator().manual_seed(int(seeds[0]))
        self.generator = torch.Generator(device).manual_seed(int(seeds[1]))
        self.tower = LinearItemTower(data.graph, data.text_vectors, config, start).to(device)
        self.optimiser = torch.optim.Adam(self.tower.parameters(), lr=config.learning_rate, fused=True)
        popularity = np.bincount(data.interactions.indices, minlength=data.interactions.shape[1])
        self.popularity = popularity / max(1, popularity.sum())

    def run(
        self, validation: Heldout | None, on_epoch: Callable[[EpochReport], None], log_dir: Path | None
    ) -> Trained:
        best, best_ndcg = Trained(self.tower.parameters_as_numpy(), 0), -1.0
        writer = _writer(log_dir)
        for epoch in range(1, self.config.epochs + 1):
            started = time.perf_counter()
            loss, n_edges = self._epoch()
            seconds = time.perf_counter() - started
            ndcg = None
            if validation is not None:
                ndcg = validation_ndcg(
                    self.tower, self.data.interactions, validation, self.config.history_power
                )
            report = EpochReport(epoch, self.config.epochs, loss, ndcg, n_edges / seconds, seconds)
            on_epoch(report)
            _log(writer, report)
            if ndcg is None or ndcg > best_ndcg:
                best, best_ndcg = Trained(self.tower.parameters_as_numpy(), epoch), ndcg or 0.0
            elif epoch - best.best_epoch >= self.config.patience:
                break
        if writer is not None:
            writer.close()
        return best

    def _epoch(self) -> tuple[float, int]:
        """(mean loss per user, edges walked)."""
        losses, n_users, n_edges = 0.0, 0, 0
        edges_per_pass = self.tower.n_edges
        for known, targets in self._batches():
            self.optimiser.zero_grad(set_to_none=True)
            vectors = self.tower(self.generator)
            profiles = _profiles(self.tower.gated(vectors), known, self.config.history_power)
            loss = self._loss(profiles, vectors, known, targets) / known.shape[0]
            penalty = self.config.l2 * vectors.square().sum(dim=1).mean()
            (loss + penalty).backward()
            self.optimiser.step()
            losses += float(loss.detach()) * known.shape[0]
            n_users += known.shape[0]
            n_edges += edges_per_pass
        return losses / max(1, n_users), n_edges

    def _batches(self) -> Iterator[tuple[FloatCsr, FloatCsr]]:
        """(known items, items to be found) of users with at least two items, users in random order."""
        interactions = self.data.interactions
        users = self.rng.permutation(np.flatnonzero(np.diff(interactions.indptr) >= 2))
        for rows in iter_batches(len(users), self.config.batch_size):
            yield split_histories(interactions[users[rows]], self.config.target_share, self.rng)

    def _loss(self, profiles: Tensor, vectors: Tensor, known: FloatCsr, targets: FloatCsr) -> Tensor:
        chosen, offsets = self._columns(targets)
        masked = self._places(known, chosen)
        found = self._places(targets, chosen)
        weights = torch.from_numpy(targets.data).to(self.device)
        if chosen is not None:
            vectors = vectors[torch.from_numpy(chosen).to(self.device)]
        loss: Tensor = SoftmaxLoss.apply(profiles, vectors, offsets, masked, (*found, weights))
        return loss

    def _columns(self, targets: FloatCsr) -> tuple[NDArray[np.int64] | None, Tensor]:
        """(sorted items to compare with, None for all; offset of each one's logits).

        The sample is uniform, joined with the batch's targets; the offsets are -log of each item's chance
        to be in it (Bengio and Senécal 2008), so that the sampled softmax aims at the full one.
        """
        n_items = targets.shape[1]
        if n_items <= self.config.full_softmax_items:
            return None, torch.zeros(n_items, device=self.device)
        size = min(self.config.sampled_items, n_items)
        drawn = self.rng.choice(n_items, size=size, replace=False)
        chosen = np.union1d(drawn, targets.indices).astype(np.int64)
        missed = (1.0 - size / n_items) * (1.0 - self.popularity[chosen]) ** targets.nnz
        offsets = -np.log(np.maximum(1.0 - missed, 1e-9)).astype(np.float32)
        return chosen, torch.from_numpy(offsets).to(self.device)

    def _places(self, matrix: FloatCsr, chosen: NDArray[np.int64] | None) -> tuple[Tensor, Tensor]:
        """(rows, columns) of the matrix's entries among the chosen items."""
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        columns = matrix.indices.astype(np.int64)
        if chosen is not None:
            places = np.minimum(np.searchsorted(chosen, columns), len(chosen) - 1)
            there = chosen[places] == columns
            rows, columns = rows[there], places[there]
        return torch.from_numpy(rows).to(self.device), torch.from_numpy(columns).to(self.device)


def split_histories(
    histories: FloatCsr, target_share: float, rng: np.random.Generator
) -> tuple[FloatCsr, FloatCsr]:
    """(known, targets): each row's items cut at random, at least one on either side.

    Rows need at least two items. `known` keeps the event weights; a target's weight is its event
    weight as a share of the row's targets, times their number.
    """
    lengths = np.diff(histories.indptr)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((rng.random(len(rows)), rows))
    place = np.arange(len(rows)) - np.repeat(histories.indptr[:-1], lengths)
    n_targets = np.clip(np.round(lengths * target_share), 1, lengths - 1)
    is_target = np.zeros(len(rows), np.bool_)
    is_target[order] = place < np.repeat(n_targets, lengths)
    known, targets = histories.copy(), histories.copy()
    known.data = np.where(is_target, 0, histories.data).astype(np.float32)
    known.eliminate_zeros()
    total = np.bincount(rows, np.where(is_target, histories.data, 0), len(lengths))
    relative = histories.data * (n_targets / np.maximum(total, 1e-30))[rows]
    targets.data = np.where(is_target, relative, 0).astype(np.float32)
    targets.eliminate_zeros()
    return known, targets


def _profiles(gated: Tensor, known: FloatCsr, history_power: float) -> Tensor:
    """n_u · Σ a_i · (gated vector of i), shape (n_rows, dim)."""
    weights = known.data * np.repeat(history_norms(known, history_power), np.diff(known.indptr))
    return functional.embedding_bag(
        torch.from_numpy(known.indices.astype(np.int64)).to(gated.device),
        gated,
        torch.from_numpy(known.indptr.astype(np.int64)).to(gated.device),
        mode="sum",
        per_sample_weights=torch.from_numpy(weights).to(gated.device),
        include_last_offset=True,
    )


def _device(config: LinearKGConfig) -> torch.device:
    there = torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise BadSettings("device is 'cuda', but torch sees no CUDA device; set it to 'cpu' or 'auto'")
    return torch.device("cuda" if there and config.device != "cpu" else "cpu")


def _writer(log_dir: Path | None) -> Any:  # SummaryWriter, imported where it is wanted
    """A TensorBoard writer, None without a folder."""
    if log_dir is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(log_dir))


def _log(writer: Any, report: EpochReport) -> None:  # as above
    if writer is None:
        return
    writer.add_scalar("loss", report.loss, report.epoch)
    writer.add_scalar("edges_per_s", report.edges_per_s, report.epoch)
    if report.ndcg is not None:
        writer.add_scalar("validation_ndcg_at_10", report.ndcg, report.epoch)
