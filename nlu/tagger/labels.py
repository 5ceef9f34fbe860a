"""What a query's words can be."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from shopgraph.types import Intent

Label = Literal["category", "brand", "attribute", "item", "price", "audience", "sort"]

INTENTS: tuple[Intent, ...] = (
    "find_items", "find_similar", "compare", "ask_about_item", "service", "chitchat",
)  # fmt: skip

TAGGED: tuple[tuple[Label, bool], ...] = (
    ("category", False), ("brand", False), ("attribute", False), ("item", False), ("price", False),
    ("audience", False), ("sort", False), ("category", True), ("brand", True), ("attribute", True),
)  # fmt: skip
"""Label number → (label, whether it is ruled out)."""


class QuerySpan(NamedTuple):
    """Characters start..end of the query that say one thing; `excluded` where it is ruled out."""

    start: int
    end: int
    label: Label
    excluded: bool = False


@dataclass(frozen=True)
class LabelledQuery:
    """A query and what it says; `spans` in order, none overlapping."""

    text: str
    intent: Intent
    spans: tuple[QuerySpan, ...] = ()
