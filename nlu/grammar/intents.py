"""What the shopper wants done, told by cue words; find_items unless something says otherwise."""

import re
from collections.abc import Sequence
from itertools import pairwise

from nlu.grammar.data import table
from nlu.grammar.marks import SLOTS, Mark
from nlu.grammar.senses import Layer
from shopgraph.types import Intent

_ORDER: tuple[Intent, ...] = ("service", "compare", "find_similar", "chitchat", "ask_about_item")


def _rows(name: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for said, pattern in table("intents") if said == name))


_PATTERNS = {intent: _rows(intent) for intent in _ORDER}
_SMALL_TALK, _TALK, _SEEKS = _rows("smalltalk"), _rows("talk"), _rows("seeks")
_ASKS = re.compile(r"(?:so |and |hey,? |hi,? |ok,? )?(?:is|are|was|does|do|did|will|can|has|have) (?:the )?")
_ASKED_ZH = re.compile(r"[吗么嘛][?？\s]*$")
_SOUGHT_ZH = re.compile(r"有(?:没有)?.*[吗么嘛]|推荐|好吗|可以吗")
_OR = re.compile(r"[^.?!]{0,24}\bor\b[^.?!]{0,8}")
_TWO = re.compile(
    r"[^.?!]{0,30}(?:\b(?:or|and|than|to|with|from|vs|versus|against|over)\b|[,/&])[^.?!]{0,10}"
)
_TWO_ZH = re.compile(r"[^,。?!]{0,8}(?:[和跟与或比、]|还是|以及)")
_BESIDE = re.compile(r"\b(?:against|versus)\b|还是|pk|比$")
_WHICH = re.compile(
    r"\b(?:which|better|prefer|should i|would you|thoughts|opinions?|decid\w+|differ\w*|\w{3,}er than"
    r"|more \w+ than|who makes|between)\b|哪[个款种家一]|谁|选|更|区别|比较"
)
_MAY_BE_EITHER = re.compile(r"\b(?:either|both|fine|ok|okay|works|good with)\b|都可以|都行|都好|均可")
_END_LENGTH, _FEW_MARKS = 300, 60
_WEIGHED: tuple[Layer, ...] = ("Brand", "Category")
_WHAT = re.compile(r"(?:so |and )?(?:what|how) (?:do|does|will|would)\b")
_SEEMS_LIKE = re.compile(
    r"(?<!does it )(?<!do they )\b(?:smell|look|feel|work|perform|taste)s?"
    r" (?:just |exactly |a lot |much )?like\b"
)
_LIKE = re.compile(
    r"(?<!i )(?<!would )(?<!i'd )(?<!we )(?<!don't )(?<!you )\blike (?:the |a |my |those |these )?$"
)


def read_intent(folded: str, marks: Sequence[Mark], narrows: bool = False) -> Intent:
    """The intent; chitchat only where nothing of the shop is named.

    Args:
        folded: the text.
        marks: what it names, what is ruled out marked so.
        narrows: whether it gives a price.
    """
    whole, folded = folded, _ends_of(folded)
    marks = marks[:_FEW_MARKS]
    named = [mark for mark in marks if mark.has(*SLOTS) and mark.sense.kind != "ask"]
    if _SMALL_TALK.search(folded):
        return "chitchat"
    for intent in _ORDER:
        if intent == "chitchat" and named:
            continue
        if _PATTERNS[intent].search(folded):
            return intent
        if intent == "compare" and _weighs(whole, marks, narrows):
            return intent
        if intent == "find_similar" and _resembles(whole, marks):
            return intent
        if intent == "ask_about_item" and _asks_of_brand(whole, marks):
            return intent
    is_talk = not named and not narrows and _TALK.search(folded) and not _SEEKS.search(folded)
    return "chitchat" if is_talk else "find_items"


def _ends_of(folded: str) -> str:
    """The text's beginning and end: an intent is not said in the middle of thousands of characters."""
    return folded if len(folded) <= 2 * _END_LENGTH else f"{folded[:_END_LENGTH]} … {folded[-_END_LENGTH:]}"


def _asks_of_brand(folded: str, marks: Sequence[Mark]) -> bool:
    """Whether a question begins with a brand: "is Revlon …"; a Chinese one only has to name it."""
    brand = next((mark for mark in marks if mark.sense.layer == "Brand" and not mark.excluded), None)
    if brand is None:
        return False
    asked = _ASKED_ZH.search(folded) and not _SOUGHT_ZH.search(folded)
    return bool(asked) or _ASKS.fullmatch(folded, 0, brand.start) is not None


def _weighs(folded: str, marks: Sequence[Mark], narrows: bool) -> bool:
    """Whether the text is a choice of two: "Revlon or Nyx for …", "which …, Revlon or Nyx", "…还是…"."""
    narrows = narrows or any(mark.excluded for mark in marks)
    folded = folded[: 2 * _END_LENGTH]
    for layer in _WEIGHED:
        said = [mark for mark in marks if mark.sense.layer == layer and not mark.excluded]
        for one, other in pairwise(said):
            gap = folded[one.end : other.start]
            if one.name == other.name:
                continue
            if _BESIDE.search(gap):
                return True
            if _WHICH.search(folded) and (_TWO.fullmatch(gap) or _TWO_ZH.fullmatch(gap)):
                return True
            begins = not folded[: one.start].strip() and (layer == "Brand" or "?" in folded)
            if _OR.fullmatch(gap) and begins and not narrows and not _MAY_BE_EITHER.search(folded):
                return True
    return False


def _resembles(folded: str, marks: Sequence[Mark]) -> bool:
    """Whether "like" stands right before a brand, or "smells like" before anything but an attribute."""
    if (seems := _SEEMS_LIKE.search(folded[: 2 * _END_LENGTH])) and not _WHAT.match(folded):
        following = next((mark for mark in marks if mark.has(*SLOTS) and mark.start >= seems.end()), None)
        return following is None or not following.has("Attribute")
    return any(
        mark.has("Brand") and not mark.excluded and _LIKE.search(folded[max(mark.start - 40, 0) : mark.start])
        for mark in marks
    )
