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
| waives a brand, price, category or attribute | clears that slot |
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from nlu.dialogue.cues import Cue, named_place, read_cues, without_cues
from nlu.dialogue.edits import less, union
from shopgraph.types import Excluded, ParsedQuery, Slot

KindOf = Callable[[Slot], str]
"""What an attribute is of: "colour", "size", …; "" where nobody knows."""

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
    before = EMPTY.query if "restart" in cues else state.query
    shown = () if "restart" in cues else state.shown
    if turn.intent in _KEEPS:
        kept = replace(before, text=turn.text, language=turn.language, intent=turn.intent, rest="")
        return DialogueState(replace(kept, took_ms=turn.took_ms), shown, state.n_turns + 1)
    query = _without(_waived(before, cues), turn.exclude)
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


def _waived(query: ParsedQuery, cues: frozenset[Cue]) -> ParsedQuery:
    if "waive_brand" in cues:
        query = replace(query, brand=(), exclude=replace(query.exclude, brand=()))
    if "waive_category" in cues:
        query = replace(query, category=())
    if "waive_attribute" in cues:
        query = replace(query, attribute=())
    if "waive_price" in cues:
        query = replace(query, price_min=None, price_max=None, currency=None)
    return query


def _without(query: ParsedQuery, excluded: Excluded) -> ParsedQuery:
    return replace(
        query,
        category=less(query.category, excluded.category),
        brand=less(query.brand, excluded.brand),
        attribute=less(query.attribute, excluded.attribute),
    )


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
