"""Learning γ, the weights of the text part, from what shoppers chose after they had searched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from shopgraph.types import NO_TIME, USER, FloatMatrix, GraphSnapshot, IntVector, TimeVector, iter_batches

QUERY_LABEL, SELECT_EVENT = "Query", "select_item"
MAX_GAP_S = 1800
"""A selection belongs to the shopper's latest search, if that is at most half an hour old."""

MIN_SEARCHES = 20
"""From fewer nothing is learned."""
_LARGEST = 200.0


@dataclass(frozen=True, eq=False)
class SearchPairs:
    """Searches that ended in a selection, in the order of user and time; all shape (n_pairs,)."""

    user_idx: IntVector
    query_idx: IntVector
    item_idx: IntVector

    def sample(self, size: int, rng: np.random.Generator) -> "SearchPairs":
        """At most `size` of them."""
        rows = rng.permutation(len(self.item_idx))[:size]
        return SearchPairs(self.user_idx[rows], self.query_idx[rows], self.item_idx[rows])


def search_pairs(snapshot: GraphSnapshot, since_s: float) -> SearchPairs:
    """The selections at or after `since_s` (unix seconds) that followed a search."""
    users, queries, times = _searches(snapshot)
    x = snapshot.interactions
    codes = [code for code, event in enumerate(snapshot.event_types) if event.name == SELECT_EVENT]
    selected = np.isin(x.type_code, codes) & (x.time != NO_TIME) & (x.time >= since_s)
    owner, chosen, moment = x.user_idx[selected], x.item_idx[selected], x.time[selected]
    if not len(users) or not len(owner):
        none = np.zeros(0, np.int32)
        return SearchPairs(none, none, none)
    origin = min(times.min(), moment.min())
    span = int(max(times.max(), moment.max()) - origin) + 1
    asked = users.astype(np.int64) * span + (times - origin)
    place = np.searchsorted(asked, owner.astype(np.int64) * span + (moment - origin), side="right") - 1
    found = (place >= 0) & (users[place] == owner) & (moment - times[place] <= MAX_GAP_S)
    return SearchPairs(owner[found], queries[place[found]], chosen[found])


def learn_query_weights(
    personal: Callable[[IntVector], FloatMatrix],
    pairs: SearchPairs,
    likeness: Callable[[IntVector], Sequence[FloatMatrix]],
) -> tuple[float, ...] | None:
    """The most likely weights of the standardised summands of the text part, the other parts held.

    Args:
        personal: weighted sum of the other parts for some users, shape (n, n_items).
        pairs: what was searched and chosen.
        likeness: of some rows of `pairs` each summand, shape (n, n_items).

    Returns:
        One weight >= 0 for each summand; None if there are too few pairs.
    """
    if len(pairs.item_idx) < MIN_SEARCHES:
        return None
    batches = [np.arange(rows.start, rows.stop) for rows in iter_batches(len(pairs.item_idx), 256)]
    base = np.concatenate([personal(pairs.user_idx[rows]).astype(np.float32) for rows in batches])
    found = [likeness(rows.astype(np.int32)) for rows in batches]
    summands = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    every = np.arange(len(base))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = base + sum(np.float32(weight) * part for weight, part in zip(weights, summands, strict=True))
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[every, pairs.item_idx]
        chances = np.exp(logits)
        total = chances.sum(axis=1, keepdims=True)
        chances /= total
        slopes = [((chances * part).sum(axis=1) - part[every, pairs.item_idx]).mean() for part in summands]
        return float((np.log(total[:, 0]) - chosen).mean()), np.array(slopes, np.float64)

    bounds = [(0.0, _LARGEST)] * len(summands)
    best = minimize(loss, np.ones(len(summands)), jac=True, method="L-BFGS-B", bounds=bounds)
    return tuple(float(weight) for weight in best.x)


def _searches(snapshot: GraphSnapshot) -> tuple[IntVector, IntVector, TimeVector]:
    """(user_idx, query_idx, time) of the timed searches, ordered by user and time."""
    columns: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]] = [
        (edges.src, edges.dst, edges.time)
        for edge_type, edges in snapshot.relations.items()
        if edge_type.src == USER and edge_type.dst == QUERY_LABEL
    ]
    if not columns:
        return np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64)
    users, queries, times = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.lexsort((times, users))
    order = order[times[order] != NO_TIME]
    return users[order], queries[order], times[order]
