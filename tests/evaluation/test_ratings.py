import numpy as np

from evaluation.ratings import evaluate_ratings, hold_out_ratings
from gnn.item_item.model import Ease, ItemItemConfig
from gnn.ratings import RatingConfig, ratings_of
from tests.rated import rated_snapshot


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


def test_medians_are_nearer_on_average_and_means_in_squares() -> None:
    """One rating in four is of the own taste: half the shop's stars are 2, and the mean is 2.75."""
    model = Ease(ItemItemConfig(l2=1.0, type_weights={"rate": 0.0}))
    found = evaluate_ratings(rated_snapshot(), model, RatingConfig(), np.random.default_rng(0))
    assert found["median"].mae < found["mean"].mae
    assert found["mean"].mse < found["median"].mse
    assert found["graph_median"].mae < 0.5 * found["median"].mae
    assert found["biases"].rmse < found["user_and_item_mean"].rmse
