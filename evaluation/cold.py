"""Cold start: items that nobody has met, and users whom the models have never seen."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ranking.holdout import (
    TIMED_SHARE,
    bought,
    heldout_of,
    hold_out,
    without_interactions,
)
from shopgraph.types import NO_TIME, USER, BoolVector, Edges, GraphSnapshot, Heldout, Histories

GIVEN = (1, 3, 5)
"""So many of a cold user's latest events are given, and, in a view of its own, all of them."""

_RANDOM_SHARE = 0.3


@dataclass(frozen=True, eq=False)
class View:
    """One question to the same models.

    Attributes:
        heldout: who is asked for, and what is to be found.
        given: what the models see of each of these users, row by row; None: all of the history.
        among: which items may be listed, shape (n_items,); None: all.
    """

    heldout: Heldout
    given: Histories | None = None
    among: BoolVector | None = None


@dataclass(frozen=True, eq=False)
class ColdCut:
    """What the models learn from, and what they are asked.

    Attributes:
        train: to learn from; nothing of what is cold is in it.
        known: what users already have, which is not listed again.
        views: by name; the first is the main one.
        n_cold: how many items or users are cold.
    """

    train: GraphSnapshot
    known: GraphSnapshot
    views: dict[str, View]
    n_cold: int


def base_cut(snapshot: GraphSnapshot, rng: np.random.Generator) -> tuple[GraphSnapshot, Heldout]:
    """For data that bring no test part: each user's last item where times are known, else 30 % at random."""
    timed = snapshot.interactions.time != NO_TIME
    if len(timed) and timed.mean() >= TIMED_SHARE:
        return hold_out(snapshot, "last", rng)
    return hold_out(snapshot, "random", rng, share=_RANDOM_SHARE)


def cold_items(
    train: GraphSnapshot, heldout: Heldout, rng: np.random.Generator, share: float = 0.1
) -> ColdCut:
    """A share of the items without any interaction; they keep their text and relations.

    Views: `cold_among_cold` and `cold_among_all` look for all that users who keep a history did with the
    cold items; `warm_among_all` and `warm_among_warm` for the rest of `heldout`; `warm_among_as_many`
    for what of it lies in a random draw of as many warm items as there are cold ones: that is what
    `cold_among_cold` compares with.

    Raises:
        ValueError: the share leaves no cold or no warm item to be found.
    """
    x, n_items = train.interactions, train.n_items
    met = np.union1d(x.item_idx, heldout.item_idx)
    cold_idx = rng.choice(met, size=max(1, round(share * len(met))), replace=False)
    cold = _mask(cold_idx, n_items)
    as_many = _mask(rng.choice(met[~cold[met]], size=len(cold_idx), replace=False), n_items)
    learned = without_interactions(train, cold[x.item_idx], train.now)
    users, items = _pairs(heldout)
    past_users, past_items = bought(train.histories, train).nonzero()
    users, items = np.concatenate([users, past_users]), np.concatenate([items, past_items])
    has_history = np.diff(learned.histories.indptr) > 0
    asked = has_history[users]

    def looked_for(wanted: BoolVector) -> Heldout:
        return heldout_of(users[wanted], items[wanted], n_items)

    is_test = np.arange(len(users)) < len(heldout.item_idx)
    is_cold = cold[items]
    cold_pairs = looked_for(asked & is_cold)
    warm_pairs = looked_for(asked & is_test & ~is_cold)
    views = {
        "cold_among_cold": View(cold_pairs, among=cold),
        "cold_among_all": View(cold_pairs),
        "warm_among_as_many": View(looked_for(asked & is_test & as_many[items]), among=as_many),
        "warm_among_all": View(warm_pairs),
        "warm_among_warm": View(warm_pairs, among=~cold),
    }
    return ColdCut(learned, learned, _usable(views), len(cold_idx))


