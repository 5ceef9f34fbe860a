"""Full ranking: every item for every test user, what the user already has left out.

A model is only a function from histories to scores, so the harness knows neither the hybrid nor a store.
A model that serves candidates is the same function with -inf for all other items.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.hit_rate import hit_rate_at_k
from evaluation.metrics.lists import hits_of
from evaluation.metrics.ndcg import ndcg_at_k
from evaluation.metrics.novelty import novelty_at_k, self_information
from evaluation.metrics.precision import precision_at_k
from evaluation.metrics.recall import recall_at_k
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

ScoreFn = Callable[[Histories], FloatMatrix]
"""Scores of all items, shape (len(histories), n_items); -inf for an item that must not be listed."""

PanelFn = Callable[[Histories], Mapping[str, FloatMatrix]]
"""Scores of several models at once, for models that share work."""

KS = (10, 20)
_SCORES_AT_ONCE = 1 << 22
"""Scores of one model held at a time; a panel holds as many for each of its models."""

_HIT_METRICS = {
    "ndcg": ndcg_at_k,
    "recall": recall_at_k,
    "hr": hit_rate_at_k,
    "precision": precision_at_k,
}


@dataclass(frozen=True, eq=False)
class ModelResult:
    """What one model reached, user by user.

    `per_user["ndcg@10"]` has shape (n_users,), in the order of `user_idx`; so have `recall`, `hr`,
    `precision` and `novelty` at each k. `ranked` holds the lists themselves, shape (n_users, max(ks)),
    -1 where a list is shorter; `coverage` is computed from them.
    """

    user_idx: IntVector
    per_user: Mapping[str, NDArray[np.float64]]
    ranked: IntVector
    n_items: int


def evaluate(
    scorers: Mapping[str, ScoreFn], train: GraphSnapshot, heldout: Heldout, ks: Sequence[int] = KS
) -> dict[str, ModelResult]:
    """Every model's result on the same held-out items; arguments and errors as in `evaluate_panel`."""
    return evaluate_panel(
        lambda histories: {name: scorer(histories) for name, scorer in scorers.items()}, train, heldout, ks
    )


def evaluate_panel(
    panel: PanelFn,
    train: GraphSnapshot,
    heldout: Heldout,
    ks: Sequence[int] = KS,
    *,
    given: Histories | None = None,
    among: BoolVector | None = None,
    repeats: bool = False,
) -> dict[str, ModelResult]:
    """The result of every model of the panel, all on the same batches of users.

    Every user of `heldout` counts, one without a history and one with a short list too.

    Args:
        panel: must not change its answer's arrays later; they are copied before masking.
        train: histories come from here, and what they hold of the main event is not listed again.
        heldout: the relevant items, none of them bought in `train` unless `repeats`.
        ks: cut-offs, each >= 1.
        given: what the models see of each held-out user, row by row; by default all of the history.
        among: the items that may be listed, shape (n_items,); by default all.
        repeats: whether what was bought is listed again.

    Raises:
        ValueError: no user, a k < 1, a score that is NaN, or scores of another shape.
    """
    if not len(heldout):
        raise ValueError("nothing is held out, so there is nothing to evaluate")
    if not ks or min(ks) < 1:
        raise ValueError(f"every cut-off must be at least 1, got {list(ks)}")
    lists: dict[str, list[IntVector]] = {}
    for batch in iter_batches(len(heldout), max(1, _SCORES_AT_ONCE // train.n_items)):
        histories = train.histories.take(heldout.user_idx[batch])
        owned = bought(histories, train).nonzero()
        asked = histories if given is None else given.take(np.arange(batch.start, batch.stop))
        for name, scores in panel(asked).items():
            if scores.shape != (len(histories), train.n_items):
                raise ValueError(f"{name} gave scores of shape {scores.shape}")
            masked = np.array(scores, np.float32)
            if not repeats:
                masked[owned] = -np.inf
            if among is not None:
                masked[:, ~among] = -np.inf
            lists.setdefault(name, []).append(top_items(masked, max(ks)))
    return evaluate_lists(
        {name: np.concatenate(batches) for name, batches in lists.items()}, train, heldout, ks
    )


def evaluate_lists(
    lists: Mapping[str, IntVector], train: GraphSnapshot, heldout: Heldout, ks: Sequence[int] = KS
) -> dict[str, ModelResult]:
    """The result of every model by the lists it made, wherever it made them.

    Args:
        lists: item_idx, shape (len(heldout), max(ks)), best first, -1 where a list is shorter.
        train: what the models learned from.
        heldout: the relevant items.
        ks: cut-offs, each >= 1.

    Raises:
        ValueError: a list is of another length, or names an item twice or one that does not exist.
    """
    for name, ranked in lists.items():
        _check_lists(name, ranked, (len(heldout), max(ks)), train.n_items)
    buyers = np.bincount(bought(train.histories, train).indices, minlength=train.n_items)
    information = self_information(buyers, train.n_users)
    return {name: _result(ranked, heldout, information, ks) for name, ranked in lists.items()}


def top_items(scores: FloatMatrix, k: int) -> IntVector:
    """The k best items of each row, best first, equals by item_idx; -1 past the last finite score.

    Returns:
        item_idx, int32, shape (n_rows, k).

    Raises:
        ValueError: a score is NaN.
    """
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")
    width = min(k, scores.shape[1])
    places = np.sort(np.argpartition(-scores, width - 1, axis=1)[:, :width], axis=1)
    best = np.take_along_axis(scores, places, 1)
    order = np.argsort(-best, axis=1, kind="stable")
    best, places = np.take_along_axis(best, order, 1), np.take_along_axis(places, order, 1)
    ranked = np.full((len(scores), k), -1, np.int32)
    ranked[:, :width] = np.where(np.isneginf(best), -1, places)
    return ranked


def _check_lists(name: str, ranked: IntVector, shape: tuple[int, int], n_items: int) -> None:
    if ranked.shape != shape:
        raise ValueError(f"{name} gave lists of shape {ranked.shape}, expected {shape}")
    if ranked.size and (ranked.min() < -1 or ranked.max() >= n_items):
        raise ValueError(f"{name} lists an item outside 0..{n_items - 1}")
    ordered = np.sort(ranked, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise ValueError(f"{name} lists an item twice")


def _result(ranked: IntVector, heldout: Heldout, information: FloatMatrix, ks: Sequence[int]) -> ModelResult:
    hits, n_relevant = hits_of(ranked, heldout), np.diff(heldout.indptr).astype(np.int32)
    per_user = {
        f"{name}@{k}": metric(hits, n_relevant, k) for k in ks for name, metric in _HIT_METRICS.items()
    }
    per_user |= {f"novelty@{k}": novelty_at_k(ranked, information, k) for k in ks}
    return ModelResult(heldout.user_idx, per_user, ranked, len(information))
