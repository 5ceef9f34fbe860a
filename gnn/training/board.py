"""An epoch's figures as a line of text and as TensorBoard's curves."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class EpochReport:
    """One pass over all users; `ndcg` is validation NDCG@10, None without validation data."""

    epoch: int
    n_epochs: int
    loss: float
    ndcg: float | None
    edges_per_s: float
    seconds: float
    learning_rate: float = 0.0
    model: str = "graph"

    def __str__(self) -> str:
        metric = "" if self.ndcg is None else f", validation NDCG@10 {self.ndcg:.4f}"
        return (
            f"{self.model} model: epoch {self.epoch}/{self.n_epochs}, loss {self.loss:.4f}{metric}, "
            f"{self.edges_per_s:,.0f} edges/s, {self.seconds:.1f} s"
        )


class Board:
    """TensorBoard's files in a folder; without a folder nothing is written."""

    def __init__(self, log_dir: Path | None) -> None:
        self._writer: Any = None  # SummaryWriter, imported where it is wanted
        if log_dir is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(log_dir))

    def show(self, report: EpochReport, peak_memory_mb: float) -> None:
        """Adds an epoch to the curves."""
        if self._writer is None:
            return
        figures = {
            "loss": report.loss,
            "edges_per_s": report.edges_per_s,
            "learning_rate": report.learning_rate,
            "peak_memory_mb": peak_memory_mb,
        }
        if report.ndcg is not None:
            figures["validation_ndcg_at_10"] = report.ndcg
        for name, value in figures.items():
            self._writer.add_scalar(name, value, report.epoch)

    def close(self) -> None:
        """Writes what is left."""
        if self._writer is not None:
            self._writer.close()
