"""The shop's rules over one catalogue: which of them hold for a question, and what they do together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol

from gnn.linear.bans import Bans
from ranking.ask import Ask
from ranking.catalogue import Catalogue
from ranking.groups import GROUPS, ShopperGroups, count_past_items
from ranking.hybrid import Hybrid
from ranking.rules.book import RuleList
from ranking.rules.compiled import Compiled, compiled
from ranking.rules.ruling import NO_RULES, Ruling
from ranking.rules.schema import Rule, Scenario
from shopgraph.types import Histories

_KEPT = 64


class RuleSource(Protocol):
    """Where rules come from; the same object as long as they are unchanged."""

    def current(self) -> RuleList:
        """The rules as they stand."""
        ...


@dataclass(frozen=True)
class FixedRules:
    """Rules that do not change: those of a what-if."""

    rules: RuleList

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> "FixedRules":
        """These rules, in the order of composing."""
        return cls(RuleList(0, tuple(sorted(rules, key=lambda rule: rule.order))))

    def current(self) -> RuleList:
        """The rules."""
        return self.rules


class House:
    """Finds the ruling of a question; threads may share it."""

    def __init__(self, source: RuleSource, catalogue: Catalogue, groups: ShopperGroups) -> None:
        self.source, self.groups = source, groups
        self._catalogue = catalogue
        self._list = RuleList(0, ())
        self._compiled: dict[str, Compiled] = {}
        self._rulings: dict[tuple[str, ...], Ruling] = {}
        self._lock = Lock()

    def ruling(self, ask: Ask, past: Histories, now: datetime) -> Ruling:
        """What the rules that hold for this question do; `past` is the shopper's (a batch of one)."""
        rules = self.source.current()
        if not rules.rules:
            return NO_RULES
        group = GROUPS[int(self.groups.codes(count_past_items(past))[0])]
        return self.ruling_of(rules, ask.user_id, group, scenario_of(ask), now)

    def ruling_of(
        self, rules: RuleList, user_id: str | None, group: str, scenario: Scenario, now: datetime
    ) -> Ruling:
        """What these rules do for a shopper of a group in a scenario."""
        held = [
            rule for rule in rules.rules if rule.is_on(now) and rule.audience.has(user_id, group, scenario)
        ]
        if not held:
            return NO_RULES
        key = tuple(rule.rule_id for rule in held)
        with self._lock:
            if rules is not self._list:
                self._list, self._compiled, self._rulings = rules, {}, {}
            found = self._rulings.get(key)
            if found is None:
                found = self._rulings[key] = self._together(held)
                while len(self._rulings) > _KEPT:
                    del self._rulings[next(iter(self._rulings))]
        return found

    def group_of(self, histories: Histories) -> list[str]:
        """The group of each history."""
        return [GROUPS[code] for code in self.groups.codes(count_past_items(histories)).tolist()]

    def _together(self, rules: Sequence[Rule]) -> Ruling:
        parts = [self._one(rule) for rule in rules]
        bans = Bans()
        for part in parts:
            bans |= part.bans
        return Ruling(
            removed=tuple(removed for part in parts for removed in part.removed),
            factors=tuple(factor for part in parts for factor in part.factors),
            pins=tuple(pin for part in parts for pin in part.pins),
            caps=tuple(cap for part in parts for cap in part.caps),
            banning=tuple(rule for rule, part in zip(rules, parts, strict=True) if part.bans),
            bans=bans,
        )

    def _one(self, rule: Rule) -> Compiled:
        if rule.rule_id not in self._compiled:
            self._compiled[rule.rule_id] = compiled(rule, self._catalogue)
        return self._compiled[rule.rule_id]


def scenario_of(ask: Ask) -> Scenario:
    """What kind of list is asked for; the caller's own candidates count as recommendations."""
    if ask.similar_to is not None:
        return "similar"
    return "recommend" if ask.parsed is None else "search"


def groups_of(hybrid: Hybrid, everybody: Histories) -> ShopperGroups:
    """The groups that the hybrid has learned weights for, else thirds of all shoppers by their past items."""
    return hybrid.groups or ShopperGroups.of_thirds(count_past_items(everybody))
