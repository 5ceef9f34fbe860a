"""How far predicted probabilities can be believed: a reliability diagram and its expected error."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evaluation.harness import ScoreFn, top_items
from evaluation.metrics.lists import hits_of
from evaluation.plot import ACCENT, GRID, svg_figure
from ranking.holdout import bought
from shopgraph.types import BoolVector, GraphSnapshot, Heldout, iter_batches

_ROWS_AT_ONCE = 128


@dataclass(frozen=True)
class Bin:
    """Some of the predictions: their mean, the share that came true, and how many they are."""

    predicted: float
    observed: float
    n: int


@dataclass(frozen=True)
class Reliability:
    """Predictions against what happened, lowest first.

    `expected_error` is the mean over predictions of |observed - predicted| of their bin: the expected
    calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015, with bins of equal size).
    """

    bins: tuple[Bin, ...]
    expected_error: float

    def to_json(self) -> dict[str, Any]:
        """{"expected_error", "bins": [{"predicted", "observed", "n"}]}."""
        return {"expected_error": self.expected_error, "bins": [asdict(each) for each in self.bins]}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(tuple(Bin(**each) for each in found["bins"]), found["expected_error"])


def reliability(probabilities: NDArray[np.float64], came_true: BoolVector, n_bins: int = 10) -> Reliability:
    """The diagram of some predictions, in bins of (nearly) equal numbers.

    Args:
        probabilities: shape (n,), n >= 1.
        came_true: same shape.
        n_bins: how many; fewer where there are fewer predictions.

    Raises:
        ValueError: there is no prediction.
    """
    if not len(probabilities):
        raise ValueError("nothing was predicted")
    order = np.argsort(probabilities, kind="stable")
    bins = []
    for rows in np.array_split(order, min(n_bins, len(order))):
        bins.append(Bin(float(probabilities[rows].mean()), float(came_true[rows].mean()), len(rows)))
    error = sum(each.n * abs(each.observed - each.predicted) for each in bins) / len(order)
    return Reliability(tuple(bins), error)


def shown_probabilities(
    score: ScoreFn,
    probability: Callable[[NDArray[np.floating]], NDArray[np.float64]],
    train: GraphSnapshot,
    heldout: Heldout,
    k: int,
    rng: np.random.Generator,
    max_users: int = 2_000,
) -> tuple[NDArray[np.float64], BoolVector]:
    """(predicted probability, whether it was held out) of the k items shown to each of a sample of users.

    Both have shape (n,), places without an item left out.
    """
    users = np.sort(rng.permutation(len(heldout))[:max_users])
    sample = _only(heldout, users)
    ranked, scores = [], []
    for batch in iter_batches(len(users), _ROWS_AT_ONCE):
        histories = train.histories.take(sample.user_idx[batch])
        found = np.array(score(histories), np.float32)
        found[bought(histories, train).nonzero()] = -np.inf
        ranked.append(top_items(found, k))
        scores.append(np.take_along_axis(found, np.maximum(ranked[-1], 0), 1))
    lists = np.concatenate(ranked)
    there = lists >= 0
    return probability(np.concatenate(scores)[there]), hits_of(lists, sample)[there]


def write_reliability_plot(found: Reliability, path: Path, title: str) -> None:
    """Write the diagram as SVG; the same figures give the same bytes.

    Raises:
        DependencyMissing: matplotlib is not installed.
    """
    most = max(max(each.predicted, each.observed) for each in found.bins) * 1.05 or 1.0
    with svg_figure(path, (4.6, 4.2)) as axes:
        axes.plot([0, most], [0, most], color=GRID, linewidth=1.5, zorder=1)
        axes.plot(*_corners(found.bins), "o-", color=ACCENT, markersize=5, zorder=2)
        axes.set_xlim(0, most)
        axes.set_ylim(0, most)
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share that was taken")
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_title(f"{title}\nexpected calibration error {found.expected_error:.4f}", fontsize=10)


def _corners(bins: Sequence[Bin]) -> tuple[list[float], list[float]]:
    return [each.predicted for each in bins], [each.observed for each in bins]


def _only(heldout: Heldout, rows: NDArray[np.integer]) -> Heldout:
    lengths = np.diff(heldout.indptr)[rows]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    picked = np.arange(indptr[-1]) + np.repeat(heldout.indptr[rows] - indptr[:-1], lengths)
    return Heldout(heldout.user_idx[rows], indptr, heldout.item_idx[picked])
