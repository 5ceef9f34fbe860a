"""Learning the weights of the score's parts on held-out items, in two ways whose mean is taken.

The likelihood: each held-out item is a draw from the softmax of the weighted sum over all items the
shopper has not bought (listwise, multinomial), estimated on hard and random negatives whose log
importance weights make the sum unbiased; concave, so L-BFGS finds its one maximum. And a smooth NDCG,
which cares for the top of the list. From both a coordinate search on NDCG@10 itself. Their mean held
on unseen shoppers what either reached alone, on a shop where the one was better and on one where the
other was. No weight falls below zero: a reason never speaks against the item that it is named for, and
whoever has no history gets what is popular, never its opposite.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ranking.config import FusionConfig
from ranking.holdout import bought
from ranking.listwise import NEVER, FusionRows, HalvesNdcg, best_ranking, calibrated, most_likely, search
from shopgraph.types import (
    BoolVector,
    FloatMatrix,
    GraphSnapshot,
    Heldout,
    Histories,
    IntVector,
    iter_batches,
)

_TINY = 1e-12

PartMatrices = Callable[[Histories], Mapping[str, FloatMatrix]]
"""The standardised, unweighted parts of a batch, each shape (len(histories), n_items)."""


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
    *,
    repeats: bool = False,
) -> dict[str, Learned]:
    """Weights for several choices of parts, by the choices' names.

    A quarter of the users gives first weights; what these rank highest are then hard negatives for
    all, so that no choice gains by items that nobody compared it with. With `repeats` what was bought
    can be recommended again.
    """
    is_bought = bought(train.histories, train)
    if repeats:
        is_bought = sparse.csr_array(is_bought.shape, dtype=np.bool_)
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
    batches = []
    for batch in iter_batches(len(rows), config.batch_users):
        users = heldout.user_idx[rows[batch]]
        is_relevant = relevant_matrix(heldout, rows[batch], is_bought.shape[1]).toarray()
        matrices = parts(histories.take(users))
        batches.append(
            _batch_rows(matrices, blends, users, is_relevant, is_bought[users].toarray(), config, rng)
        )
    return FusionRows(
        batches[0].names,
        np.concatenate([batch.values for batch in batches]),
        np.concatenate([batch.relevant for batch in batches]),
        np.concatenate([batch.log_weight for batch in batches]),
        heldout.user_idx[rows],
    )


def learn_weights(rows: FusionRows, config: FusionConfig) -> Learned:
    """Weights by likelihood and by smooth NDCG, each searched on NDCG@10, averaged and calibrated."""
    likely = most_likely(rows, config.l2)
    starts = (likely, best_ranking(rows, likely, config.l2))
    found = [search(rows, start, config.search_rounds) for start in starts]
    weights = np.mean([one / max(one.sum(), _TINY) for one in found], axis=0)
    ndcg = float(HalvesNdcg(rows.relevant)(rows.scores(weights)).mean())
    return Learned(dict(zip(rows.names, calibrated(rows, weights).tolist(), strict=True)), ndcg)


def relevant_matrix(heldout: Heldout, rows: NDArray[np.integer], n_items: int) -> sparse.csr_array:
    """The held-out items of some rows, bool (len(rows), n_items)."""
    shape = (len(heldout), n_items)
    data = np.ones(len(heldout.item_idx), np.bool_)
    return sparse.csr_array((data, heldout.item_idx, heldout.indptr), shape=shape)[rows]


def _batch_rows(
    matrices: Mapping[str, FloatMatrix],
    blends: Sequence[Mapping[str, float]],
    users: IntVector,
    is_relevant: BoolVector,
    is_bought: BoolVector,
    config: FusionConfig,
    rng: np.random.Generator,
) -> FusionRows:
    hard = is_relevant & ~is_bought
    for matrix in (*matrices.values(), *(_blend(matrices, blend) for blend in blends)):
        hard |= _best(matrix, is_bought, config.n_hard)
    chosen, log_weight = _choose(hard, is_bought, is_relevant, config.n_candidates, rng)
    values = np.stack([np.take_along_axis(matrix, chosen, 1) for matrix in matrices.values()], axis=-1)
    relevant = np.take_along_axis(is_relevant, chosen, 1)
    return FusionRows(tuple(matrices), values, relevant, log_weight, users)


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
