"""What answers for an arm: the shop's engine with what the arm changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ranking.engine import Engine
from ranking.experiments.schema import Change
from ranking.hybrid import Hybrid
from ranking.models import part_of_model
from ranking.rules.book import RuleList
from ranking.rules.house import RuleSource
from shopgraph.errors import BadRecord
from shopgraph.types import PARTS, FusionWeights

_TEXT, _FEATURES, _RULES = "text", "features", "rules"


def names_of(hybrid: Hybrid) -> tuple[str, ...]:
    """What a factor may be given for: parts, models, features."""
    parts = [part for part in PARTS if part != _RULES]
    return tuple(dict.fromkeys([*parts, *hybrid.models, *hybrid.features.names]))


def reweighted(hybrid: Hybrid, factors: Mapping[str, float]) -> Hybrid:
    """The hybrid with its learned weights, each group's too, multiplied.

    Raises:
        BadRecord: a name is none of the hybrid's.
    """
    known = names_of(hybrid)
    if unknown := [name for name in factors if name not in known]:
        raise BadRecord("factors", f"the model has no {unknown[0]!r}; it has {', '.join(known)}")

    def scaled(weights: FusionWeights) -> FusionWeights:
        text = factors.get(_TEXT, 1.0)
        return FusionWeights(
            models={
                name: weight * factors.get(name, 1.0) * factors.get(part_of_model(hybrid.models[name]), 1.0)
                for name, weight in weights.models.items()
            },
            text=weights.text * text,
            features={
                name: weight * factors.get(name, 1.0) * factors.get(_FEATURES, 1.0)
                for name, weight in weights.features.items()
            },
            words=weights.words * text,
        )

    return replace(
        hybrid,
        weights=scaled(hybrid.weights),
        group_weights={name: scaled(weights) for name, weights in hybrid.group_weights.items()},
        nobody=None if hybrid.nobody is None else scaled(hybrid.nobody),
    )


@dataclass
class RulesWithout:
    """The shop's rules but some; the same object as long as they are unchanged."""

    source: RuleSource
    left_out: frozenset[str]
    _seen: RuleList | None = None
    _left: RuleList | None = None

    def current(self) -> RuleList:
        """The rules that stay."""
        found = self.source.current()
        if found is not self._seen or self._left is None:
            kept = tuple(rule for rule in found.rules if rule.rule_id not in self.left_out)
            self._seen, self._left = found, RuleList(found.revision, kept)
        return self._left


def engine_of(change: Change, engine: Engine) -> Engine:
    """The engine of an arm, made of the one given (the shop's, or that of the version that the arm names).

    Raises:
        BadRecord: a factor's name is none of the model's.
    """
    if change.factors:
        engine = engine.given(reweighted(engine.hybrid, change.factors))
    if change.without_rules and engine.house is not None:
        engine = engine.ruled_by(RulesWithout(engine.house.source, frozenset(change.without_rules)))
    return engine
