"""Learning γ, the weight of the text part, from what shoppers chose after they had searched."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from shopgraph.types import NO_TIME, USER, FloatMatrix, GraphSnapshot, IntVector, TimeVector, iter_batches

QUERY_LABEL, SELECT_EVENT = "Query", "select_item"
MAX_GAP_S = 1800
"""A selection belongs to the shopper's latest search, if that is at most half an hour old."""

_MIN_PAIRS = 20
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


def learn_query_weight(
    personal: Callable[[IntVector], FloatMatrix],
    pairs: SearchPairs,
    query_vectors: FloatMatrix,
    text_vectors: FloatMatrix,
    text_scale: float,
) -> float | None:
    """The most likely γ of the standardised text part, the other parts held; None if too few pairs.

    Args:
        personal: weighted sum of the other parts for some users, shape (n, n_items).
        pairs: what was searched and chosen.
        query_vectors: unit vectors, row = row of `pairs`.
        text_vectors: unit vectors of the items.
        text_scale: the constant that the similarities are divided by.
    """
    if len(pairs.item_idx) < _MIN_PAIRS:
        return None
    base, similarity = [], []
    for rows in iter_batches(len(pairs.item_idx), 256):
        base.append(personal(pairs.user_idx[rows]).astype(np.float32))
        similarity.append(query_vectors[rows] @ text_vectors.T / np.float32(text_scale))
    scores, spread = np.concatenate(base), np.concatenate(similarity)
    every = np.arange(len(scores))

    def loss(gamma: float) -> float:
        logits = scores + np.float32(gamma) * spread
        top = logits.max(axis=1)
        total = np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top
        return float((total - logits[every, pairs.item_idx]).mean())

    found = minimize_scalar(loss, bounds=(0.0, _LARGEST), method="bounded", options={"xatol": 0.01})
    return float(found.x)


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
