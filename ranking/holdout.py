"""Cutting held-out interactions from a snapshot, so that nothing of them stays in the training part.

Test data is never ingested; validation is cut here from the training data.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal, assert_never

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shopgraph.types import (
    ITEM,
    NO_TIME,
    USER,
    BoolVector,
    Edges,
    EdgeType,
    EventType,
    GraphSnapshot,
    Heldout,
    Histories,
    Interactions,
)

Protocol = Literal["random", "time", "last"]

TIMED_SHARE = 0.9
"""From this share of timed interactions on, validation is cut by time."""

_DAY_S = 86_400


def hold_out(
    snapshot: GraphSnapshot,
    how: Protocol,
    rng: np.random.Generator,
    *,
    share: float = 0.2,
    days: float = 7.0,
    target_events: Collection[str] | None = None,
    repeats: bool = False,
) -> tuple[GraphSnapshot, Heldout]:
    """The snapshot without the held-out interactions, and the relevant items among them.

    An item that the user already bought in the training part is not relevant, unless `repeats` count.
    The training part's checksum is "": it is not a store's.

    Args:
        snapshot: what to cut from.
        how: `random` takes `share` of each user's items with all their events and leaves at least one;
            `time` takes the last `days`, and the training part's `now` becomes the cut; `last` takes
            each user's last target event, what follows it and its item's events, if anything remains.
        rng: used by `random` alone.
        share: of each user's items, in (0, 1).
        days: length of the held-out time, > 0.
        target_events: names of the events that make an item relevant; by default `main_event`.
        repeats: whether what was bought before is relevant when it is bought again.

    Raises:
        ValueError: a share or a number of days out of range, or no interaction has a time.
    """
    targets = _type_mask(snapshot, target_events)
    match how:
        case "random":
            taken, now = _random(snapshot, share, rng), snapshot.now
        case "time":
            taken, now = _after(snapshot, days)
        case "last":
            taken, now = _last(snapshot, targets), snapshot.now
        case _:
            assert_never(how)
    train = without_interactions(snapshot, taken, now)
    relevant = taken & targets[snapshot.interactions.type_code]
    pairs = _pairs_of(snapshot, relevant)
    if not repeats:
        pairs = np.setdiff1d(pairs, _pairs_of(train, targets[train.interactions.type_code]))
    return train, _heldout(pairs, snapshot.n_items)


def validation_cut(
    snapshot: GraphSnapshot,
    rng: np.random.Generator,
    how: Protocol | Literal["auto"] = "auto",
    *,
    repeats: bool = False,
) -> tuple[GraphSnapshot, Heldout]:
    """The cut that weights are learned on; `auto` is by time where the shop has times, else at random.

    By time the last days that hold a tenth of the target events; at random a tenth of each user's items:
    little, since models that later get all of the data gain unequally from what is held out here.

    Raises:
        ValueError: `time` was asked for and no target event has one.
    """
    x = snapshot.interactions
    timed = x.time != NO_TIME
    if how == "auto":
        how = "time" if is_timed(snapshot) else "random"
    if how != "time":
        return hold_out(snapshot, how, rng, share=0.1, repeats=repeats)
    main = timed & _type_mask(snapshot, None)[x.type_code]
    if not main.any():
        raise ValueError("no interaction has a time; hold out at random instead")
    cut_s = float(np.quantile(x.time[main], 0.9))
    days = max((snapshot.now.timestamp() - cut_s) / _DAY_S, 1e-3)
    return hold_out(snapshot, "time", rng, days=days, repeats=repeats)


def is_timed(snapshot: GraphSnapshot) -> bool:
    """Whether so many interactions have a time that histories are in order."""
    timed = snapshot.interactions.time != NO_TIME
    return bool(len(timed)) and float(timed.mean()) >= TIMED_SHARE


def main_event(snapshot: GraphSnapshot) -> str:
    """The name of the weightiest event type that occurs: what a recommendation is meant to lead to."""
    present = np.unique(snapshot.interactions.type_code)
    events = [snapshot.event_types[code] for code in present] or list(snapshot.event_types)
    best: EventType = max(events, key=lambda event: event.default_weight)
    return best.name


def bought(
    histories: Histories, snapshot: GraphSnapshot, target_events: Collection[str] | None = None
) -> sparse.csr_array:
    """Which items each history already holds by a target event, bool (len(histories), n_items)."""
    picked = _type_mask(snapshot, target_events)[histories.type_code]
    rows, columns = histories.owners()[picked], histories.item_idx[picked]
    shape = (len(histories), snapshot.n_items)
    return sparse.csr_array((np.ones(len(rows), np.bool_), (rows, columns)), shape=shape)


def heldout_from_ids(snapshot: GraphSnapshot, pairs: Iterable[tuple[str, str]]) -> Heldout:
    """Held-out items from a test file's (user_id, item_id) pairs.

    Pairs whose user or item the snapshot does not know are left out, as nothing could find them.
    """
    users, items = snapshot.nodes[USER].index, snapshot.nodes[ITEM].index
    known = [(users[user], items[item]) for user, item in pairs if user in users and item in items]
    idx = np.array(known, np.int64).reshape(-1, 2)
    return heldout_of(idx[:, 0], idx[:, 1], snapshot.n_items)


def with_relations(snapshot: GraphSnapshot, relations: Collection[str] | None) -> GraphSnapshot:
    """The snapshot with the edges of `relations` alone (by name; None: all); interactions stay."""
    if relations is None:
        return snapshot
    kept = {edge_type: edges for edge_type, edges in snapshot.relations.items() if edge_type[1] in relations}
    return replace(snapshot, relations=kept, checksum="")


def without_interactions(snapshot: GraphSnapshot, taken: BoolVector, now: datetime) -> GraphSnapshot:
    """The snapshot less the taken interactions, and less what users did otherwise from `now` on."""
    x, kept = snapshot.interactions, ~taken
    interactions = Interactions(
        x.user_idx[kept], x.item_idx[kept], x.type_code[kept], x.value[kept], x.time[kept]
    )
    relations = {edge_type: _before(edge_type, edges, now) for edge_type, edges in snapshot.relations.items()}
    return replace(snapshot, interactions=interactions, relations=relations, now=now, checksum="")


def heldout_of(user_idx: NDArray[np.integer], item_idx: NDArray[np.integer], n_items: int) -> Heldout:
    """Held-out items from (user, item) pairs in any order; repeats count once."""
    return _heldout(_pairs(user_idx, item_idx, n_items), n_items)


def _type_mask(snapshot: GraphSnapshot, target_events: Collection[str] | None) -> BoolVector:
    names = {main_event(snapshot)} if target_events is None else set(target_events)
    return np.array([event.name in names for event in snapshot.event_types], np.bool_)


def _pairs(user_idx: NDArray[np.integer], item_idx: NDArray[np.integer], n_items: int) -> NDArray[np.int64]:
    """Distinct (user, item) pairs as one ordered int64 key each."""
    keys: NDArray[np.int64] = np.unique(user_idx.astype(np.int64) * n_items + item_idx)
    return keys


def _pairs_of(snapshot: GraphSnapshot, picked: BoolVector) -> NDArray[np.int64]:
    x = snapshot.interactions
    return _pairs(x.user_idx[picked], x.item_idx[picked], snapshot.n_items)


def _heldout(pairs: NDArray[np.int64], n_items: int) -> Heldout:
    users, counts = np.unique(pairs // n_items, return_counts=True)
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Heldout(users.astype(np.int32), indptr, (pairs % n_items).astype(np.int32))


def _random(snapshot: GraphSnapshot, share: float, rng: np.random.Generator) -> BoolVector:
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, got {share}")
    x = snapshot.interactions
    pairs, pair_of = np.unique(
        x.user_idx.astype(np.int64) * snapshot.n_items + x.item_idx, return_inverse=True
    )
    owner = pairs // snapshot.n_items
    counts = np.bincount(owner, minlength=snapshot.n_users)
    n_taken = np.minimum((counts * share + rng.random(len(counts))).astype(np.int64), counts - 1)
    order = np.lexsort((rng.random(len(pairs)), owner))
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])[:-1]
    place = np.empty(len(pairs), np.int64)
    place[order] = np.arange(len(pairs)) - first[owner[order]]
    taken: BoolVector = (place < n_taken[owner])[pair_of]
    return taken


def _after(snapshot: GraphSnapshot, days: float) -> tuple[BoolVector, datetime]:
    if days <= 0:
        raise ValueError(f"days must be positive, got {days}")
    if not (snapshot.interactions.time != NO_TIME).any():
        raise ValueError("no interaction has a time; hold out at random instead")
    cut = (snapshot.now - timedelta(days=days)).astimezone(UTC)
    return snapshot.interactions.time >= int(cut.timestamp()), cut


def _last(snapshot: GraphSnapshot, targets: BoolVector) -> BoolVector:
    x = snapshot.interactions
    place = np.arange(len(x))
    last = np.full(snapshot.n_users, len(x), np.int64)
    is_target = targets[x.type_code]
    last[x.user_idx[is_target]] = place[is_target]
    target_item = np.full(snapshot.n_users, -1, np.int64)
    target_item[x.user_idx[is_target]] = x.item_idx[is_target]
    taken = (place >= last[x.user_idx]) | (x.item_idx == target_item[x.user_idx])
    remaining = np.bincount(x.user_idx[~taken], minlength=snapshot.n_users)
    kept: BoolVector = taken & (remaining[x.user_idx] > 0)
    return kept


def _before(edge_type: EdgeType, edges: Edges, now: datetime) -> Edges:
    if edge_type.src != USER:
        return edges
    kept = edges.time < int(now.timestamp())
    return edges if kept.all() else Edges(*(column[kept] for column in vars(edges).values()))
