"""The JSON of rules and of what-ifs; a rule itself is `ranking.rules.schema`."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.models import Id
from evaluation.what_if_figures import SampleFigures
from ranking.rules.conflicts import Finding
from ranking.rules.schema import Draft, Name, Rule, RuleId


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RulesOut(_Part):
    """All rules, in the order of composing; `revision` is the log's entry that they are as of."""

    revision: int
    rules: list[Rule]


class ChangeOut(_Part):
    """What became of one rule; null: there was, or is, none."""

    rule_id: str
    before: Rule | None
    after: Rule | None


class AuditEntryOut(_Part):
    """One change of one or several rules at once; `undoes` is the number of the entry taken back."""

    number: int
    time: datetime
    author: str
    action: Literal["add", "change", "remove", "import", "undo"]
    reason: str
    changes: list[ChangeOut]
    undoes: int | None


class AuditOut(_Part):
    """A page of the log, oldest first."""

    entries: list[AuditEntryOut]


class UndoIn(_Part):
    """Which entry is taken back, and by whom."""

    author: Name
    number: int | None = Field(
        default=None, ge=1, description="Of the audit's entry; the last one that is not undone by default."
    )


class RuleChanges(_Part):
    """Rules that are not kept yet, and those that would go; one with a known id takes its place."""

    add: list[Draft] = Field(default=[], max_length=100)
    remove: list[RuleId] = Field(default=[], max_length=2_000)


class FindingsOut(_Part):
    """Where the rules are at odds with each other, with the shop or with the model."""

    findings: list[Finding]


class WeightsIn(_Part):
    """Factors of the score's parts; 1 is as learned."""

    graph: float = Field(default=1, ge=0, le=100)
    item_item: float = Field(default=1, ge=0, le=100)
    features: float = Field(default=1, ge=0, le=100)
    text: float = Field(default=1, ge=0, le=100)


class WhatIfIn(RuleChanges):
    """A change of rules, of weights or of both, that nobody has made yet."""

    weights: WeightsIn = WeightsIn()
    user_ids: list[Id] = Field(default=[], max_length=20, description="Whose lists are put side by side.")
    n: int = Field(default=10, ge=1, le=50)
    sample: int = Field(default=1_000, ge=0, le=5_000, description="Shoppers for the figures; 0: none.")


class PlaceOut(_Part):
    """One place of a list; `other_rank` is the item's rank in the other list, if it is in it."""

    item_id: str
    title: str
    rank: int
    score: float
    other_rank: int | None
    rules_applied: list[str]


class ShopperOut(_Part):
    """A shopper's list before and after; each has a reason where it is too short."""

    user_id: str
    before: list[PlaceOut]
    after: list[PlaceOut]
    shortfall_before: str | None
    shortfall_after: str | None


class WhatIfOut(_Part):
    """What the change would do; `sample` is null where none was asked for or nobody bought anything."""

    shoppers: list[ShopperOut]
    sample: SampleFigures | None
    findings: list[Finding]
    took_ms: float


RULE: dict[str, Any] = {
    "rule_id": "summer-own-brand",
    "name": "Own brand in summer",
    "author": "mia",
    "reason": "Season opening",
    "effect": {
        "type": "boost",
        "target": {
            "item_ids": [],
            "brand_ids": ["Fjellrev"],
            "category_ids": [],
            "attribute_ids": [],
            "price_min": None,
            "price_max": None,
            "in_stock": True,
        },
        "factor": 1.5,
    },
    "audience": {"groups": ["cold"], "user_ids": [], "scenarios": ["recommend"]},
    "start": "2026-06-01T00:00:00Z",
    "end": "2026-09-01T00:00:00Z",
    "priority": 0,
    "enabled": True,
    "version": 1,
    "created": "2026-01-31T12:00:00Z",
    "updated": "2026-01-31T12:00:00Z",
}

AUDIT_ENTRY: dict[str, Any] = {
    "number": 12,
    "time": "2026-01-31T12:00:00Z",
    "author": "mia",
    "action": "add",
    "reason": "Season opening",
    "changes": [{"rule_id": "summer-own-brand", "before": None, "after": RULE}],
    "undoes": None,
}

FINDING: dict[str, Any] = {
    "kind": "same_place",
    "rule_ids": ["a", "b"],
    "sentence": "“A” and “B” pin to place 1; the later one gets the next free place.",
    "n_items": 2,
    "item_ids": ["SKU-17", "SKU-42"],
}

_PLACE = {
    "item_id": "SKU-42",
    "title": "Light running jacket",
    "rank": 1,
    "score": 1.926,
    "other_rank": 4,
    "rules_applied": ["summer-own-brand"],
}

WHAT_IF: dict[str, Any] = {
    "shoppers": [
        {
            "user_id": "alice",
            "before": [{**_PLACE, "rank": 4, "score": 1.284, "other_rank": 1, "rules_applied": []}],
            "after": [_PLACE],
            "shortfall_before": None,
            "shortfall_after": None,
        }
    ],
    "sample": {
        "n_shoppers": 1000,
        "n_changed": 412,
        "n_new_items": 0.6,
        "n_short": {"before": 0.0, "after": 0.0},
        "ndcg": {"before": 0.0931, "after": 0.0925},
        "ndcg_change_ci95": [-0.0013, 0.0001],
        "coverage": {"before": 0.31, "after": 0.3},
        "mean_price": {"before": 23.4, "after": 24.9},
        "exposure": [{"label": "Brand", "id": "Fjellrev", "name": "Fjellrev", "before": 0.04, "after": 0.11}],
        "prices": [{"price_min": 1.0, "price_max": 8.5, "before": 0.28, "after": 0.26}],
    },
    "findings": [FINDING],
    "took_ms": 1400.0,
}
