"""What a change of rules or weights would do, before anybody sees it: lists side by side, and in figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter

import numpy as np

from evaluation.what_if_figures import Sample, SampleFigures, sample_figures
from ranking.engine import Ask, Engine
from ranking.hybrid import Hybrid
from ranking.models import GRAPH, ITEM_ITEM, part_of_model
from ranking.rules.conflicts import Checker, Finding
from ranking.rules.house import FixedRules
from ranking.rules.schema import Rule
from shopgraph.types import FusionWeights, Recommendation

_SEED = 0
"""The sample is the same each time, so that figures of two changes can be compared."""


@dataclass(frozen=True)
class Weights:
    """Factors of the score's parts; 1 is as learned."""

    graph: float = 1.0
    item_item: float = 1.0
    features: float = 1.0
    text: float = 1.0


@dataclass(frozen=True)
class Place:
    """One place of a list; `other_rank` is the item's rank in the other list, None where it is not in it."""

    item_id: str
    title: str
    rank: int
    score: float
    other_rank: int | None
    rules_applied: tuple[str, ...]


@dataclass(frozen=True)
class TwoLists:
    """A shopper's list before and after, each with a reason where it is too short."""

    user_id: str
    before: tuple[Place, ...]
    after: tuple[Place, ...]
    shortfall_before: str | None
    shortfall_after: str | None


@dataclass(frozen=True)
class WhatIf:
    """What a change would do; `sample` is None where none was asked for or nobody bought anything."""

    shoppers: tuple[TwoLists, ...]
    sample: SampleFigures | None
    findings: tuple[Finding, ...]
    took_ms: float


def what_if(
    engine: Engine,
    rules: Sequence[Rule],
    weights: Weights,
    *,
    user_ids: Sequence[str],
    n: int,
    sample_size: int,
    now: datetime,
) -> WhatIf:
    """The change from an engine as it is to other rules and weights.

    Args:
        engine: with the rules that hold.
        rules: all that would hold.
        weights: of the parts.
        user_ids: whose lists are put side by side.
        n: places of a list.
        sample_size: most shoppers of the sample, 0 for none.
        now: rules hold and recency is measured as of this moment.
    """
    started = perf_counter()
    hybrid = reweighted(engine.hybrid, weights)
    after = engine if hybrid is engine.hybrid else engine.given(hybrid)
    after = after.ruled_by(FixedRules.of(rules))
    shoppers = tuple(_two_lists(engine, after, user_id, n, now) for user_id in user_ids)
    sample = Sample.of(engine.profiles, sample_size, np.random.default_rng(_SEED)) if sample_size else None
    figures = sample_figures(engine, after, sample, n, now) if sample and len(sample.shoppers) else None
    findings = Checker(engine.catalogue, engine.hybrid).findings(rules, now)
    return WhatIf(shoppers, figures, tuple(findings), round((perf_counter() - started) * 1_000, 1))


def reweighted(hybrid: Hybrid, weights: Weights) -> Hybrid:
    """The hybrid with its learned weights multiplied, those of every group."""
    if weights == Weights():
        return hybrid
    factors = {GRAPH: weights.graph, ITEM_ITEM: weights.item_item}

    def scaled(learned: FusionWeights) -> FusionWeights:
        models = {
            name: weight * factors[part_of_model(hybrid.models[name])]
            for name, weight in learned.models.items()
        }
        features = {name: weight * weights.features for name, weight in learned.features.items()}
        return FusionWeights(models, learned.text * weights.text, features, learned.words * weights.text)

    return replace(
        hybrid,
        weights=scaled(hybrid.weights),
        group_weights={name: scaled(learned) for name, learned in hybrid.group_weights.items()},
        nobody=None if hybrid.nobody is None else scaled(hybrid.nobody),
    )


def _two_lists(before: Engine, after: Engine, user_id: str, n: int, now: datetime) -> TwoLists:
    ask = Ask(now=now, user_id=user_id, n=n, reasons=0)
    old, new = before.answer(ask), after.answer(ask)
    return TwoLists(user_id, _places(old, new), _places(new, old), old.shortfall_reason, new.shortfall_reason)


def _places(answer: Recommendation, other: Recommendation) -> tuple[Place, ...]:
    ranks = {item.item_id: item.rank for item in other.items}
    return tuple(
        Place(x.item_id, x.title, x.rank, x.score, ranks.get(x.item_id), x.rules_applied)
        for x in answer.items
    )
