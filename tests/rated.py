"""The planted shop where shoppers rate as well."""

from dataclasses import replace

import numpy as np

from shopgraph.types import GraphSnapshot, Interactions
from tests.planted import planted_snapshot


def rated_snapshot() -> GraphSnapshot:
    """The planted shop, where everybody also rates: 5 stars for an item of the own taste, else 2."""
    snapshot = planted_snapshot(n_users=200)
    rng = np.random.default_rng(1)
    rate = next(code for code, event in enumerate(snapshot.event_types) if event.name == "rate")
    users = np.repeat(np.arange(200), 4).astype(np.int32)
    items = rng.integers(0, 40, 800).astype(np.int32)
    stars = np.where(users % 4 == items % 4, 5, 2).astype(np.float32)
    x = snapshot.interactions
    columns = (
        np.concatenate([x.user_idx, users]),
        np.concatenate([x.item_idx, items]),
        np.concatenate([x.type_code, np.full(800, rate, np.int8)]),
        np.concatenate([x.value, stars]),
        np.concatenate([x.time, np.full(800, x.time.max())]),
    )
    order = np.argsort(columns[0], kind="stable")
    return replace(snapshot, interactions=Interactions(*(column[order] for column in columns)))
