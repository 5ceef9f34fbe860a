"""What a peer is told by `shopgraph bench models`, and how its lists are made and judged while it searches.

NumPy and SciPy alone, as every peer has an environment of its own.
The metric here chooses hyper-parameters; the figures of the table come from `evaluation.metrics`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

K_LIST, K_VALIDATION = 20, 10
N_VALIDATION_USERS = 5_000
_SCORES_AT_ONCE = 1 << 22

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
class View:
    """One question: a row a user.

    Attributes:
        users: rows of the training part.
        known: what each of them has; what is owned is not listed, unless repeats count.
        given: what a model may see of them, where that is not all of the training part.
        among: which items may be listed, bool (n_items,).
    """

    users: np.ndarray
    known: Interactions
    given: Interactions | None
    among: np.ndarray


@dataclass(frozen=True)
class Task:
    """One split: `train` is all of the training data, `part` is `train` less the validation items."""

    folder: Path
    train: Interactions
    part: Interactions
    validation_users: np.ndarray
    validation_items: sparse.csr_matrix
    views: Mapping[str, View]
    repeats: bool
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


def read_task(folder: Path) -> Task:
    """What `shopgraph bench models` wrote."""
    said = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    shape = (said.pop("n_users"), said.pop("n_items"))
    held = np.load(folder / "validation.npz")
    relevant = sparse.csr_matrix(
        (np.ones(len(held["item_idx"])), held["item_idx"], held["indptr"]), (len(held["user_idx"]), shape[1])
    )
    views = {name: _read_view(folder, name, shape) for name in said.pop("views")}
    rng = np.random.default_rng(said["seed"])
    rows = np.sort(rng.permutation(relevant.shape[0])[:N_VALIDATION_USERS])
    return Task(
        folder=folder,
        train=_read_interactions(folder / "train.npz", shape),
        part=_read_interactions(folder / "part.npz", shape),
        validation_users=held["user_idx"][rows],
        validation_items=relevant[rows],
        views=views,
        triples=np.load(folder / "triples.npy"),
        **said,
    )


def top_lists(
    scores: ScoreFn, users: np.ndarray, owned: sparse.csr_matrix | None, k: int = K_LIST
) -> np.ndarray:
    """The k best items of each user that the user does not own, int32, -1 where there are none left."""
    lists = np.full((len(users), k), -1, np.int32)
    start, size = 0, 1
    while start < len(users):
        rows = users[start : start + size]
        found = np.array(scores(rows), np.float32)
        found[~np.isfinite(found)] = -np.inf
        if owned is not None:
            found[owned[rows].nonzero()] = -np.inf
        width = min(k, found.shape[1])
        best = np.sort(np.argpartition(-found, width - 1, axis=1)[:, :width], axis=1)
        values = np.take_along_axis(found, best, 1)
        order = np.argsort(-values, axis=1, kind="stable")
        best, values = np.take_along_axis(best, order, 1), np.take_along_axis(values, order, 1)
        lists[start : start + size, :width] = np.where(np.isneginf(values), -1, best)
        start, size = start + size, max(1, _SCORES_AT_ONCE // found.shape[1])
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


def _read_view(folder: Path, name: str, shape: tuple[int, int]) -> View:
    saved = np.load(folder / f"{name}.npz")
    rows = (len(saved["users"]), shape[1])
    given = folder / f"{name}-given.npz"
    return View(
        users=saved["users"],
        known=_read_interactions(folder / f"{name}-known.npz", rows),
        given=_read_interactions(given, rows) if given.exists() else None,
        among=saved["among"],
    )


def _read_interactions(path: Path, shape: tuple[int, int]) -> Interactions:
    saved = np.load(path)
    weights = sparse.csr_matrix((saved["weight"], saved["item_idx"], saved["indptr"]), shape)
    owned = sparse.csr_matrix((saved["owned"].astype(np.float32), saved["item_idx"], saved["indptr"]), shape)
    owned.eliminate_zeros()
    return Interactions(weights, saved["place"], owned)
