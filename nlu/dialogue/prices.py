"""What a turn does to the price of a dialogue: bare numbers, one end of a range, limits taken back."""

import re
from dataclasses import replace

from nlu.dialogue.cues import Cue, named_place, said_by
from nlu.normalise import normalise
from shopgraph.types import ParsedQuery, Slot

_AMOUNT = re.compile(
    r"(?<![\w.#-])(?<!size )\d{1,5}(?:\.\d\d)?(?![\w%#-]|\.\d)"
    r"(?! ?(?:years?|months?|weeks?|days?|hours?|people|persons?|pieces?|packs?|of (?:them|these|those))\b)"
)
_BETWEEN = re.compile(
    r"\W*(?:ok(?:ay)?,? |say,? |maybe |like )?(\d{1,5}(?:\.\d\d)?)"
    r"\s?(?:-|–|~|to|or|到|至)\s?(\d{1,5}(?:\.\d\d)?)(?: (?:please|then|now|maybe|instead|ok|is fine))?\W*"
)
_MAKES_IT = re.compile(
    r"(?:(?:ok|okay|actually|no|hmm|please),? )*make (?:it|that|this)(?: an?| the)? (\d{2,3})\W*"
)
_SHORT, _SIZE_SURE = 40, 0.9


def with_bare_amounts(turn: ParsedQuery, before: ParsedQuery) -> ParsedQuery:
    """The turn, its bare numbers as prices: "15 to 25"; "no, 100" where a price was spoken of before.

    "Make it 43" is a size where a size was, and no price.
    """
    size = _MAKES_IT.fullmatch(normalise(turn.text))
    sized = any(slot.name.removeprefix("size ").isdigit() for slot in before.attribute)
    if size and sized and before.price_max is before.price_min is None:
        now = Slot(size[1], "Attribute", "", f"size {size[1]}", _SIZE_SURE)
        return replace(turn, price_max=None, attribute=(now,))
    stated = turn.price_min is not None or turn.price_max is not None
    asks = turn.intent == "ask_about_item"
    if stated or asks or named_place(turn.text) is not None or len(turn.text) > _SHORT:
        return turn
    if between := _BETWEEN.fullmatch(normalise(turn.text)):
        low, high = sorted(map(float, between.groups()))
        return replace(turn, price_min=low, price_max=high)
    numbers = _AMOUNT.findall(turn.text)
    spoken_of = before.price_min is not None or before.price_max is not None
    if len(numbers) != 1 or not spoken_of:
        return turn
    slots = (*turn.attribute, *turn.category, *turn.brand)
    return (
        turn if any(numbers[0] in slot.text for slot in slots) else replace(turn, price_max=float(numbers[0]))
    )


def without_price_taken_back(turn: ParsedQuery, cues: frozenset[Cue]) -> ParsedQuery:
    """The turn without a price that it names only to drop it: "drop the under 50"."""
    if "waive_price" not in cues:
        return turn
    left = normalise(turn.text)
    for said in said_by(turn.text, "waive_price").split("\n"):
        left = left.replace(said, " ")
    return turn if re.search(r"\d", left) else replace(turn, price_min=None, price_max=None)


def with_price(query: ParsedQuery, turn: ParsedQuery, cues: frozenset[Cue]) -> ParsedQuery:
    """The query with the turn's price; of one end alone a range keeps the other where it fits."""
    low, high = turn.price_min, turn.price_max
    if low is None and high is None:
        return query
    before_low, before_high = query.price_min, query.price_max
    ranged = before_low is not None and before_high is not None
    if "replace" not in cues:
        if high is None and low is not None and (ranged or before_low is None) and low <= (before_high or 0):
            high = before_high
        elif (
            low is None and high is not None and (ranged or before_high is None) and (before_low or 0) <= high
        ):
            low = before_low
    return replace(query, price_min=low, price_max=high, currency=turn.currency or query.currency)
