"""Learning the weights of the score's parts on held-out items.

First the likelihood: each held-out item is a draw from the softmax of the weighted sum over all items
the shopper has not bought (listwise, multinomial), estimated on hard and random negatives whose
log importance weights make the sum unbiased; concave, so L-BFGS finds its one maximum. Then a
coordinate search on NDCG@10, which keeps a step only if both halves of the users gain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from ranking.config import FusionConfig
from shopgraph.types import BoolVector, FloatMatrix, Heldout, Histories, IntVector, iter_batches

NDCG_AT = 10
_STEPS = (0.0, 0.5, 0.75, 0.9, 1.1, 1.3, 1.6, 2.5)
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


def collect_rows(
    parts: PartMatrices,
    histories: Histories,
    heldout: Heldout,
    bought: sparse.csr_array,
    hard_by: Sequence[str],
    config: FusionConfig,
    rng: np.random.Generator,
) -> FusionRows:
    """Candidates of a sample of held-out users: their relevant items, each part's best, random ones.

    Args:
        parts: computes the parts of a batch.
        histories: of all users, row = user_idx.
        heldout: what is to be found.
        bought: items that can't be recommended any more, bool (n_users, n_items).
        hard_by: names of the parts whose best items are taken as hard negatives.
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
        is_relevant = relevant_matrix(heldout, rows[batch], bought.shape[1]).toarray()
        hard = _hard([matrices[name] for name in hard_by], bought[users].toarray(), is_relevant, config)
        chosen, weight = _choose(hard, bought[users].toarray(), config.n_candidates, rng)
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


def learn_weights(
    rows: FusionRows, non_negative: Sequence[str], config: FusionConfig
) -> tuple[dict[str, float], dict[str, float]]:
    """Weights of the standardised parts, and NDCG@10 on the rows before and after the search.

    Args:
        rows: held-out users' candidates.
        non_negative: parts whose weight must not fall below zero.
        config: penalty and number of search rounds.

    Returns:
        Weight by part name; {"ndcg@10_likelihood", "ndcg@10"} over the candidates.
    """
    weights = _most_likely(rows, non_negative, config.l2)
    before = _halves(rows, weights)
    weights, after = _search(rows, weights, before, config.search_rounds)
    found = dict(zip(rows.names, (float(weight) for weight in weights), strict=True))
    return found, {"ndcg@10_likelihood": float(before.mean()), "ndcg@10": float(after.mean())}


def relevant_matrix(heldout: Heldout, rows: NDArray[np.integer], n_items: int) -> sparse.csr_array:
    """The held-out items of some rows, bool (len(rows), n_items)."""
    shape = (len(heldout), n_items)
    data = np.ones(len(heldout.item_idx), np.bool_)
    return sparse.csr_array((data, heldout.item_idx, heldout.indptr), shape=shape)[rows]


def _hard(
    matrices: Sequence[FloatMatrix], bought: BoolVector, relevant: BoolVector, config: FusionConfig
) -> BoolVector:
    """The relevant items and each part's best, none of them bought."""
    hard = relevant.copy()
    for matrix in matrices:
        scores = np.where(bought, -np.inf, matrix)
        k = min(config.n_hard, scores.shape[1])
        np.put_along_axis(hard, np.argpartition(-scores, k - 1, axis=1)[:, :k], True, axis=1)
    kept: BoolVector = hard & ~bought
    return kept


def _choose(
    hard: BoolVector, bought: BoolVector, n_candidates: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], FloatMatrix]:
    """Columns of the candidates, the hard ones first, and the log of how many items each stands for."""
    n_items = hard.shape[1]
    k = min(n_candidates, n_items)
    order = rng.random(hard.shape, np.float32) + hard - 2 * bought
    chosen = np.argpartition(-order, k - 1, axis=1)[:, :k]
    is_hard, is_bought = (np.take_along_axis(mask, chosen, 1) for mask in (hard, bought))
    is_random = ~is_hard & ~is_bought
    n_left = (~hard & ~bought).sum(axis=1, keepdims=True)
    stands_for = n_left / np.maximum(is_random.sum(axis=1, keepdims=True), 1)
    weight = np.where(is_random, np.log(np.maximum(stands_for, 1)), 0.0).astype(np.float32)
    weight[is_bought] = _NEVER
    return chosen, weight


def _most_likely(rows: FusionRows, non_negative: Sequence[str], l2: float) -> NDArray[np.float64]:
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

    bounds = [(0.0, None) if name in non_negative else (None, None) for name in rows.names]
    found = minimize(loss, np.full(n_parts, 0.1), jac=True, method="L-BFGS-B", bounds=bounds)
    solution: NDArray[np.float64] = found.x
    return solution


def _search(
    rows: FusionRows, weights: NDArray[np.float64], best: NDArray[np.float64], n_rounds: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Multiplies one weight at a time; a step counts if neither half loses and the mean gains."""
    for _ in range(n_rounds):
        improved = False
        for part in range(len(weights)):
            for factor in _STEPS:
                trial = weights.copy()
                trial[part] *= factor
                found = _halves(rows, trial)
                if (found >= best).all() and found.mean() > best.mean() + 1e-5:
                    weights, best, improved = trial, found, True
        if not improved:
            break
    return weights, best


def _halves(rows: FusionRows, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean NDCG@10 of the even and of the odd rows."""
    scores = rows.values @ weights.astype(np.float32) + np.minimum(rows.log_weight, 0)
    k = min(NDCG_AT, scores.shape[1])
    top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable")
    hits = np.take_along_axis(rows.relevant, np.take_along_axis(top, order, 1), 1)
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(rows.relevant.sum(axis=1), k) - 1]
    ndcg = (hits @ discount) / ideal
    return np.array([ndcg[0::2].mean(), ndcg[len(ndcg) > 1 :: 2].mean()])