def cold_users(
    train: GraphSnapshot,
    heldout: Heldout,
    rng: np.random.Generator,
    *,
    ordered: bool,
    share: float = 0.1,
) -> ColdCut:
    """A share of the users of whom the models learn nothing; what of their past is given is folded in.

    Views: `given_all`, then `given_1`, `given_3` and `given_5`; all look for the same items.

    Args:
        train: without the held-out items.
        heldout: the items to be found.
        rng: draws the users, and the given events where these are in no order.
        ordered: whether histories are in time order: the latest events are given, else random ones.
        share: of the held-out users with a history.

    Raises:
        ValueError: no held-out user has a history.
    """
    lengths = np.diff(train.histories.indptr)
    rows = np.flatnonzero(lengths[heldout.user_idx] > 0)
    if not len(rows):
        raise ValueError("no held-out user has a history to be given")
    chosen = np.sort(rng.choice(rows, size=max(1, round(share * len(rows))), replace=False))
    asked = only_rows(heldout, chosen)
    is_cold = _mask(asked.user_idx, train.n_users)
    learned = without_interactions(train, is_cold[train.interactions.user_idx], train.now)
    relations = {
        edge_type: _without_sources(edges, is_cold) if edge_type.src == USER else edges
        for edge_type, edges in learned.relations.items()
    }
    past = replace(train.histories.take(asked.user_idx), user_idx=np.full(len(asked), -1, np.int32))
    order = None if ordered else rng.random(len(past.item_idx))
    views = {"given_all": View(asked, past)}
    views |= {f"given_{k}": View(asked, _latest(past, k, order)) for k in GIVEN}
    return ColdCut(replace(learned, relations=relations), train, views, len(asked))


def only_rows(heldout: Heldout, rows: NDArray[np.integer]) -> Heldout:
    """Some rows of what is held out, in that order."""
    lengths = np.diff(heldout.indptr)[rows]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    picked = np.arange(indptr[-1]) + np.repeat(heldout.indptr[:-1][rows] - indptr[:-1], lengths)
    return Heldout(heldout.user_idx[rows], indptr, heldout.item_idx[picked])


def sampled(heldout: Heldout, limit: int | None, seed: int) -> Heldout:
    """At most `limit` of the users, drawn by the seed; all where there is no limit."""
    return heldout if limit is None else only_rows(heldout, _draw(len(heldout), limit, seed))


def sampled_view(view: View, limit: int | None, seed: int) -> View:
    """The view of at most `limit` of its users, drawn by the seed."""
    if limit is None:
        return view
    rows = _draw(len(view.heldout), limit, seed)
    given = None if view.given is None else view.given.take(rows)
    return View(only_rows(view.heldout, rows), given, view.among)


def _draw(n_rows: int, limit: int, seed: int) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(seed).permutation(n_rows)[:limit])


def _usable(views: dict[str, View]) -> dict[str, View]:
    for name, view in views.items():
        if not len(view.heldout):
            raise ValueError(f"{name} has nothing to look for; the data are too few for this protocol")
    return views


def _pairs(heldout: Heldout) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return np.repeat(heldout.user_idx, np.diff(heldout.indptr)), heldout.item_idx


def _mask(idx: NDArray[np.integer], n: int) -> BoolVector:
    mask = np.zeros(n, np.bool_)
    mask[idx] = True
    return mask


def _without_sources(edges: Edges, dropped: BoolVector) -> Edges:
    kept = ~dropped[edges.src]
    return Edges(edges.src[kept], edges.dst[kept], edges.weight[kept], edges.time[kept])


def _latest(past: Histories, k: int, order: NDArray[np.float64] | None) -> Histories:
    """The last k events of each row, or those k that come last by `order`; still oldest first."""
    owners = past.owners()
    by_place = np.arange(len(owners)) if order is None else np.lexsort((order, owners))
    from_end = past.indptr[1:][owners] - np.arange(len(owners))
    picked = np.sort(by_place[from_end <= k])
    lengths = np.minimum(np.diff(past.indptr), k)
    return replace(
        past,
        indptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
        item_idx=past.item_idx[picked],
        type_code=past.type_code[picked],
        value=past.value[picked],
        time=past.time[picked],
    )
