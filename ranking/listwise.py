"""Whole lists as the unit of learning: candidates of held-out users, and what weights are fitted to.

All gradients are exact; a part's weight is one number, so L-BFGS needs seconds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from shopgraph.types import FloatMatrix, IntVector

NDCG_AT = 10
NEVER = np.float32(-1e30)
"""Log weight of padding: no item stands there."""

_OWN_STEPS = (-1.0, -0.5, -0.2, -0.1, 0.1, 0.25, 0.6, 1.5)
_COMMON_STEPS = (-0.1, -0.03, 0.03, 0.1)
_GAIN = 1e-5
_MAX_ITERATIONS = 100
_TINY = 1e-12

Weights = NDArray[np.float64]
Loss = Callable[[Weights], tuple[float, Weights]]
"""Value and slope."""


@dataclass(frozen=True, eq=False)
class FusionRows:
    """What the weights are learned from: for each user the same number of candidates.

    Attributes:
        names: the parts, in the order of the first axis of `values`.
        values: standardised parts, shape (n_parts, n_users, n_candidates).
        relevant: which candidates are held out, shape (n_users, n_candidates).
        log_weight: log of how many items a candidate stands for; NEVER for padding, same shape.
        user_idx: the user of each row.
        n_past: how many different items each row's history holds.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    relevant: NDArray[np.bool_]
    log_weight: FloatMatrix
    user_idx: IntVector
    n_past: IntVector

    def __len__(self) -> int:
        return len(self.user_idx)

    def only(self, names: Sequence[str]) -> "FusionRows":
        """The same rows with some of the parts; no copy where these are all."""
        if tuple(names) == self.names:
            return self
        return replace(
            self, names=tuple(names), values=self.values[[self.names.index(name) for name in names]]
        )

    def take(self, rows: NDArray[np.integer]) -> "FusionRows":
        """Some of the rows."""
        return FusionRows(
            self.names,
            np.take(self.values, rows, axis=1),
            self.relevant[rows],
            self.log_weight[rows],
            self.user_idx[rows],
            self.n_past[rows],
        )

    def scores(self, weights: Weights) -> FloatMatrix:
        """Weighted sums, NEVER where padding is."""
        return self.sums(weights) + np.minimum(self.log_weight, 0)

    def sums(self, weights: Weights) -> FloatMatrix:
        """Weighted sums, whatever stands there."""
        sums: FloatMatrix = weights.astype(np.float32) @ self._flat()
        return sums.reshape(self.relevant.shape)

    def slope(self, by_score: FloatMatrix) -> Weights:
        """Gradient by weight from the gradient by score."""
        return (self._flat() @ by_score.reshape(-1)).astype(np.float64)

    def _flat(self) -> FloatMatrix:
        return self.values.reshape(len(self.names), -1)


def most_likely(rows: FusionRows, l2: float, start: Weights | None = None) -> Weights:
    """The non-negative weights under which the softmax over all items drew the held-out ones likeliest.

    There is one best; a good `start` saves steps.
    """
    negative_log_likelihood = _Likelihood(rows)

    def loss(weights: Weights) -> tuple[float, Weights]:
        value, slope = negative_log_likelihood(weights)
        return value + l2 * float(weights @ weights), slope + 2 * l2 * weights

    return _minimum(loss, np.full(len(rows.names), 0.1) if start is None else start)


def best_ranking(rows: FusionRows, start: Weights, l2: float) -> Weights:
    """The weights near `start` with the best smooth NDCG.

    ApproxNDCG (Qin, Liu and Li 2010, at temperature 1): a place is 1 + Σ_j σ(s_j - s_i), each
    candidate counted for as many items as it stands for; the list is not cut.
    """
    smooth = _SmoothNdcg(rows)

    def loss(weights: Weights) -> tuple[float, Weights]:
        value, slope = smooth(weights)
        return l2 * float(weights @ weights) - value, 2 * l2 * weights - slope

    return _minimum(loss, start)


def likely_and_ranking(rows: FusionRows, l2: float, start: Weights | None = None) -> Weights:
    """The mean of the likeliest weights and of those with the best smooth NDCG, each with sum 1."""
    likely = most_likely(rows, l2, start)
    mean: Weights = np.mean([to_one(found) for found in (likely, best_ranking(rows, likely, l2))], axis=0)
    return mean


def to_one(weights: Weights) -> Weights:
    """The weights with sum 1; zeros stay zeros."""
    return weights / max(float(weights.sum()), _TINY)


def search(rows: FusionRows, start: Weights, n_rounds: int) -> Weights:
    """Better weights by NDCG@10 itself.

    Moves one weight at a time; a step counts if neither half of the users loses and the mean gains.
    """
    measure = HalvesNdcg(rows.relevant)
    scores = rows.scores(start)
    best, found = measure(scores), start.copy()
    for _ in range(n_rounds):
        improved = False
        for part, column in enumerate(rows.values):
            for step in _steps(found, part):
                moved = max(found[part] + step, 0.0)
                trial = scores + column * np.float32(moved - found[part])
                ndcg = measure(trial)
                if (ndcg >= best).all() and ndcg.mean() > best.mean() + _GAIN:
                    scores, best, improved = trial, ndcg, True
                    found[part] = moved
        if not improved:
            break
    return found


