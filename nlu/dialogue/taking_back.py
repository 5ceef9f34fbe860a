"""What a turn takes back of what was said before: a slot waived, a wish given up, another brand wanted."""

import re
from collections.abc import Callable
from dataclasses import replace

from nlu.dialogue.cues import Cue, dropped_words, only_dropped, said_by, swapped_out
from nlu.dialogue.edits import less, union
from nlu.names import key_of
from nlu.normalise import normalise
from shopgraph.types import Excluded, ParsedQuery, Slot

KindOf = Callable[[Slot], str]
"""What an attribute is of: "colour", "size", …; "" where nobody knows."""

_THAT_BRAND = re.compile(r"\b(?:that|this) brand|[这那]个?(?:牌子|品牌)")
_KINDS = {"color|colour|shade|颜色|色号": "colour", "size|尺码|大小": "size", "material|材质": "material"}


def waived(query: ParsedQuery, turn: ParsedQuery, cues: frozenset[Cue], kind_of: KindOf) -> ParsedQuery:
    """The query without the slots that the turn says do not matter, or that it wants another of."""
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
    if "waive_sort" in cues:
        query = replace(query, sort=None)
    return query


def dropped(query: ParsedQuery, turn: ParsedQuery) -> tuple[ParsedQuery, ParsedQuery]:
    """The query without what the turn rules out or gives up, and the turn without what it only gives up.

    "Drop the eyeliner" takes back a wish and rules nothing out; a refused brand is ruled out always.
    """
    out = turn.exclude
    given_up = swapped_out(turn.text)
    also = (
        *(slot for slot in (*out.category, *out.attribute) if only_dropped(turn.text, slot.text)),
        *(
            slot
            for slot in (*turn.category, *turn.brand, *turn.attribute)
            if normalise(slot.text) in given_up
        ),
        *_meant_by(dropped_words(turn.text), query),
    )
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


def _meant_by(said: str, query: ParsedQuery) -> tuple[Slot, ...]:
    """The wishes whose names hold one of the words: "full coverage" of "never mind the coverage"."""
    words = set(key_of(said))
    return tuple(slot for slot in query.attribute if words & set(key_of(slot.name)))


def _without_kinds(query: ParsedQuery, said: str, kind_of: KindOf) -> ParsedQuery:
    """Without the attributes of the kinds that are named; of no such kind all go."""
    kinds = {kind for words, kind in _KINDS.items() if any(word in said for word in words.split("|"))}
    known = {kind_of(slot) for slot in (*query.attribute, *query.exclude.attribute)} & kinds
    kept = tuple(slot for slot in query.attribute if known and kind_of(slot) not in known)
    out = tuple(slot for slot in query.exclude.attribute if known and kind_of(slot) not in known)
    return replace(query, attribute=kept, exclude=replace(query.exclude, attribute=out))
