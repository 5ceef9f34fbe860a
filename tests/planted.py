"""A small graph with a planted pattern: each user buys from one taste group, sharing brand and category.

Learnable by anything that works; `shuffled=True` cuts the link between tastes and purchases.
"""

from datetime import UTC, datetime

import numpy as np

from graph.schema import BRAND, CATEGORY, EVENT_TYPES, IN_CATEGORY, MADE_BY
from shopgraph.types import (
    ITEM,
    NO_TIME,
    USER,
    Edges,
    EdgeType,
    GraphSnapshot,
    Interactions,
    ItemTable,
    NodeTable,
)

NOW = datetime(2026, 1, 31, tzinfo=UTC)
PURCHASE = next(code for code, event in enumerate(EVENT_TYPES) if event.name == "purchase")
VIEW = next(code for code, event in enumerate(EVENT_TYPES) if event.name == "view_item")


def planted_snapshot(
    n_users: int = 60,
    n_items: int = 40,
    n_tastes: int = 4,
    n_events: int = 8,
    seed: int = 0,
    shuffled: bool = False,
    with_text: bool = False,
) -> GraphSnapshot:
    """User u has taste u % n_tastes; item i has brand and category i % n_tastes."""
    rng = np.random.default_rng(seed)
    taste_of_item = np.arange(n_items) % n_tastes
    users, items, types = [], [], []
    for user in range(n_users):
        own = np.flatnonzero(taste_of_item == user % n_tastes)
        pool = np.arange(n_items) if shuffled else own
        picked = rng.choice(pool, size=min(n_events, len(pool)), replace=False)
        for item in picked:
            users.append(user)
            items.append(item)
            types.append(PURCHASE if rng.random() < 0.8 else VIEW)
    n = len(users)
    day = 86_400
    time = rng.integers(int(NOW.timestamp()) - 90 * day, int(NOW.timestamp()), n)
    order = np.lexsort((np.array(items), time, np.array(users)))
    interactions = Interactions(
        np.array(users, np.int32)[order],
        np.array(items, np.int32)[order],
        np.array(types, np.int8)[order],
        np.ones(n, np.float32),
        time.astype(np.int64)[order],
    )
    titles = tuple(f"Item {i:03d} of taste {i % n_tastes}" for i in range(n_items))
    text_vectors = None
    if with_text:
        centres = rng.normal(size=(n_tastes, 16))
        noisy = centres[taste_of_item] + 0.3 * rng.normal(size=(n_items, 16))
        text_vectors = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
    return GraphSnapshot(
        nodes={
            USER: _table("u", n_users),
            ITEM: NodeTable(tuple(f"i{i:03d}" for i in range(n_items)), titles),
            BRAND: _table("b", n_tastes),
            CATEGORY: _table("c", n_tastes),
        },
        items=ItemTable(
            title=titles,
            title_zh=("",) * n_items,
            text=titles,
            price=rng.uniform(5, 50, n_items).astype(np.float32),
            in_stock=np.ones(n_items, np.bool_),
            created_at=np.full(n_items, NO_TIME, np.int64),
        ),
        event_types=EVENT_TYPES,
        interactions=interactions,
        relations={
            MADE_BY: edges(range(n_items), taste_of_item),
            IN_CATEGORY: edges(range(n_items), taste_of_item),
            EdgeType(CATEGORY, "CHILD_OF", CATEGORY): edges([], []),
        },
        now=NOW,
        checksum=f"planted-{seed}",
        text_vectors=text_vectors,
    )


def edges(src: object, dst: object) -> Edges:
    """Edges of weight 1 without time."""
    src_idx = np.asarray(list(src), np.int32)  # type: ignore[call-overload]  # any iterable of ints
    dst_idx = np.asarray(list(dst), np.int32)  # type: ignore[call-overload]  # any iterable of ints
    n = len(src_idx)
    return Edges(src_idx, dst_idx, np.ones(n, np.float32), np.full(n, NO_TIME, np.int64))


def _table(prefix: str, n: int) -> NodeTable:
    ids = tuple(f"{prefix}{k:03d}" for k in range(n))
    return NodeTable(ids, tuple(f"{prefix.upper()} {k}" for k in range(n)))
