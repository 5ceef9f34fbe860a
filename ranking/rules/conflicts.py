"""Where rules are at odds with each other, with the shop or with the model, so that somebody can mend it.

Nothing here changes an answer: the order of composing settles every conflict the same way each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import Literal, TypeAlias, get_args

import numpy as np

from gnn.linear.bans import path_types
from gnn.linear.model import LinearKG
from ranking.catalogue import Catalogue
from ranking.groups import GROUPS
from ranking.hybrid import Hybrid
from ranking.rules.compiled import Compiled, compiled
from ranking.rules.pairs import PairKind, at_odds, meet
from ranking.rules.schema import Rule, Scenario
from ranking.rules.unknown import unknown_to_model, unknown_to_shop

Kind: TypeAlias = (
    PairKind
    | Literal[
        "empties_lists", "unknown_to_shop", "unknown_to_model", "matches_nothing", "ban_not_reaching", "over"
    ]
)

_SHOWN = 5
_MOMENTS = 40


@dataclass(frozen=True)
class Finding:
    """One conflict: the rules it is between, up to five of its items, and what comes of it."""

    kind: Kind
    rule_ids: tuple[str, ...]
    sentence: str
    n_items: int = 0
    item_ids: tuple[str, ...] = ()


class Checker:
    """Finds conflicts among rules over one catalogue and one model."""

    def __init__(self, catalogue: Catalogue, hybrid: Hybrid) -> None:
        self._catalogue = catalogue
        linear = [model for model in hybrid.models.values() if isinstance(model, LinearKG)]
        self._relations = {step.edge_type.relation for model in linear for step in model.state.graph.steps}
        self._paths = {steps for model in linear for steps in path_types(model)}
        self._untouched = [name for name, x in hybrid.models.items() if not isinstance(x, LinearKG)]

    def findings(self, rules: Sequence[Rule], now: datetime) -> list[Finding]:
        """Every conflict of the rules that hold now or will."""
        over = [rule for rule in rules if rule.enabled and rule.end is not None and rule.end <= now]
        live = [rule for rule in rules if rule.enabled and rule not in over]
        parts = {rule.rule_id: compiled(rule, self._catalogue) for rule in live}
        found = [Finding("over", (rule.rule_id,), f"“{rule.name}” has ended.") for rule in over]
        for rule in live:
            found += self._alone(rule, parts[rule.rule_id])
            found += self._between((rule,), parts)
        for pair in combinations(live, 2):
            if meet(*pair):
                found += self._between(pair, parts)
        return [*found, *self._emptying(live, parts, now)]

    def _alone(self, rule: Rule, part: Compiled) -> Iterator[Finding]:
        ids = (rule.rule_id,)
        if missing := unknown_to_shop(rule, self._catalogue):
            text = f"“{rule.name}” names what the shop lacks: {', '.join(missing)}."
            yield Finding("unknown_to_shop", ids, text)
        if missing := unknown_to_model(rule, self._relations, self._paths):
            yield Finding("unknown_to_model", ids, f"The graph model has no {', no '.join(missing)}.")
        masks = [*(factor.mask for factor in part.factors), *(removed.mask for removed in part.removed)]
        if not all(mask.any() for mask in masks):
            yield Finding("matches_nothing", ids, f"“{rule.name}” has an effect on no item at all.")
        if part.bans and self._untouched:
            text = (
                f"What {', '.join(self._untouched)} learned from shoppers stays: it is no sum over the graph."
            )
            yield Finding("ban_not_reaching", ids, text)

    def _between(self, rules: Sequence[Rule], parts: Mapping[str, Compiled]) -> Iterator[Finding]:
        """What a rule has against itself, or two against each other."""
        ids = tuple(rule.rule_id for rule in rules)
        names = " and ".join(f"“{rule.name}”" for rule in rules)
        for odds in at_odds(names, parts[ids[0]], parts[ids[-1]]):
            shown = tuple(self._catalogue.item_id(item) for item in odds.item_idx[:_SHOWN])
            yield Finding(odds.kind, ids, odds.sentence, len(odds.item_idx), shown)

    def _emptying(
        self, live: Sequence[Rule], parts: Mapping[str, Compiled], now: datetime
    ) -> Iterator[Finding]:
        """Shoppers, lists and moments that no item is left for."""
        removing = [rule for rule in live if parts[rule.rule_id].removed]
        starts = {rule.start for rule in removing if rule.start is not None and rule.start > now}
        seen: set[tuple[str, ...]] = set()
        for moment in sorted({now, *starts})[:_MOMENTS]:
            for group in GROUPS:
                for scenario in get_args(Scenario):
                    held = [x for x in removing if x.is_on(moment) and x.audience.has(None, group, scenario)]
                    ids = tuple(rule.rule_id for rule in held)
                    if held and ids not in seen and self._all_out(ids, parts):
                        names = ", ".join(f"“{rule.name}”" for rule in held)
                        text = f"{names}: no item is left for {scenario} lists of {group} shoppers."
                        yield Finding("empties_lists", ids, text, len(self._catalogue))
                    seen.add(ids)

    def _all_out(self, ids: Sequence[str], parts: Mapping[str, Compiled]) -> bool:
        masks = [removed.mask for rule_id in ids for removed in parts[rule_id].removed]
        return bool(np.logical_or.reduce(masks).all())
