"""What the shopper wants done, told by cue words; find_items unless something says otherwise."""

import re
from collections.abc import Sequence

from nlu.grammar.data import table
from nlu.grammar.marks import SLOTS, Mark
from shopgraph.types import Intent

_ORDER: tuple[Intent, ...] = ("service", "compare", "find_similar", "chitchat", "ask_about_item")
_PATTERNS = {
    intent: re.compile("|".join(f"(?:{pattern})" for name, pattern in table("intents") if name == intent))
    for intent in _ORDER
}
_ASKS = re.compile(r"(?:so |and |hey,? |hi,? |ok,? )?(?:is|are|was|does|do|did|will|can|has|have) (?:the )?")
_SEEMS_LIKE = re.compile(r"\b(?:smell|look|feel|work|perform|taste)s? (?:just |exactly |a lot |much )?like\b")
_LIKE = re.compile(
    r"(?<!i )(?<!would )(?<!i'd )(?<!we )(?<!don't )(?<!you )\blike (?:the |a |my |those |these )?$"
)


def read_intent(folded: str, marks: Sequence[Mark]) -> Intent:
    """The intent; chitchat only where nothing of the shop is named."""
    named = [mark for mark in marks if mark.has(*SLOTS) and mark.sense.kind != "ask"]
    for intent in _ORDER:
        if intent == "chitchat" and named:
            continue
        if _PATTERNS[intent].search(folded):
            return intent
        if intent == "find_similar" and _resembles(folded, marks):
            return intent
        if intent == "ask_about_item" and _asks_of_brand(folded, marks):
            return intent
    return "find_items"


def _asks_of_brand(folded: str, marks: Sequence[Mark]) -> bool:
    """Whether a question begins with a brand: "is Revlon …"."""
    brand = next((mark for mark in marks if mark.has("Brand")), None)
    return brand is not None and _ASKS.fullmatch(folded, 0, brand.start) is not None


def _resembles(folded: str, marks: Sequence[Mark]) -> bool:
    """Whether "like" stands right before a brand, or "smells like" before anything but an attribute."""
    if seems := _SEEMS_LIKE.search(folded):
        following = next((mark for mark in marks if mark.has(*SLOTS) and mark.start >= seems.end()), None)
        return following is None or not following.has("Attribute")
    return any(
        mark.has("Brand") and not mark.excluded and _LIKE.search(folded[: mark.start]) for mark in marks
    )
