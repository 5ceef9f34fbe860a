"""Learning the weights of the score's parts on held-out items.

First the likelihood: each held-out item is a draw from the softmax of the weighted sum over all items
the shopper has not bought (listwise, multinomial), estimated on hard and random negatives whose
log importance weights make the sum unbiased; concave, so L-BFGS finds its one maximum. Then a
coordinate search on NDCG@10, which keeps a step only if neither half of the users loses. No weight
falls below zero: a reason never speaks against the item that it is named for, and whoever has no
history gets what is popular, never its opposite.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from ranking.config import FusionConfig
from ranking.holdout import bought
from shopgraph.types import (
    BoolVector,
    FloatMatrix,
    GraphSnapshot,
    Heldout,
    Histories,
    IntVector,
    iter_batches,
)

NDCG_AT = 10
_OWN_STEPS = (-1.0, -0.5, -0.2, -0.1, 0.1, 0.25, 0.6, 1.5)
_COMMON_STEPS = (-0.1, -0.03, 0.03, 0.1)
_GAIN = 1e-5
_NEVER = np.float32(-1e30)

PartMatrices = Callable[[Histories], Mapping[str, FloatMatrix]]
"""The standardised, unweighted parts of a batch, each shape (len(histories), n_items)."""


@dataclass(frozen=True, eq=False)
class FusionRows:
    """What the weights are learned from: for each user the same number of candidates.

    Attributes:
        names: the parts, in the order of the last axis of `values`.
        values: standardised parts, shape (n_users, n_candidates, n_parts).
        relevant: which candidates are held out, shape (n_users, n_candidates).
        log_weight: log of how many items a candidate stands for; -1e30 for padding, same shape.
        user_idx: the user of each row.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]
    relevant: NDArray[np.bool_]
    log_weight: FloatMatrix
    user_idx: IntVector

    def only(self, names: Sequence[str]) -> "FusionRows":
        """The same rows with some of the parts."""
        columns = [self.names.index(name) for name in names]
        values = np.ascontiguousarray(self.values[:, :, columns])
        return FusionRows(tuple(names), values, self.relevant, self.log_weight, self.user_idx)


@dataclass(frozen=True)
class Learned:
    """Weight of each standardised part, and NDCG@10 of the validation rows (the candidates alone)."""

    weights: Mapping[str, float]
    ndcg: float


