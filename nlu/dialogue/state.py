"""The state of a dialogue: the whole query after each turn, by rules alone.

| the turn | the state |
| --- | --- |
| restarts ("start over") | is empty before the turn's own slots come |
| is `service` or `chitchat` | keeps its slots |
| names a category or brand | takes it in the place of the former; beside it with "also", "or", 还要 |
| names an attribute | adds it; one of the same kind (a colour for a colour) takes the former's place |
| names a price | takes it whole, unless it gives just the end that was missing |
| names an audience or an order | takes it |
| rules something out | drops it and excludes it; naming it later takes it back |
| takes something back ("drop the eyeliner", "swap red for purple") | drops it, excludes nothing but a brand |
| wants another brand | drops and excludes the brand named so far |
| waives a brand, price, category or attribute | clears that slot |
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from nlu.dialogue.cues import (
    Cue,
    named_place,
    only_dropped,
    read_cues,
    said_by,
    swapped_out,
    without_cues,
)
from nlu.dialogue.edits import less, union
from nlu.normalise import normalise
from shopgraph.types import Excluded, ParsedQuery, Slot

KindOf = Callable[[Slot], str]
"""What an attribute is of: "colour", "size", …; "" where nobody knows."""

_TURNS: frozenset[Cue] = frozenset(
    {
        "restart",
        "waive_brand",
        "waive_price",
        "waive_minimum",
        "waive_category",
        "waive_attribute",
        "other_brand",
    }
)
_THAT_BRAND = re.compile(r"\b(?:that|this) brand|[这那]个?(?:牌子|品牌)")
_AMOUNT = re.compile(r"(?<![\w.#-])\d{1,5}(?:\.\d\d)?(?![\w%#-]|\.\d)")
_BETWEEN = re.compile(
    r"\W*(?:ok(?:ay)?,? |say,? |maybe |like )?(\d{1,5}(?:\.\d\d)?)"
    r"\s?(?:-|–|~|to|or|到|至)\s?(\d{1,5}(?:\.\d\d)?)(?: (?:please|then|now|maybe|instead|ok|is fine))?\W*"
)
_MAKES_IT = re.compile(
    r"(?:(?:ok|okay|actually|no|hmm|please),? )*make (?:it|that|this)(?: an?| the)? (\d{2,3})\W*"
)
_SHORT, _NAMED, _SIZE_SURE = 40, 0.5, 0.9
_FOR_WHAT = re.compile(
    r"(?:(?:it'?s|they'?re|but|and|mostly|mainly|something|ones?|good|great|suitable|used?|to use|preferably"
    r"|just|only|actually|ideally),? )*for (?:a |an |my |the |our |his |her )?[\w '-]{2,24}[.!]?|.{1,6}用的?"
)
_EITHER = re.compile(
    r"(?:(?:maybe|perhaps|from|only|just|either|say|some) )*[\w .&'-]{2,30} or [\w .&'-]{2,30}[.!?]?"
)
_KINDS = {"color|colour|shade|颜色|色号": "colour", "size|尺码|大小": "size", "material|材质": "material"}
_KEEPS = frozenset({"service", "chitchat"})


@dataclass(frozen=True)
class DialogueState:
    """After a turn: the whole query, the items that were shown last, and how many turns there were."""

    query: ParsedQuery
    shown: tuple[str, ...] = ()
    n_turns: int = 0


EMPTY = DialogueState(ParsedQuery("", "other"))


def after_turn(state: DialogueState, turn: ParsedQuery, kind_of: KindOf = lambda _: "") -> DialogueState:
    """The state after a turn; `turn` is what its words mean alone."""
    cues = read_cues(turn.text)
    turn = _as_turn(turn, cues, state)
    before = EMPTY.query if "restart" in cues else state.query
    shown = () if "restart" in cues else state.shown
    if turn.intent in _KEEPS:
        kept = replace(before, text=turn.text, language=turn.language, intent=turn.intent, rest="")
        return DialogueState(replace(kept, took_ms=turn.took_ms), shown, state.n_turns + 1)
    query = _waived(before, turn, cues, kind_of)
    query, turn = _dropped(query, turn)
    query = _with_slots(query, turn, cues, kind_of)
    query = _with_price(query, turn, cues)
    query = replace(
        query,
        text=turn.text,
        language=turn.language,
        intent=turn.intent,
        audience=turn.audience or query.audience,
        sort=turn.sort or query.sort,
        item=turn.item or _pointed_at(turn.text, shown) or query.item,
        missing=turn.missing,
        rest=_rest(turn, cues, query.rest),
        sources={**query.sources, **turn.sources},
        took_ms=turn.took_ms,
    )
    return DialogueState(query, shown, state.n_turns + 1)


def _rest(turn: ParsedQuery, cues: frozenset[Cue], before: str) -> str:
    """What no slot took; words that only point back or turn the dialogue leave what was said before."""
    if not cues and named_place(turn.text) is None:
        return turn.rest or before
    return without_cues(turn.rest) or before


def _with_slots(query: ParsedQuery, turn: ParsedQuery, cues: frozenset[Cue], kind_of: KindOf) -> ParsedQuery:
    adds = "add" in cues and "replace" not in cues
    back = query.exclude  # what is wanted now is no longer ruled out
    back = Excluded(
        less(back.category, turn.category),
        less(back.brand, turn.brand),
        less(back.attribute, turn.attribute),
    )
    added = turn.exclude
    exclude = Excluded(
        union(back.category, added.category),
        union(back.brand, added.brand),
        union(back.attribute, added.attribute),
    )
    kinds = {kind_of(slot) for slot in turn.attribute} - {""}
    kept = query.attribute if adds else tuple(a for a in query.attribute if kind_of(a) not in kinds)
    return replace(
        query,
        category=_next(query.category, turn.category, adds),
        brand=_next(query.brand, turn.brand, adds),
        attribute=union(kept, turn.attribute),
        exclude=exclude,
    )


def _with_price(query: ParsedQuery, turn: ParsedQuery, cues: frozenset[Cue]) -> ParsedQuery:
    low, high = turn.price_min, turn.price_max
    if low is None and high is None:
        return query
    if "replace" not in cues:
        if high is None and low is not None and query.price_min is None and low <= (query.price_max or 0):
            high = query.price_max
        elif low is None and high is not None and query.price_max is None and (query.price_min or 0) <= high:
            low = query.price_min
    return replace(query, price_min=low, price_max=high, currency=turn.currency or query.currency)


def _as_turn(turn: ParsedQuery, cues: frozenset[Cue], state: DialogueState) -> ParsedQuery:
    """What the words mean in a dialogue, where they alone would mean something else.

    Words that turn the dialogue are no small talk and name nothing ("let's start fresh"), and two brands
    beside each other are both wanted ("Conair or Revlon").
    """
    for cue in cues & _TURNS:
        said = said_by(turn.text, cue)
        turn = replace(turn, attribute=tuple(a for a in turn.attribute if normalise(a.text) not in said))
    if state.query.category and _FOR_WHAT.fullmatch(normalise(turn.text)):
        turn = replace(turn, category=())  # "for my face" says what the thing looked for is used on
    if state.n_turns:  # "no wait", "not quite" speak of the dialogue
        named = tuple(slot for slot in turn.exclude.attribute if slot.confidence >= _NAMED)
        turn = replace(turn, exclude=replace(turn.exclude, attribute=named))
    turn = _with_bare_amounts(turn, state.query)
    talks = turn.intent == "chitchat" and cues & _TURNS
    offers = turn.intent == "compare" and state.query.category and _EITHER.fullmatch(normalise(turn.text))
    return replace(turn, intent="find_items") if talks or offers else turn


def _with_bare_amounts(turn: ParsedQuery, before: ParsedQuery) -> ParsedQuery:
    """The turn, its bare numbers as prices: "15 to 25"; "no, 100" where a price was spoken of before.

    "Make it 43" is a size where a size was, and no price.
    """
    size = _MAKES_IT.fullmatch(normalise(turn.text))
    sized = any(slot.name.removeprefix("size ").isdigit() for slot in before.attribute)
    if size and sized and before.price_max is before.price_min is None:
        now = Slot(size[1], "Attribute", "", f"size {size[1]}", _SIZE_SURE)
        return replace(turn, price_max=None, attribute=(now,))
    stated = turn.price_min is not None or turn.price_max is not None
    if stated or named_place(turn.text) is not None or len(turn.text) > _SHORT:
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


def _waived(query: ParsedQuery, turn: ParsedQuery, cues: frozenset[Cue], kind_of: KindOf) -> ParsedQuery:
    if "other_brand" in cues and not turn.exclude.brand:
        named_it = turn.brand and _THAT_BRAND.search(said_by(turn.text, "other_brand"))
        refused = union(query.exclude.brand, turn.brand if named_it else less(query.brand, turn.brand))
        query = replace(query, brand=(), exclude=replace(query.exclude, brand=refused))
    elif "waive_brand" in cues and not turn.exclude.brand:
        query = replace(query, brand=(), exclude=replace(query.exclude, brand=()))
    if "waive_category" in cues:
        query = replace(query, category=())
    if "waive_attribute" in cues:
        query = _without_kinds(query, said_by(turn.text, "waive_attribute"), kind_of)
    if "waive_minimum" in cues:
        query = replace(query, price_min=None)
    if "waive_price" in cues:
        query = replace(query, price_min=None, price_max=None, currency=None)
    return query


def _without_kinds(query: ParsedQuery, said: str, kind_of: KindOf) -> ParsedQuery:
    """Without the attributes of the kinds that are named; of no such kind all go."""
    kinds = {kind for words, kind in _KINDS.items() if any(word in said for word in words.split("|"))}
    known = {kind_of(slot) for slot in (*query.attribute, *query.exclude.attribute)} & kinds
    kept = tuple(slot for slot in query.attribute if known and kind_of(slot) not in known)
    out = tuple(slot for slot in query.exclude.attribute if known and kind_of(slot) not in known)
    return replace(query, attribute=kept, exclude=replace(query.exclude, attribute=out))


def _dropped(query: ParsedQuery, turn: ParsedQuery) -> tuple[ParsedQuery, ParsedQuery]:
    """The query without what the turn rules out or gives up, and the turn without what it only gives up.

    "Drop the eyeliner" takes back a wish and rules nothing out; a refused brand is ruled out always.
    """
    out = turn.exclude
    given_up = swapped_out(turn.text)
    gone = [
        *(slot for slot in (*out.category, *out.attribute) if only_dropped(turn.text, slot.text)),
        *(
            slot
            for slot in (*turn.category, *turn.brand, *turn.attribute)
            if normalise(slot.text) in given_up
        ),
    ]
    also = tuple(gone)
    query = replace(
        query,
        category=less(query.category, (*out.category, *also)),
        brand=less(query.brand, (*out.brand, *also)),
        attribute=less(query.attribute, (*out.attribute, *also)),
    )
    exclude = Excluded(less(out.category, also), out.brand, less(out.attribute, also))
    turn = replace(
        turn,
        category=less(turn.category, also),
        brand=less(turn.brand, also),
        attribute=less(turn.attribute, also),
        exclude=exclude,
    )
    return query, turn


def _pointed_at(text: str, shown: tuple[str, ...]) -> tuple[Slot, ...]:
    """The item of the last list that the words point at."""
    place = named_place(text)
    if place is None or not shown or place > len(shown):
        return ()
    item_id = shown[place - 1 if place > 0 else place]
    return (Slot(text, "Item", item_id, item_id, 1.0),)


def _next(before: tuple[Slot, ...], now: tuple[Slot, ...], adds: bool) -> tuple[Slot, ...]:
    if not now:
        return before
    return union(before, now) if adds else now
