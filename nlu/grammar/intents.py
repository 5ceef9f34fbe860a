"""What the shopper wants done, told by cue words; find_items unless something says otherwise."""

import re
from collections.abc import Sequence
from itertools import pairwise

from nlu.grammar.data import table
from nlu.grammar.marks import SLOTS, Mark
from nlu.grammar.senses import Layer
from shopgraph.types import Intent

_ORDER: tuple[Intent, ...] = ("service", "compare", "find_similar", "chitchat", "ask_about_item")
_PATTERNS = {
    intent: re.compile("|".join(f"(?:{pattern})" for name, pattern in table("intents") if name == intent))
    for intent in _ORDER
}
_ASKS = re.compile(r"(?:so |and |hey,? |hi,? |ok,? )?(?:is|are|was|does|do|did|will|can|has|have) (?:the )?")
_ASKED_ZH = re.compile(r"[吗么嘛][?？\s]*$")
_SOUGHT_ZH = re.compile(r"有(?:没有)?.*[吗么嘛]|推荐|好吗|可以吗")
_OR = re.compile(r"[^.?!]{0,24}\bor\b[^.?!]{0,8}")
_WHICH = re.compile(r"\b(?:which|better|best|better\?|whats better|prefer|should i)\b")
_WEIGHED: tuple[Layer, ...] = ("Brand", "Category")
_WHAT = re.compile(r"(?:so |and )?(?:what|how) (?:do|does|will|would)\b")
_SEEMS_LIKE = re.compile(
    r"(?<!does it )(?<!do they )\b(?:smell|look|feel|work|perform|taste)s?"
    r" (?:just |exactly |a lot |much )?like\b"
)
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
        if intent == "compare" and _weighs(folded, marks):
            return intent
        if intent == "find_similar" and _resembles(folded, marks):
            return intent
        if intent == "ask_about_item" and _asks_of_brand(folded, marks):
            return intent
    return "find_items"


def _asks_of_brand(folded: str, marks: Sequence[Mark]) -> bool:
    """Whether a question begins with a brand: "is Revlon …"; a Chinese one only has to name it."""
    brand = next((mark for mark in marks if mark.sense.layer == "Brand" and not mark.excluded), None)
    if brand is None:
        return False
    asked = _ASKED_ZH.search(folded) and not _SOUGHT_ZH.search(folded)
    return bool(asked) or _ASKS.fullmatch(folded, 0, brand.start) is not None


def _weighs(folded: str, marks: Sequence[Mark]) -> bool:
    """Whether the text is a choice of two: "Revlon or Nyx for …", "which …, Revlon or Nyx", "…还是…"."""
    for layer in _WEIGHED:
        said = [mark for mark in marks if mark.sense.layer == layer and not mark.excluded]
        for one, other in pairwise(said):
            gap = folded[one.end : other.start]
            if "还是" in gap or "pk" in gap:
                return True
            begins = layer == "Brand" and not folded[: one.start].strip()
            if _OR.fullmatch(gap) and (begins or _WHICH.search(folded)):
                return True
    return False


def _resembles(folded: str, marks: Sequence[Mark]) -> bool:
    """Whether "like" stands right before a brand, or "smells like" before anything but an attribute."""
    if (seems := _SEEMS_LIKE.search(folded)) and not _WHAT.match(folded):
        following = next((mark for mark in marks if mark.has(*SLOTS) and mark.start >= seems.end()), None)
        return following is None or not following.has("Attribute")
    return any(
        mark.has("Brand") and not mark.excluded and _LIKE.search(folded[: mark.start]) for mark in marks
    )