def learn_choices(
    parts: PartMatrices,
    train: GraphSnapshot,
    heldout: Heldout,
    choices: Mapping[str, Sequence[str]],
    config: FusionConfig,
    rng: np.random.Generator,
) -> dict[str, Learned]:
    """Weights for several choices of parts, by the choices' names.

    A quarter of the users gives first weights; what these rank highest are then hard negatives for
    all, so that no choice gains by items that nobody compared it with.
    """
    is_bought = bought(train.histories, train)
    few = config.model_copy(update={"max_users": max(config.max_users // 4, 2)})
    first = collect_rows(parts, train.histories, heldout, is_bought, [], few, rng)
    blends = [learn_weights(first.only(names), few).weights for names in choices.values()]
    rows = collect_rows(parts, train.histories, heldout, is_bought, blends, config, rng)
    return {choice: learn_weights(rows.only(names), config) for choice, names in choices.items()}


def collect_rows(
    parts: PartMatrices,
    histories: Histories,
    heldout: Heldout,
    is_bought: sparse.csr_array,
    blends: Sequence[Mapping[str, float]],
    config: FusionConfig,
    rng: np.random.Generator,
) -> FusionRows:
    """Candidates of a sample of held-out users: the relevant items, the best by several orders, random ones.

    Args:
        parts: computes the parts of a batch.
        histories: of all users, row = user_idx.
        heldout: what is to be found.
        is_bought: items that can't be recommended any more, bool (n_users, n_items).
        blends: weights by part of further orders that hard negatives are taken from; each part is one.
        config: sizes.
        rng: picks users and random negatives.
    """
    lengths = np.diff(histories.indptr)[heldout.user_idx]
    rows = np.sort(rng.permutation(np.flatnonzero(lengths))[: config.max_users])
    names: tuple[str, ...] = ()
    values, relevant, log_weight = [], [], []
    for batch in iter_batches(len(rows), config.batch_users):
        users = heldout.user_idx[rows[batch]]
        matrices = parts(histories.take(users))
        names = tuple(matrices)
        is_relevant = relevant_matrix(heldout, rows[batch], is_bought.shape[1]).toarray()
        gone = is_bought[users].toarray()
        hard = is_relevant & ~gone
        for matrix in (*matrices.values(), *(_blend(matrices, blend) for blend in blends)):
            hard |= _best(matrix, gone, config.n_hard)
        chosen, weight = _choose(hard, gone, is_relevant, config.n_candidates, rng)
        values.append(np.stack([np.take_along_axis(matrices[name], chosen, 1) for name in names], axis=-1))
        relevant.append(np.take_along_axis(is_relevant, chosen, 1))
        log_weight.append(weight)
    return FusionRows(
        names,
        np.concatenate(values),
        np.concatenate(relevant),
        np.concatenate(log_weight),
        heldout.user_idx[rows],
    )


def learn_weights(rows: FusionRows, config: FusionConfig) -> Learned:
    """The most likely weights, then searched on NDCG@10."""
    weights = _most_likely(rows, config.l2)
    weights, ndcg = _search(rows, weights, config.search_rounds)
    return Learned(dict(zip(rows.names, weights.tolist(), strict=True)), ndcg)


def relevant_matrix(heldout: Heldout, rows: NDArray[np.integer], n_items: int) -> sparse.csr_array:
    """The held-out items of some rows, bool (len(rows), n_items)."""
    shape = (len(heldout), n_items)
    data = np.ones(len(heldout.item_idx), np.bool_)
    return sparse.csr_array((data, heldout.item_idx, heldout.indptr), shape=shape)[rows]


def _blend(matrices: Mapping[str, FloatMatrix], weights: Mapping[str, float]) -> FloatMatrix:
    total = np.zeros_like(next(iter(matrices.values())))
    for name, weight in weights.items():
        total += matrices[name] * np.float32(weight)
    return total


def _best(matrix: FloatMatrix, is_bought: BoolVector, k: int) -> BoolVector:
    """Where each row's k best stand, none of them bought."""
    scores = np.where(is_bought, -np.inf, matrix)
    k = min(k, scores.shape[1])
    best = np.zeros(scores.shape, np.bool_)
    np.put_along_axis(best, np.argpartition(-scores, k - 1, axis=1)[:, :k], True, axis=1)
    kept: BoolVector = best & ~is_bought
    return kept


def _choose(
    hard: BoolVector,
    is_bought: BoolVector,
    is_relevant: BoolVector,
    n_candidates: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], FloatMatrix]:
    """Columns of the candidates, and the log of how many items each stands for.

    The relevant come first, then the hard ones, then random ones; bought ones are padding.
    """
    k = min(n_candidates, hard.shape[1])
    order = rng.random(hard.shape, np.float32) + hard + is_relevant - np.float32(4) * is_bought
    # by item, so that the order of equal scores does not favour the relevant
    chosen = np.sort(np.argpartition(-order, k - 1, axis=1)[:, :k], axis=1)
    is_hard, padding = (np.take_along_axis(mask, chosen, 1) for mask in (hard, is_bought))
    is_random = ~is_hard & ~padding
    n_left = (~hard & ~is_bought).sum(axis=1, keepdims=True)
    stands_for = n_left / np.maximum(is_random.sum(axis=1, keepdims=True), 1)
    weight = np.where(is_random, np.log(np.maximum(stands_for, 1)), 0.0).astype(np.float32)
    weight[padding] = _NEVER
    return chosen, weight


def _most_likely(rows: FusionRows, l2: float) -> NDArray[np.float64]:
    n_users, n_candidates, n_parts = rows.values.shape
    flat = rows.values.reshape(-1, n_parts)
    target = rows.relevant / np.maximum(rows.relevant.sum(axis=1, keepdims=True), 1)
    wanted = (target.reshape(-1).astype(np.float32) @ flat).astype(np.float64)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = (flat @ weights.astype(np.float32)).reshape(n_users, n_candidates)
        logits = scores + rows.log_weight
        top = logits.max(axis=1, keepdims=True)
        expected = np.exp(logits - top)
        total = expected.sum(axis=1, keepdims=True)
        expected /= total
        nll = float((np.log(total) + top).sum(dtype=np.float64)) - float(wanted @ weights)
        slope = (expected.reshape(-1) @ flat).astype(np.float64) - wanted
        return nll / n_users + l2 * float(weights @ weights), slope / n_users + 2 * l2 * weights

    bounds = [(0.0, None)] * n_parts
    found = minimize(loss, np.full(n_parts, 0.1), jac=True, method="L-BFGS-B", bounds=bounds)
    solution: NDArray[np.float64] = found.x
    return solution


def _search(
    rows: FusionRows, weights: NDArray[np.float64], n_rounds: int
) -> tuple[NDArray[np.float64], float]:
    """Moves one weight at a time; a step counts if neither half of the users loses and the mean gains."""
    columns = [np.ascontiguousarray(rows.values[:, :, part]) for part in range(len(rows.names))]
    measure = _HalvesNdcg(rows.relevant)
    scores = rows.values @ weights.astype(np.float32) + np.minimum(rows.log_weight, 0)
    best, found = measure(scores), weights.copy()
    for _ in range(n_rounds):
        improved = False
        for part, column in enumerate(columns):
            for step in _steps(found, part):
                moved = max(found[part] + step, 0.0)
                trial = scores + column * np.float32(moved - found[part])
                ndcg = measure(trial)
                if (ndcg >= best).all() and ndcg.mean() > best.mean() + _GAIN:
                    scores, best, improved = trial, ndcg, True
                    found[part] = moved
        if not improved:
            break
    return found, float(best.mean())


def _steps(weights: NDArray[np.float64], part: int) -> list[float]:
    """Steps from the weight as it is now: shares of itself, and shares of all weights' sum."""
    unit = float(np.abs(weights).sum())
    return [float(weights[part]) * step for step in _OWN_STEPS] + [unit * step for step in _COMMON_STEPS]


class _HalvesNdcg:
    """NDCG@10 of scores, averaged over the even and over the odd rows; a tie counts against."""

    def __init__(self, relevant: NDArray[np.bool_]) -> None:
        n_relevant = relevant.sum(axis=1)
        discounts = 1 / np.log2(np.arange(2, NDCG_AT + 2))
        ideal = np.cumsum(discounts)[np.clip(n_relevant, 1, NDCG_AT) - 1]
        self._discounts = np.append(discounts, 0.0)
        self._row, self._column = np.nonzero(relevant)
        odd = self._row % 2 if len(relevant) > 1 else np.zeros(len(self._row), np.int64)
        sizes = np.maximum(np.bincount(np.arange(len(relevant)) % 2, minlength=2), 1)
        self._half, self._gain = odd, 1 / (ideal[self._row] * sizes[odd])

    def __call__(self, scores: FloatMatrix) -> NDArray[np.float64]:
        found = scores[self._row, self._column]
        place = np.count_nonzero(scores[self._row] >= found[:, None], axis=1) - 1
        gains = self._discounts[np.minimum(place, NDCG_AT)] * self._gain
        halves: NDArray[np.float64] = np.bincount(self._half, gains, minlength=2).astype(np.float64)
        return halves
