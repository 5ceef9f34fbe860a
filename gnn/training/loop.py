"""The one training loop: epochs, early stopping on validation NDCG@10, the best epoch kept."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from gnn.training.average import RunningMean
from gnn.training.board import Board, EpochReport
from gnn.training.checkpoint import Checkpoint, fingerprint, read_checkpoint, write_checkpoint
from gnn.training.config import TrainingConfig
from gnn.training.memory import memory_advice, peak_memory_mb
from gnn.training.module import Trainable
from gnn.training.ranks import Ranks, chosen_cuda, join
from gnn.training.step import Stepper, learning_rate
from gnn.training.validation import summed_ndcg
from shopgraph.errors import BadSettings
from shopgraph.types import Heldout, Histories

__all__ = ["EpochReport", "Fitted", "fit_module", "training_device"]

B = TypeVar("B")


@dataclass(frozen=True)
class Fitted:
    """What a training came to; `best_ndcg` is None without validation data, the last epoch is then best.

    `seconds_to_best` is wall-clock time from the start to the end of the best epoch, validation included.
    """

    best_epoch: int
    best_ndcg: float | None
    seconds_to_best: float
    peak_memory_mb: float


def fit_module(
    module: Trainable[B],
    config: TrainingConfig,
    rng: np.random.Generator,
    histories: Histories,
    validation: Heldout | None = None,
    on_epoch: Callable[[EpochReport], None] = lambda _: None,
    log_dir: Path | None = None,
) -> Fitted:
    """Train the module; the best epoch's parameters are left in it.

    Under torchrun each process calls this with the same arguments, `rng` in the same state.

    Args:
        module: what learns; it is moved to the settings' device.
        config: how.
        rng: draws the batches and seeds what the loss draws.
        histories: every user's, row = user_idx; validation scores them and ranks no item they hold.
        validation: what is to be found; None trains all epochs.
        on_epoch: gets each epoch's figures, in the first process alone.
        log_dir: takes the curves, for TensorBoard.

    Raises:
        BadSettings: CUDA is asked for and absent, memory did not suffice, or the loss is no number.
    """
    device = training_device(config)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads or threads)
    try:
        with memory_advice(device, module.sizes):
            module.to(device)
            loop = _Loop(module, config, rng, histories, validation, join(device))
            return loop.run(on_epoch, log_dir)
    finally:
        torch.set_num_threads(threads)


def training_device(config: TrainingConfig) -> torch.device:
    """The device of the settings.

    Raises:
        BadSettings: CUDA is asked for and absent.
    """
    there = torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise BadSettings("device is 'cuda', but torch sees no CUDA device; set it to 'cpu' or 'auto'")
    return chosen_cuda() if there and config.device != "cpu" else torch.device("cpu")


class _Loop(Generic[B]):
    """One training: the module, its optimiser, the random streams and the best epoch so far."""

    def __init__(
        self,
        module: Trainable[B],
        config: TrainingConfig,
        rng: np.random.Generator,
        histories: Histories,
        validation: Heldout | None,
        ranks: Ranks,
    ) -> None:
        self.module, self.config, self.rng, self.ranks = module, config, rng, ranks
        self.histories, self.validation = histories, validation
        self.path: Path | None = None
        if config.checkpoints is not None:
            asked = fingerprint(config, module, rng, histories, validation)
            self.path = config.checkpoints / f"{module.name}-{asked}.safetensors"
        seed = int(rng.integers(0, 2**62))
        self.generator = torch.Generator(module.device).manual_seed(seed)
        ranks.agree([parameter.data for parameter in module.parameters()])
        self.stepper = Stepper(module, config, self.generator, ranks)
        self.mean = RunningMean(module, config.average)
        self.best_state: dict[str, Tensor] = {}  # without validation, the module itself holds the best
        self.best = Fitted(0, None, 0.0, 0.0)
        self.epoch, self.seconds = 0, 0.0

    def run(self, on_epoch: Callable[[EpochReport], None], log_dir: Path | None) -> Fitted:
        """Goes on from the checkpoint, if there is one, to the end."""
        self._restore()
        board = Board(log_dir if self.ranks.first else None)
        while self.epoch < self.config.epochs and self.epoch - self.best.best_epoch < self.config.patience:
            started = time.perf_counter()
            report = self._report(self.epoch + 1)
            self.epoch += 1
            self.seconds += time.perf_counter() - started
            with self.mean.applied():
                self._keep_best(report)
            self._write()
            board.show(report, peak_memory_mb(self.module.device))
            if self.ranks.first:
                on_epoch(report)
        board.close()
        self.module.load_state_dict(self.best_state or {**self.module.state_dict(), **self.mean.state()})
        return self.best

    def _keep_best(self, report: EpochReport) -> None:
        if report.ndcg is None or self.best.best_ndcg is None or report.ndcg > self.best.best_ndcg:
            if self.validation is not None:
                self.best_state = _copied(self.module)
            peak = peak_memory_mb(self.module.device)
            self.best = Fitted(report.epoch, report.ndcg, self.seconds, peak)

    def _report(self, epoch: int) -> EpochReport:
        started = time.perf_counter()
        loss, n_batches = self._epoch(epoch)
        seconds = time.perf_counter() - started
        rate = n_batches * self.module.edges_per_step / seconds
        step_size = learning_rate(self.config, epoch, self.stepper.steps)
        n_epochs, name = self.config.epochs, self.module.name
        return EpochReport(epoch, n_epochs, loss, self._ndcg(), rate, seconds, step_size, name)

    def _epoch(self, epoch: int) -> tuple[float, int]:
        """(mean loss per unit, batches)."""
        self.module.train()
        total = torch.zeros((), dtype=torch.float64, device=self.module.device)
        n_units = n_batches = 0
        batches = iter(self.module.batches(self.rng))
        while group := list(islice(batches, self.config.accumulate)):
            loss, n = self.stepper.step(group, epoch)
            self.mean.update(self.stepper.steps)
            total, n_units, n_batches = total + loss, n_units + n, n_batches + len(group)
        sums = torch.stack([total, total.new_tensor(float(n_units))])
        self.ranks.add_up([sums])
        mean = float(sums[0] / sums[1].clamp(min=1))
        if not np.isfinite(mean):
            raise BadSettings(
                f"{self.module.name} model: the loss is {mean} in epoch {epoch}; lower learning_rate "
                f"(now {self.config.learning_rate}), or set precision to 'fp32'"
            )
        return mean, n_batches

    def _ndcg(self) -> float | None:
        if self.validation is None:
            return None
        self.module.eval()
        with self.mean.applied():
            found = summed_ndcg(
                self.module.scores, self.histories, self.validation, self.ranks.rank, self.ranks.n_ranks
            )
        self.module.train()
        total = torch.tensor([found], dtype=torch.float64, device=self.module.device)
        self.ranks.add_up([total])
        return float(total) / max(1, len(self.validation))

    def _write(self) -> None:
        if self.path is None or not self.ranks.first:
            return
        tensors = {"generator": self.generator.get_state()}
        tensors |= {f"module/{name}": value for name, value in self.module.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self.best_state.items()}
        tensors |= {f"mean/{name}": value for name, value in self.mean.state().items()}
        for n, moments in self.stepper.optimiser.state_dict()["state"].items():
            tensors |= {f"adam/{n}/{name}": value for name, value in moments.items()}
        figures = {"best": asdict(self.best), "seconds": self.seconds, "steps": self.stepper.steps}
        figures["scaler"] = self.stepper.scaler.state_dict()
        write_checkpoint(self.path, Checkpoint(self.epoch, tensors, self.rng.bit_generator.state, figures))

    def _restore(self) -> None:
        found = None if self.path is None else read_checkpoint(self.path)
        if found is None:
            return
        groups: dict[str, dict[str, Tensor]] = {"module": {}, "best": {}, "mean": {}, "adam": {}}
        for name, tensor in found.tensors.items():
            group, _, rest = name.partition("/")
            groups.setdefault(group, {})[rest] = tensor
        self.module.load_state_dict(groups["module"])
        self.best_state = groups["best"]
        self.mean.restore(groups["mean"])
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in groups["adam"].items():
            n, _, moment = name.partition("/")
            moments.setdefault(int(n), {})[moment] = tensor
        settings = self.stepper.optimiser.state_dict()["param_groups"]
        self.stepper.optimiser.load_state_dict({"state": moments, "param_groups": settings})
        self.stepper.scaler.load_state_dict(dict(found.figures["scaler"]))
        self.generator.set_state(found.tensors["generator"])
        self.rng.bit_generator.state = found.rng
        self.best, self.seconds = Fitted(**found.figures["best"]), found.figures["seconds"]
        self.epoch, self.stepper.steps = found.epoch, found.figures["steps"]


def _copied(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
