"""How well stars are predicted: held-out ratings against what means and biases alone say."""

from dataclasses import dataclass, replace

import numpy as np

from evaluation.metrics.rating_error import mean_absolute_error, mean_squared_error, root_mean_squared_error
from gnn.ratings import RatingConfig, RatingHead, Ratings, graph_signal, ratings_of
from shopgraph.types import FloatVector, GraphSnapshot, Interactions, Recommender


@dataclass(frozen=True)
class RatingErrors:
    """Errors in stars (mse: stars²)."""

    mae: float
    mse: float
    rmse: float


def evaluate_ratings(
    snapshot: GraphSnapshot,
    model: Recommender,
    config: RatingConfig,
    rng: np.random.Generator,
    share: float = 0.2,
) -> dict[str, RatingErrors]:
    """The `rating_errors` on ratings held out at random.

    Only `rate` events are taken out; the purchase before a held-out rating stays, as it would be known.

    Args:
        snapshot: with `rate` events.
        model: not fitted yet; it is fitted on what remains.
        config: of the head.
        rng: draws the ratings, then goes to the model.
        share: of the ratings, in (0, 1).
    """
    train, test = hold_out_ratings(snapshot, rng, share)
    model.fit(train, rng)
    return rating_errors(train, test, model, config)


def rating_errors(
    train: GraphSnapshot, test: Ratings, model: Recommender, config: RatingConfig
) -> dict[str, RatingErrors]:
    """Errors of constants, of means and of the head.

    `mean` and `median` are those of all known ratings; `user_and_item_mean` is the item's mean plus how far
    the user's lies from the mean of all, nothing shrunk; `biases` and `graph` are the head without and with
    the model's score. Names that end in `_median` predict the median, which suits mae; the others an expected
    value, which suits mse and rmse.

    Args:
        train: with `rate` events; of it are all histories.
        test: what is predicted, at least one rating, none of them in `train`.
        model: fitted on `train`.
        config: of the head.
    """
    known, histories = ratings_of(train), train.histories
    known_signal = graph_signal(model, histories, known.user_idx, known.item_idx)
    test_signal = graph_signal(model, histories, test.user_idx, test.item_idx)
    means = _user_and_item_mean(known, test, train)
    found = {
        "mean": _errors(np.full(len(test), known.stars.mean(), np.float32), test.stars),
        "median": _errors(np.full(len(test), np.median(known.stars), np.float32), test.stars),
        "user_and_item_mean": _errors(means, test.stars),
    }
    asked = (test.user_idx, test.item_idx, test_signal)
    for name, use_graph in (("biases", False), ("graph", True)):
        head = RatingHead(config.model_copy(update={"use_graph": use_graph}))
        head.fit(known, known_signal, train.n_users, train.n_items)
        found[name] = _errors(head.predict(*asked), test.stars)
        found[f"{name}_median"] = _errors(head.predict_median(*asked), test.stars)
    return found


def hold_out_ratings(
    snapshot: GraphSnapshot, rng: np.random.Generator, share: float
) -> tuple[GraphSnapshot, Ratings]:
    """The snapshot without a random share of its `rate` events, and those."""
    x = snapshot.interactions
    names = np.array([event.name for event in snapshot.event_types])
    taken = (names[x.type_code] == "rate") & (rng.random(len(x)) < share)
    test = Ratings(x.user_idx[taken], x.item_idx[taken], x.value[taken])
    kept = Interactions(*(column[~taken] for column in vars(x).values()))
    return replace(snapshot, interactions=kept, checksum=""), test


def unseen_ratings(snapshot: GraphSnapshot, train: GraphSnapshot) -> Ratings:
    """The ratings of (user, item) pairs that `train`, a part of the snapshot, has no rating of."""
    every, known = ratings_of(snapshot), ratings_of(train)
    n_items = snapshot.n_items
    keys = [each.user_idx.astype(np.int64) * n_items + each.item_idx for each in (every, known)]
    return every.take(~np.isin(keys[0], keys[1]))


def _user_and_item_mean(known: Ratings, test: Ratings, train: GraphSnapshot) -> FloatVector:
    """Mean of all + how far the user's and the item's lie from it; 0 where one has no rating."""
    mean = known.stars.mean()
    stars = np.full(len(test), mean, np.float64)
    for column, n_rows in (("user_idx", train.n_users), ("item_idx", train.n_items)):
        rows = getattr(known, column)
        n_ratings = np.bincount(rows, minlength=n_rows)
        off = np.bincount(rows, known.stars - mean, n_rows) / np.maximum(n_ratings, 1)
        stars += off[getattr(test, column)]
    clipped: FloatVector = np.clip(stars, 1, 5).astype(np.float32)
    return clipped


def _errors(predicted: FloatVector, actual: FloatVector) -> RatingErrors:
    return RatingErrors(
        mean_absolute_error(predicted, actual),
        mean_squared_error(predicted, actual),
        root_mean_squared_error(predicted, actual),
    )
