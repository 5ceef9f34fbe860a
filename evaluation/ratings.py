"""How well stars are predicted: held-out ratings against what the mean and the biases alone say."""

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
    """Errors of `mean`, `biases` and `graph` (biases and the model) on ratings held out at random.

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
    known = ratings_of(train)
    known_signal = graph_signal(model, train.histories, known.user_idx, known.item_idx)
    test_signal = graph_signal(model, train.histories, test.user_idx, test.item_idx)
    found = {"mean": _errors(np.full(len(test), known.stars.mean(), np.float32), test.stars)}
    for name, use_graph in (("biases", False), ("graph", True)):
        head = RatingHead(config.model_copy(update={"use_graph": use_graph}))
        head.fit(known, known_signal, train.n_users, train.n_items)
        found[name] = _errors(head.predict(test.user_idx, test.item_idx, test_signal), test.stars)
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


def _errors(predicted: FloatVector, actual: FloatVector) -> RatingErrors:
    return RatingErrors(
        mean_absolute_error(predicted, actual),
        mean_squared_error(predicted, actual),
        root_mean_squared_error(predicted, actual),
    )
