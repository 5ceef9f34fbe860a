"""What every peer's script shares: choosing on validation, refitting, writing the lists.

A script runs in its peer's own environment, so this file needs NumPy and SciPy alone and nothing of ours.
The metric here chooses hyper-parameters; the figures of the table come from `evaluation.metrics`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from peer_task import Interactions, ScoreFn, Task, View, mean_ndcg, read_task, top_lists

_SEARCH_SHARE = 0.55
"""Of the time allowed; the rest is for the refit and the lists."""

Setting = Mapping[str, Any]


@dataclass(frozen=True)
class Fitted:
    """A trained peer: how it scores, and how many numbers it learned.

    `fold_in` scores the rows of histories that it was not trained on, where the peer can do that.
    """

    scores: ScoreFn
    n_parameters: int
    fold_in: Callable[[Interactions, np.ndarray], np.ndarray] | None = None


@dataclass
class Watch:
    """Stops the epochs of a fit, and remembers the best; a closed form never calls it.

    With `validate` None it lets exactly `max_epochs` pass: a refit. Seconds are of training alone.
    """

    max_epochs: int
    validate: Callable[[ScoreFn], float] | None = None
    seconds: float = float("inf")
    patience: int = 3
    every: int = 1
    best: float = -1.0
    best_epoch: int = 0
    seconds_to_best: float = 0.0
    stopped: str = "all epochs"
    epoch: int = 0
    _validating: float = 0.0
    _since_best: int = 0
    _started: float = field(default_factory=time.perf_counter)

    @property
    def trained_s(self) -> float:
        return time.perf_counter() - self._started - self._validating

    def go_on(self, scores: ScoreFn) -> bool:
        """To be asked after every epoch."""
        self.epoch += 1
        out_of_time = time.perf_counter() - self._started > self.seconds
        last = self.epoch >= self.max_epochs or out_of_time
        if self.validate is not None and (last or self.epoch % self.every == 0):
            self._judge(scores)
            if self._since_best >= self.patience:
                self.stopped = "no better"
                return False
        if out_of_time and self.epoch < self.max_epochs:
            self.stopped = "time"
        return not last

    def _judge(self, scores: ScoreFn) -> None:
        trained_s, started = self.trained_s, time.perf_counter()
        found = self.validate(scores)
        self._validating += time.perf_counter() - started
        self._since_best += 1
        if found > self.best:
            self.best, self.best_epoch, self.seconds_to_best, self._since_best = (
                found,
                self.epoch,
                trained_s,
                0,
            )


@dataclass(frozen=True)
class Peer:
    """A model of a peer: its declared grid, best guess first, and how it is fitted."""

    grid: Sequence[Setting]
    fit: Callable[[Task, Interactions, Setting, Watch], Fitted]
    patience: int = 3
    every: int = 1
    on_gpu: bool = False


def main(peers: Mapping[str, Peer], packages: Sequence[str]) -> None:
    """Run one model on one task: `script.py --task FOLDER --model NAME --out FOLDER`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", type=Path, required=True)
    parser.add_argument("--model", choices=sorted(peers), required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    task, peer = read_task(asked.task), peers[asked.model]
    found, fitted = _choose_and_refit(task, peer)
    found["device"] = task.device if peer.on_gpu else "cpu"
    found["versions"] = {"python": sys.version.split()[0], **{name: version(name) for name in packages}}
    found["peak_rss_mb"] = round(peak_rss_mb(), 1)
    started = time.perf_counter()
    lists, found["unanswered"] = answers(task, fitted)
    found["list_seconds"] = round(time.perf_counter() - started, 2)
    np.savez(asked.out / "lists.npz", **lists)
    (asked.out / "result.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def answers(task: Task, fitted: Fitted) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(lists of each view, why there are none of others)."""
    lists, unanswered = {}, {}
    for name, view in task.views.items():
        if not task.train.weights[:, np.flatnonzero(view.among)].nnz:
            unanswered[name] = "it knows nothing of items without interactions"
        elif view.given is not None and fitted.fold_in is None:
            unanswered[name] = "it answers only users whom it was trained on"
        else:
            lists[name] = _lists_of_view(view, fitted, task.repeats)
    return lists, unanswered


def _lists_of_view(view: View, fitted: Fitted, repeats: bool) -> np.ndarray:
    def scores(rows: np.ndarray) -> np.ndarray:
        if view.given is None:
            found = np.array(fitted.scores(view.users[rows]), np.float32)
        else:
            found = np.array(fitted.fold_in(view.given, rows), np.float32)
        found[:, ~view.among] = -np.inf
        return found

    return top_lists(scores, np.arange(len(view.users)), None if repeats else view.known.owned)


def peak_rss_mb() -> float:
    """Most memory that this process has held, MB; VmHWM, as ru_maxrss counts the parent before exec too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("/proc/self/status has no VmHWM")


def _choose_and_refit(task: Task, peer: Peer) -> tuple[dict[str, Any], Fitted]:
    """The best setting on validation, then the model fitted by it on all of the training data."""
    started = time.perf_counter()
    tried: list[dict[str, Any]] = []
    grid = list(peer.grid)[: task.max_settings]
    for number, setting in enumerate(grid):
        left = _SEARCH_SHARE * task.seconds - (time.perf_counter() - started)
        if number and left <= max(each["seconds"] for each in tried):
            break
        tried.append(_try(task, peer, setting, left / (len(grid) - number)))
    search_s = time.perf_counter() - started
    best = max(tried, key=lambda each: each["ndcg@10"])
    refit_started = time.perf_counter()
    fitted = peer.fit(task, task.train, best["setting"], Watch(best["epochs"]))
    found = {
        "chosen": {**best["setting"], **({"epochs": best["epochs"]} if best["epochs"] else {})},
        "validation_ndcg@10": best["ndcg@10"],
        "seconds_to_best": best["seconds_to_best"],
        "search_seconds": round(search_s, 2),
        "refit_seconds": round(time.perf_counter() - refit_started, 2),
        "train_seconds": round(time.perf_counter() - started, 2),
        "settings_tried": len(tried),
        "settings_declared": len(grid),
        "stopped": best["stopped"],
        "n_parameters": int(fitted.n_parameters),
        "tried": tried,
    }
    return found, fitted


def _try(task: Task, peer: Peer, setting: Setting, seconds: float) -> dict[str, Any]:
    def validate(scores: ScoreFn) -> float:
        owned = None if task.repeats else task.part.owned
        return mean_ndcg(top_lists(scores, task.validation_users, owned), task.validation_items)

    started = time.perf_counter()
    watch = Watch(task.max_epochs, validate, seconds, peer.patience, peer.every)
    fitted = peer.fit(task, task.part, setting, watch)
    if not watch.epoch:  # a closed form, or a peer whose loop has no seam: one state, judged once
        watch.seconds_to_best, watch.stopped = time.perf_counter() - started, "closed form"
        watch.best = validate(fitted.scores)
    return {
        "setting": dict(setting),
        "ndcg@10": round(watch.best, 5),
        "epochs": watch.best_epoch,
        "seconds_to_best": round(watch.seconds_to_best, 2),
        "seconds": round(time.perf_counter() - started, 2),
        "stopped": watch.stopped,
    }