def calibrated(rows: FusionRows, weights: Weights) -> Weights:
    """The weights times the factor that makes them likeliest: differences of scores become log odds."""
    if not weights.any():
        return weights
    likelihood = _Likelihood(rows)
    found = minimize_scalar(
        lambda log_factor: likelihood(weights * np.exp(log_factor))[0],
        bounds=(-7.0, 7.0),
        method="bounded",
        options={"xatol": 0.01},
    )
    return weights * float(np.exp(found.x))


class HalvesNdcg:
    """NDCG@10 of scores, averaged over the even and over the odd rows (if any); a tie counts against."""

    def __init__(self, relevant: NDArray[np.bool_]) -> None:
        self._rows = _RowNdcg(relevant)
        self._half = np.arange(len(relevant)) % 2
        self._sizes = np.bincount(self._half)

    def __call__(self, scores: FloatMatrix) -> NDArray[np.float64]:
        halves: NDArray[np.float64] = np.bincount(self._half, self._rows(scores)) / self._sizes
        return halves


def ndcg_of_rows(rows: FusionRows, weights: Weights) -> NDArray[np.float64]:
    """NDCG@10 of each row's candidates, shape (n_users,)."""
    return _RowNdcg(rows.relevant)(rows.scores(weights))


class _RowNdcg:
    """NDCG@10 of each row of scores; a tie counts against."""

    def __init__(self, relevant: NDArray[np.bool_]) -> None:
        discounts = 1 / np.log2(np.arange(2, NDCG_AT + 2))
        self._discounts = np.append(discounts, 0.0)
        self._row, self._column = np.nonzero(relevant)
        self._gain = 1 / _ideal(relevant)[self._row]
        self._n_rows = len(relevant)

    def __call__(self, scores: FloatMatrix) -> NDArray[np.float64]:
        found = scores[self._row, self._column]
        place = np.count_nonzero(scores[self._row] >= found[:, None], axis=1) - 1
        gains = self._discounts[np.minimum(place, NDCG_AT)] * self._gain
        return np.bincount(self._row, gains, self._n_rows).astype(np.float64)


class _Likelihood:
    """Mean negative log likelihood of a user's held-out items, and its slope."""

    def __init__(self, rows: FusionRows) -> None:
        self.rows = rows
        target = rows.relevant / np.maximum(rows.relevant.sum(axis=1, keepdims=True), 1)
        self.wanted = rows.slope(target.astype(np.float32))

    def __call__(self, weights: Weights) -> tuple[float, Weights]:
        n_users = len(self.rows)
        logits = self.rows.sums(weights) + self.rows.log_weight
        top = logits.max(axis=1, keepdims=True)
        expected = np.exp(logits - top)
        total = expected.sum(axis=1, keepdims=True)
        expected /= total
        value = float((np.log(total) + top).sum(dtype=np.float64)) - float(self.wanted @ weights)
        return value / n_users, (self.rows.slope(expected) - self.wanted) / n_users


class _SmoothNdcg:
    """Mean smooth NDCG, and its slope."""

    def __init__(self, rows: FusionRows) -> None:
        self.rows = rows
        self.row, self.column = np.nonzero(rows.relevant)
        self.first = np.flatnonzero(np.diff(self.row, prepend=-1))
        self.gain = (1 / (_ideal(rows.relevant)[self.row] * len(rows))).astype(np.float32)
        self.stands_for = np.exp(np.maximum(rows.log_weight, -50.0))[self.row]
        self.stands_for[np.arange(len(self.row)), self.column] = 0

    def __call__(self, weights: Weights) -> tuple[float, Weights]:
        scores = self.rows.scores(weights)
        ahead = np.clip(scores[self.row] - scores[self.row, self.column][:, None], -30, 30)
        share = 1 / (1 + np.exp(-ahead))
        place = 1 + (share * self.stands_for).sum(axis=1)
        bits = np.log2(1 + place)
        by_place = -self.gain / (bits**2 * (1 + place) * np.float32(np.log(2)))
        by_pair = by_place[:, None] * share * (1 - share) * self.stands_for
        by_score = np.zeros_like(scores)
        by_score[self.row[self.first]] = np.add.reduceat(by_pair, self.first, axis=0)
        by_score[self.row, self.column] -= by_pair.sum(axis=1)
        return float((self.gain / bits).sum(dtype=np.float64)), self.rows.slope(by_score)


def _ideal(relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """DCG@10 of each row's best list."""
    discounts = 1 / np.log2(np.arange(2, NDCG_AT + 2))
    ideal: NDArray[np.float64] = np.cumsum(discounts)[np.clip(relevant.sum(axis=1), 1, NDCG_AT) - 1]
    return ideal


def _minimum(loss: Loss, start: Weights) -> Weights:
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(start),
        options={"maxiter": _MAX_ITERATIONS},
    )
    solution: Weights = found.x
    return solution


def _steps(weights: Weights, part: int) -> list[float]:
    """Steps from the weight as it is now: shares of itself, and shares of all weights' sum."""
    unit = float(np.abs(weights).sum())
    return [float(weights[part]) * step for step in _OWN_STEPS] + [unit * step for step in _COMMON_STEPS]
