from dataclasses import replace

import numpy as np

from evaluation.ratings import evaluate_ratings, hold_out_ratings
from gnn.item_item.model import Ease, ItemItemConfig
from gnn.ratings import RatingConfig, ratings_of
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


def test_held_out_ratings_leave_the_snapshot_and_nothing_else_does() -> None:
    snapshot = rated_snapshot()
    train, test = hold_out_ratings(snapshot, np.random.default_rng(0), 0.25)
    assert len(ratings_of(train)) + len(test) == 800
    assert 150 < len(test) < 250
    assert len(train.interactions) == len(snapshot.interactions) - len(test)


def test_graph_beats_biases_where_stars_follow_taste() -> None:
    model = Ease(ItemItemConfig(l2=1.0, type_weights={"rate": 0.0}))
    found = evaluate_ratings(rated_snapshot(), model, RatingConfig(), np.random.default_rng(0))
    assert found["graph"].rmse < 0.6 * found["biases"].rmse
    assert found["graph"].rmse < 0.6 * found["mean"].rmse
