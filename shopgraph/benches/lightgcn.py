"""An epoch of our LightGCN beside one of RecBole's: same data, batch, dimension, layers, loss and start.

BPR without a penalty, Adam, one negative a pair; both start from normal vectors of deviation 0.1. RecBole
runs in its own environment, ours in this process, on the same number of threads. Medians over the epochs
after the first, which warms up; CPU seconds are what to compare on a machine that others use.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from gnn.deep.lightgcn import LightGCN, LightGCNConfig
from gnn.training.board import EpochReport
from shopgraph.benches.our_models import TORCH_HALVES
from shopgraph.benches.peers import RESULT, ContenderFailed, Limits, run_script
from shopgraph.benches.task import Split, read_split, write_task
from shopgraph.evaluating import Question
from shopgraph.settings import Settings

LEARNING_RATE, DIM, LAYERS, BATCH_SIZE, INITIAL_SCALE = 1e-3, 64, 3, 2048, 0.1


def run(
    question: Question,
    limits: Limits,
    settings: Settings,
    now: datetime,
    on_stage: Callable[[str], None],
) -> list[dict[str, Any]]:
    """A row each; `speed_up` and `speed_up_cpu` are RecBole's median epoch over that row's."""
    split = read_split(question, now, 0, settings)
    on_stage(f"ours: {limits.epochs} epochs on {len(split.train.interactions):,} interactions")
    ours, failure = our_epochs(split, limits), ""
    theirs: list[dict[str, float]] = []
    on_stage("RecBole's")
    try:
        theirs, versions = recbole_epochs(split, limits, on_stage)
    except ContenderFailed as exc:
        versions, failure = {"recbole": "?"}, str(exc)
    mine = {"shopgraph": version("shopgraph"), "torch": version("torch")}
    return [
        _row("shopgraph", mine, ours, theirs, limits, ""),
        _row("recbole", versions, theirs, theirs, limits, failure),
    ]


def our_epochs(split: Split, limits: Limits) -> list[dict[str, float]]:
    """Seconds, CPU seconds and mean loss of each epoch."""
    import_module(TORCH_HALVES["lightgcn"])
    found: list[dict[str, float]] = []
    cpu = time.process_time()

    def note(report: EpochReport) -> None:
        nonlocal cpu
        before, cpu = cpu, time.process_time()
        found.append({"seconds": report.seconds, "cpu_seconds": cpu - before, "loss": report.loss})

    config = LightGCNConfig(
        dim=DIM,
        layers=LAYERS,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        initial_scale=INITIAL_SCALE,
        loss="bpr",
        l2=0.0,
        epochs=limits.epochs,
        threads=limits.threads,
        device="cuda" if limits.device == "cuda" else "cpu",
    )
    LightGCN(config, on_epoch=note).fit(split.train, np.random.default_rng(0))
    return found


def recbole_epochs(
    split: Split, limits: Limits, on_stage: Callable[[str], None]
) -> tuple[list[dict[str, float]], dict[str, str]]:
    """The same of RecBole's, and its packages' versions.

    Raises:
        ContenderFailed: it can't be installed, ended badly or took too long.
    """
    with TemporaryDirectory() as scratch:
        task, out = Path(scratch) / "task", Path(scratch) / "out"
        write_task(task, split, limits, seed=0)
        said = {
            "dim": DIM,
            "layers": LAYERS,
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "initial_scale": INITIAL_SCALE,
        }
        (task / "lightgcn.json").write_text(json.dumps(said), encoding="utf-8")
        run_script("recbole", "lightgcn_epochs.py", ["--task", str(task)], out, limits, on_stage)
        found = json.loads((out / RESULT).read_text(encoding="utf-8"))
    return found["epochs"], found["versions"]


def _row(
    name: str,
    versions: dict[str, str],
    epochs: Sequence[dict[str, float]],
    reference: Sequence[dict[str, float]],
    limits: Limits,
    failure: str,
) -> dict[str, Any]:
    return {
        "by": f"{name} {versions[name]}",
        "epoch_s": _median(epochs, "seconds"),
        "epoch_cpu_s": _median(epochs, "cpu_seconds"),
        "speed_up": _ratio(reference, epochs, "seconds"),
        "speed_up_cpu": _ratio(reference, epochs, "cpu_seconds"),
        "losses": [round(epoch["loss"], 5) for epoch in epochs],
        "torch": versions.get("torch", "?"),
        "threads": limits.threads,
        "device": limits.device,
        "failure": failure,
    }


def _ratio(
    reference: Sequence[dict[str, float]], epochs: Sequence[dict[str, float]], name: str
) -> float | None:
    theirs, ours = _median(reference, name), _median(epochs, name)
    return None if theirs is None or ours is None else round(theirs / ours, 2)


def _median(epochs: Sequence[dict[str, float]], name: str) -> float | None:
    warm = epochs[1:] or epochs
    return round(float(np.median([epoch[name] for epoch in warm])), 3) if warm else None
