"""What `evaluate` says of a hybrid beside its metrics: shoppers by group, and whether to believe its odds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.calibration import Reliability, reliability, shown_probabilities
from evaluation.groups import results_by_group
from evaluation.harness import ModelResult
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
    """

    groups: ShopperGroups
    codes: NDArray[np.intp]
    own: tuple[str, ...]
    probabilities: NDArray[np.float64]
    came_true: BoolVector


def seed_detail(
    hybrid: Hybrid, train: GraphSnapshot, heldout: Heldout, rng: np.random.Generator
) -> SeedDetail:
    """The detail of a hybrid that was fitted on `train`; its own groups, or thirds of the held-out users."""
    n_past = count_past_items(train.histories.take(heldout.user_idx))
    groups = hybrid.groups or ShopperGroups.of_thirds(n_past)
    probabilities, came_true = np.zeros(0), np.zeros(0, np.bool_)
    if hybrid.calibration is not None:
        probabilities, came_true = shown_probabilities(
            Scorer(hybrid).score, hybrid.calibration.probability, train, heldout, SHOWN, rng
        )
    return SeedDetail(groups, groups.codes(n_past), tuple(hybrid.group_weights), probabilities, came_true)


def reliability_of(details: Sequence[SeedDetail]) -> Reliability | None:
    """The diagram over all seeds, None where nothing was predicted."""
    probabilities = np.concatenate([detail.probabilities for detail in details])
    if not len(probabilities):
        return None
    return reliability(probabilities, np.concatenate([detail.came_true for detail in details]))


def sections(
    results: Sequence[Mapping[str, ModelResult]], details: Sequence[SeedDetail], rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """`groups` and `calibration` as the report's JSON has them; a group's bounds are those of each seed."""
    by_group = results_by_group(results, [detail.codes for detail in details], GROUPS, rng)
    groups: dict[str, Any] = {
        name: {**found.to_json(), "seeds_with_own_weights": sum(name in detail.own for detail in details)}
        for name, found in by_group.items()
    }
    groups["most_past_items"] = [list(detail.groups.bounds) for detail in details]
    found = reliability_of(details)
    return {"groups": groups} | ({} if found is None else {"calibration": found.to_json()})
