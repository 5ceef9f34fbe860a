"""What `evaluate` says of a hybrid beside its metrics: groups of shoppers, its odds, the stars predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.calibration import Reliability, reliability, shown_probabilities
from evaluation.groups import results_by_group
from evaluation.harness import ModelResult
from evaluation.ratings import RatingErrors, rating_errors
from gnn.ratings import RatingConfig, Ratings, ratings_of
from ranking.calibration import SHOWN
from ranking.groups import GROUPS, ShopperGroups, count_past_items
from ranking.hybrid import Hybrid
from ranking.scorer import Scorer
from shopgraph.types import BoolVector, GraphSnapshot, Heldout


@dataclass(frozen=True, eq=False)
class SeedDetail:
    """What one seed adds to the sections.

    Attributes:
        groups: where the groups end.
        codes: the place in GROUPS of each held-out user.
        own: the groups that have weights of their own.
        probabilities: predicted for the items shown to a sample of users, shape (n,).
        came_true: which of these were held out, shape (n,).
        ratings: errors by what predicts the held-out stars; empty where there are none.
        n_ratings: how many stars were held out.
    """

    groups: ShopperGroups
    codes: NDArray[np.intp]
    own: tuple[str, ...]
    probabilities: NDArray[np.float64]
    came_true: BoolVector
    ratings: Mapping[str, RatingErrors] = field(default_factory=dict)
    n_ratings: int = 0


def seed_detail(
    hybrid: Hybrid,
    train: GraphSnapshot,
    heldout: Heldout,
    rng: np.random.Generator,
    ratings: Ratings | None = None,
) -> SeedDetail:
    """The detail of a hybrid that was fitted on `train`; its own groups, or thirds of the held-out users.

    `ratings` are held-out ones, which the graph model predicts.
    """
    n_past = count_past_items(train.histories.take(heldout.user_idx))
    groups = hybrid.groups or ShopperGroups.of_thirds(n_past)
    probabilities, came_true = np.zeros(0), np.zeros(0, np.bool_)
    if hybrid.calibration is not None:
        probabilities, came_true = shown_probabilities(
            Scorer(hybrid).score, hybrid.calibration.probability, train, heldout, SHOWN, rng
        )
    errors: Mapping[str, RatingErrors] = {}
    model = hybrid.graph_model
    if ratings is not None and len(ratings) and model is not None and len(ratings_of(train)):
        errors = rating_errors(train, ratings, model, RatingConfig())
    n_ratings = len(ratings) if ratings is not None and errors else 0
    own = tuple(hybrid.group_weights)
    return SeedDetail(groups, groups.codes(n_past), own, probabilities, came_true, errors, n_ratings)


def reliability_of(details: Sequence[SeedDetail]) -> Reliability | None:
    """The diagram over all seeds, None where nothing was predicted."""
    probabilities = np.concatenate([detail.probabilities for detail in details])
    if not len(probabilities):
        return None
    return reliability(probabilities, np.concatenate([detail.came_true for detail in details]))


def sections(
    results: Sequence[Mapping[str, ModelResult]], details: Sequence[SeedDetail], rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """`groups`, `calibration` and `ratings` as the report's JSON has them.

    A group's bounds are those of each seed; errors of ratings are means over the seeds.
    """
    by_group = results_by_group(results, [detail.codes for detail in details], GROUPS, rng)
    groups: dict[str, Any] = {
        name: {**found.to_json(), "seeds_with_own_weights": sum(name in detail.own for detail in details)}
        for name, found in by_group.items()
    }
    groups["most_past_items"] = [list(detail.groups.bounds) for detail in details]
    found = reliability_of(details)
    said = {"groups": groups} | ({} if found is None else {"calibration": found.to_json()})
    return said | _ratings(details)


def _ratings(details: Sequence[SeedDetail]) -> dict[str, dict[str, Any]]:
    rated = [detail for detail in details if detail.n_ratings]
    if not rated:
        return {}
    found: dict[str, Any] = {"n_ratings": [detail.n_ratings for detail in rated]}
    for name in rated[0].ratings:
        of_seeds = [asdict(detail.ratings[name]) for detail in rated]
        found[name] = {error: float(np.mean([seed[error] for seed in of_seeds])) for error in of_seeds[0]}
    return {"ratings": found}
