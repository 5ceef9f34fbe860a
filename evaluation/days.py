"""A shop day by day: what it knew at a moment, what was bought on a day, lists of models that knew less."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import compress

import numpy as np

from evaluation.harness import PanelFn
from ranking.holdout import bought, heldout_of, main_event, without_interactions
from ranking.updating import rows_of
from shopgraph.types import (
    ITEM,
    NO_TIME,
    BoolVector,
    Edges,
    EdgeType,
    FloatMatrix,
    GraphSnapshot,
    Heldout,
    Histories,
    Interactions,
    IntVector,
    ItemTable,
    NodeTable,
)


def as_of(snapshot: GraphSnapshot, now: datetime) -> GraphSnapshot:
    """The shop as it was: without events from `now` on and without items made known later.

    Users keep their numbers, items get new ones. An item without time of creation was always there.
    """
    end_s = int(now.timestamp())
    past = without_interactions(snapshot, snapshot.interactions.time >= end_s, now)
    created = snapshot.items.created_at
    return _of_items(past, (created == NO_TIME) | (created < end_s))


def without_last_purchases(
    snapshot: GraphSnapshot, before: datetime, share: float, rng: np.random.Generator
) -> tuple[GraphSnapshot, Heldout]:
    """The shop where some shoppers never did anything with what they bought last before a moment.

    Args:
        snapshot: the shop later.
        before: the moment.
        share: of the shoppers with three purchased items or more until then.
        rng: draws them.

    Returns:
        (the shop, what they bought, in numbers of `as_of(the shop, before)`).
    """
    past = as_of(snapshot, before)
    x, main = past.interactions, np.flatnonzero(_is_main(past))
    n_bought = np.diff(bought(past.histories, past).indptr)
    drawn = np.flatnonzero((n_bought >= 3) & (rng.random(past.n_users) < share))
    last_item = np.full(past.n_users, -1, np.int64)
    last_item[x.user_idx[main]] = x.item_idx[main]  # oldest first: the last one stays
    later_row = rows_of(snapshot.nodes[ITEM], past.nodes[ITEM])
    hidden = np.full(snapshot.n_users, -1, np.int64)
    hidden[drawn] = later_row[last_item[drawn]]
    taken = snapshot.interactions.item_idx == hidden[snapshot.interactions.user_idx]
    shop = without_interactions(snapshot, taken, snapshot.now)
    return shop, heldout_of(drawn, last_item[drawn], past.n_items)


def purchases_between(snapshot: GraphSnapshot, train: GraphSnapshot, end: datetime) -> Heldout:
    """What users of `train` bought from its end until `end`, of its items, for the first time.

    Args:
        snapshot: the shop later, with the same users.
        train: the shop as it was when the day began.
        end: when the day ended.
    """
    x = snapshot.interactions
    start_s, end_s = int(train.now.timestamp()), int(end.timestamp())
    rows = rows_of(train.nodes[ITEM], snapshot.nodes[ITEM])[x.item_idx]
    picked = _is_main(snapshot) & (x.time >= start_s) & (x.time < end_s) & (rows >= 0)
    users, items = x.user_idx[picked], rows[picked]
    had = bought(train.histories, train)
    new = ~np.asarray(had.toarray()[users, items], np.bool_)
    return heldout_of(users[new], items[new], train.n_items)


def among_items(
    name: str, score: Callable[[Histories], FloatMatrix], known: NodeTable, asked: NodeTable
) -> PanelFn:
    """A model's scores for another catalogue than its own: -inf for an item that it does not know.

    Args:
        name: what to call it.
        score: its scores.
        known: its items.
        asked: those of the histories and of the answer.
    """
    inward, outward = rows_of(known, asked), rows_of(asked, known)

    def panel(histories: Histories) -> dict[str, FloatMatrix]:
        scores = score(_renumbered(histories, inward))
        found = np.full((len(histories), len(asked)), -np.inf, np.float32)
        there = outward >= 0
        found[:, outward[there]] = scores[:, there]
        return {name: found}

    return panel


def _renumbered(histories: Histories, rows: IntVector) -> Histories:
    """Histories of items by other numbers; those without one are left out."""
    item_idx = rows[histories.item_idx]
    kept = item_idx >= 0
    lengths = np.bincount(histories.owners()[kept], minlength=len(histories))
    return replace(
        histories,
        indptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
        item_idx=item_idx[kept],
        type_code=histories.type_code[kept],
        value=histories.value[kept],
        time=histories.time[kept],
    )


def _of_items(snapshot: GraphSnapshot, kept: BoolVector) -> GraphSnapshot:
    """The graph with some of its items alone, renumbered in the same order."""
    if kept.all():
        return snapshot
    row = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    x = snapshot.interactions
    there = kept[x.item_idx]
    interactions = Interactions(
        x.user_idx[there], row[x.item_idx[there]], x.type_code[there], x.value[there], x.time[there]
    )
    items, vectors = snapshot.items, snapshot.text_vectors
    return replace(
        snapshot,
        nodes={**snapshot.nodes, ITEM: _nodes(snapshot.nodes[ITEM], kept)},
        items=ItemTable(
            _strings(items.title, kept),
            _strings(items.title_zh, kept),
            _strings(items.text, kept),
            items.price[kept],
            items.in_stock[kept],
            items.created_at[kept],
        ),
        interactions=interactions,
        relations={kind: _edges(kind, edges, row) for kind, edges in snapshot.relations.items()},
        text_vectors=None if vectors is None else vectors[kept],
    )


def _edges(edge_type: EdgeType, edges: Edges, row: IntVector) -> Edges:
    src = row[edges.src] if edge_type.src == ITEM else edges.src
    dst = row[edges.dst] if edge_type.dst == ITEM else edges.dst
    there = (src >= 0) & (dst >= 0)
    return Edges(src[there], dst[there], edges.weight[there], edges.time[there])


def _nodes(table: NodeTable, kept: BoolVector) -> NodeTable:
    names_zh = _strings(table.names_zh, kept) if table.names_zh else ()
    return NodeTable(_strings(table.ids, kept), _strings(table.names, kept), names_zh)


def _strings(column: Sequence[str], kept: BoolVector) -> tuple[str, ...]:
    return tuple(compress(column, kept.tolist()))


def _is_main(snapshot: GraphSnapshot) -> BoolVector:
    main = [event.name == main_event(snapshot) for event in snapshot.event_types]
    found: BoolVector = np.array(main, np.bool_)[snapshot.interactions.type_code]
    return found
