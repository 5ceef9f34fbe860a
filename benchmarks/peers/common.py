"""What every peer's script shares: reading the task, choosing on validation, writing the lists.

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
from scipy import sparse

K_LIST, K_VALIDATION = 20, 10
N_VALIDATION_USERS = 5_000
_SCORES_AT_ONCE = 1 << 22
_SEARCH_SHARE = 0.55
"""Of the time allowed; the rest is for the refit and the lists."""

Setting = Mapping[str, Any]
ScoreFn = Callable[[np.ndarray], np.ndarray]
"""User rows, shape (n,) -> scores of all items, shape (n, n_items), by the peer's call or matrices."""


@dataclass(frozen=True)
class Interactions:
    """Users × items of one training part.

    Attributes:
        weights: CSR float32, 1 for one event of the main type, more for several.
        places: int32 beside `weights.indices`: the item's place in the user's history, last event counted.
        owned: CSR, nonzero where the user has bought: never listed.
    """

    weights: sparse.csr_matrix
    places: np.ndarray
    owned: sparse.csr_matrix

    def sequences(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(user, item, place) of every pair, by user and then in time order."""
        users = np.repeat(np.arange(self.weights.shape[0]), np.diff(self.weights.indptr))
        order = np.lexsort((self.places, users))
        return users[order], self.weights.indices[order], self.places[order]


@dataclass(frozen=True)
class Task:
    """One split: `train` is all of the training data, `part` is `train` less the validation items."""

    folder: Path
    train: Interactions
    part: Interactions
    validation_users: np.ndarray
    validation_items: sparse.csr_matrix
    test_users: np.ndarray
    triples: np.ndarray
    n_entities: int
    seconds: float
    max_epochs: int
    max_settings: int
    seed: int
    threads: int
    device: str

    @property
    def n_users(self) -> int:
        return int(self.train.weights.shape[0])

    @property
    def n_items(self) -> int:
        return int(self.train.weights.shape[1])


@dataclass(frozen=True)
class Fitted:
    """A trained peer: how it scores, and how many numbers it learned."""

    scores: ScoreFn
    n_parameters: int


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
    lists = top_lists(fitted.scores, task.test_users, task.train.owned)
    found["list_seconds"] = round(time.perf_counter() - started, 2)
    np.save(asked.out / "lists.npy", lists)
    (asked.out / "result.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def read_task(folder: Path) -> Task:
    """What `shopgraph bench models` wrote."""
    said = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    shape = (said.pop("n_users"), said.pop("n_items"))
    held = np.load(folder / "validation.npz")
    relevant = sparse.csr_matrix(
        (np.ones(len(held["item_idx"])), held["item_idx"], held["indptr"]), (len(held["user_idx"]), shape[1])
    )
    rng = np.random.default_rng(said["seed"])
    rows = np.sort(rng.permutation(relevant.shape[0])[:N_VALIDATION_USERS])
    return Task(
        folder=folder,
        train=_read_interactions(folder / "train.npz", shape),
        part=_read_interactions(folder / "part.npz", shape),
        validation_users=held["user_idx"][rows],
        validation_items=relevant[rows],
        test_users=np.load(folder / "test_users.npy"),
        triples=np.load(folder / "triples.npy"),
        **said,
    )


def top_lists(scores: ScoreFn, users: np.ndarray, owned: sparse.csr_matrix, k: int = K_LIST) -> np.ndarray:
    """The k best items of each user that the user does not own, int32, -1 where there are none left."""
    n_items = owned.shape[1]
    lists = np.full((len(users), k), -1, np.int32)
    size = max(1, _SCORES_AT_ONCE // n_items)
    for start in range(0, len(users), size):
        rows = users[start : start + size]
        found = np.array(scores(rows), np.float32)
        found[~np.isfinite(found)] = -np.inf
        found[owned[rows].nonzero()] = -np.inf
        width = min(k, n_items)
        best = np.sort(np.argpartition(-found, width - 1, axis=1)[:, :width], axis=1)
        values = np.take_along_axis(found, best, 1)
        order = np.argsort(-values, axis=1, kind="stable")
        best, values = np.take_along_axis(best, order, 1), np.take_along_axis(values, order, 1)
        lists[start : start + size, :width] = np.where(np.isneginf(values), -1, best)
    return lists


def mean_ndcg(lists: np.ndarray, relevant: sparse.csr_matrix, k: int = K_VALIDATION) -> float:
    """NDCG@k over users; the ideal list has min(k, number of relevant items) hits."""
    lists = lists[:, :k]
    rows = np.repeat(np.arange(len(lists)), lists.shape[1])
    hits = np.asarray(relevant[rows, np.maximum(lists, 0).ravel()]).reshape(lists.shape) * (lists >= 0)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(np.diff(relevant.indptr), k)]
    gained = hits @ discounts[: lists.shape[1]]
    return float(np.mean(gained / ideal))


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
        return mean_ndcg(top_lists(scores, task.validation_users, task.part.owned), task.validation_items)

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


def _read_interactions(path: Path, shape: tuple[int, int]) -> Interactions:
    saved = np.load(path)
    weights = sparse.csr_matrix((saved["weight"], saved["item_idx"], saved["indptr"]), shape)
    owned = sparse.csr_matrix((saved["owned"].astype(np.float32), saved["item_idx"], saved["indptr"]), shape)
    owned.eliminate_zeros()
    return Interactions(weights, saved["place"], owned)
