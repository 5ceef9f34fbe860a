"""Learning the weights of the score's parts on held-out items, in two ways whose mean is taken.

The likelihood: each held-out item is a draw from the softmax of the weighted sum over all items the
shopper has not bought (listwise, multinomial), estimated on hard and random negatives whose log
importance weights make the sum unbiased; concave, so L-BFGS finds its one maximum. And a smooth NDCG,
which cares for the top of the list. From both a coordinate search on NDCG@10 itself. Their mean held
on unseen shoppers what either reached alone, on a shop where the one was better and on one where the
other was. No weight falls below zero: a reason never speaks against the item that it is named for, and
whoever has no history gets what is popular, never its opposite.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ranking.config import FusionConfig
from ranking.groups import count_past_items
from ranking.holdout import bought
from ranking.listwise import (
    NEVER,
    FusionRows,
    best_ranking,
    calibrated,
    most_likely,
    ndcg_of_rows,
    search,
)
from shopgraph.types import (
    BoolVector,
    FloatMatrix,
    GraphSnapshot,
    Heldout,
    Histories,
    iter_batches,
)

_TINY = 1e-12
_START = 1e-3
"""Added to weights that a search starts from: a part that had none may gain some."""
_SCORES_AT_ONCE = 1 << 22
"""Scores of one part held at a time."""

PartMatrices = Callable[[Histories], Mapping[str, FloatMatrix]]
"""The standardised, unweighted parts of a batch, each shape (len(histories), n_items)."""


@dataclass(frozen=True)
class Learned:
    """Weight of each standardised part, and NDCG@10 of the validation rows (the candidates alone)."""

    weights: Mapping[str, float]
    ndcg: float


def collect_validation(
    parts: PartMatrices,
    train: GraphSnapshot,
    heldout: Heldout,
    choices: Collection[Sequence[str]],
    config: FusionConfig,
    rng: np.random.Generator,
    *,
    repeats: bool = False,
) -> FusionRows:
    """The rows that all weights are learned on, for several choices of parts alike.

    A quarter of the users gives each choice first weights; what these rank highest are then hard
    negatives for all, so that no choice gains by items that nobody compared it with. With `repeats` what
    was bought can be recommended again.
    """
    is_bought = bought(train.histories, train)
    if repeats:
        is_bought = sparse.csr_array(is_bought.shape, dtype=np.bool_)
    few = config.model_copy(update={"max_users": max(config.max_users // 4, 2)})
    first = collect_rows(parts, train.histories, heldout, is_bought, [], few, rng)
    blends = [_first_weights(first.only(names), few) for names in choices]
    return collect_rows(parts, train.histories, heldout, is_bought, blends, config, rng)


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

    Memory: `max_users` × `n_candidates` × parts × 4 bytes, and a batch's parts over all items.

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
    users, n_items = heldout.user_idx[rows], is_bought.shape[1]
    n_candidates = min(config.n_candidates, n_items)
    names: tuple[str, ...] = ()
    values = np.zeros((0, 0, 0), np.float32)
    relevant = np.zeros((len(rows), n_candidates), np.bool_)
    log_weight = np.zeros(relevant.shape, np.float32)
    for batch in iter_batches(len(rows), _batch_size(n_items, config)):
        is_relevant = relevant_matrix(heldout, rows[batch], n_items).toarray()
        owned = is_bought[users[batch]].toarray()
        matrices = parts(histories.take(users[batch]))
        chosen, log_weight[batch] = _candidates(matrices, blends, is_relevant, owned, config, rng)
        if not names:
            names = tuple(matrices)
            values = np.empty((len(names), *relevant.shape), np.float32)
        for part, matrix in enumerate(matrices.values()):
            values[part, batch] = np.take_along_axis(matrix, chosen, 1)
        relevant[batch] = np.take_along_axis(is_relevant, chosen, 1)
    return FusionRows(names, values, relevant, log_weight, users, count_past_items(histories.take(users)))


def learn_weights(
    rows: FusionRows, config: FusionConfig, start: Mapping[str, float] | None = None
) -> Learned:
    """Weights by likelihood and by smooth NDCG, each searched on NDCG@10, averaged and calibrated.

    `start`, weights of about these parts, saves time.
    """
    first = None if start is None else np.array([start.get(name, 0.0) + _START for name in rows.names])
    likely = most_likely(rows, config.l2, first)
    starts = (likely, best_ranking(rows, likely, config.l2))
    found = [search(rows, one, config.search_rounds) for one in starts]
    weights = np.mean([one / max(one.sum(), _TINY) for one in found], axis=0)
    ndcg = float(ndcg_of_rows(rows, weights).mean())
    return Learned(dict(zip(rows.names, calibrated(rows, weights).tolist(), strict=True)), ndcg)


def relevant_matrix(heldout: Heldout, rows: NDArray[np.integer], n_items: int) -> sparse.csr_array:
    """The held-out items of some rows, bool (len(rows), n_items)."""
    shape = (len(heldout), n_items)
    data = np.ones(len(heldout.item_idx), np.bool_)
    return sparse.csr_array((data, heldout.item_idx, heldout.indptr), shape=shape)[rows]


def _batch_size(n_items: int, config: FusionConfig) -> int:
    return max(1, min(config.batch_users, _SCORES_AT_ONCE // max(n_items, 1)))


def _first_weights(rows: FusionRows, config: FusionConfig) -> Mapping[str, float]:
    """Weights good enough to find hard negatives by: the likeliest."""
    return dict(zip(rows.names, most_likely(rows, config.l2).tolist(), strict=True))


def _candidates(
    matrices: Mapping[str, FloatMatrix],
    blends: Sequence[Mapping[str, float]],
    is_relevant: BoolVector,
    is_bought: BoolVector,
    config: FusionConfig,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], FloatMatrix]:
    """Columns of a batch's candidates and the log of how many items each stands for.

    The hard ones of many parts together take at most half of the places, those of all blends as well.
    """
    hard = is_relevant & ~is_bought
    half = config.n_candidates // 2
    for matrix in matrices.values():
        hard |= _best(matrix, is_bought, max(1, min(config.n_hard, half // len(matrices))))
    for blend in blends:
        hard |= _best(_blend(matrices, blend), is_bought, max(1, min(config.n_hard, half // len(blends))))
    return _choose(hard, is_bought, is_relevant, config.n_candidates, rng)


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
    weight[padding] = NEVER
    return chosen, weight
