"""The state of a dialogue: the whole query after each turn, by rules alone.

| the turn | the state |
| --- | --- |
| restarts ("start over") | is empty before the turn's own slots come |
| is `service` or `chitchat` | keeps its slots |
| names a category or brand | takes it in the place of the former; beside it with "also", "or", 还要 |
| names a category above the one before | keeps the narrower, unless it says "instead" or "in general" |
| names an attribute | adds it; one of the same kind (a colour for a colour) takes the former's place |
| names a price | takes it whole; given one end, a range or what lacked it keeps the other where it fits |
| names an audience or an order | takes it |
| rules something out | drops it and excludes it; naming it later takes it back |
| takes something back ("drop the eyeliner", "swap red for purple") | drops it, excludes nothing but a brand |
| wants another brand | drops and excludes the brand named so far |
| waives a brand, price, category, attribute or order | clears that slot |
"""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Protocol

from nlu.dialogue.cues import Cue, dropped_words, named_place, read_cues, said_by, without_cues
from nlu.dialogue.edits import less, union
from nlu.dialogue.prices import with_bare_amounts, with_price, without_price_taken_back
from nlu.dialogue.taking_back import KindOf, dropped, waived
from nlu.names import NodeNames, key_of
from nlu.normalise import normalise
from shopgraph.types import Excluded, ParsedQuery, Slot


class CategoryTree(Protocol):
    """Which categories lie above others, and what those below are called beside them."""

    def above(self, node_id: str) -> AbstractSet[str]:
        """The ids of a category's ancestors."""
        ...

    def below(self, node_id: str, words: AbstractSet[str]) -> NodeNames | None:
        """The one category below that the words tell from it: "hiking" of Boots is Hiking Boots."""
        ...


_TURNS: frozenset[Cue] = frozenset(
    {
        "restart",
        "waive_brand",
        "waive_price",
        "waive_minimum",
        "waive_category",
        "waive_attribute",
        "waive_sort",
        "other_brand",
    }
)
_NAMED, _TOLD, _FEW_WORDS = 0.5, 0.8, 8
_FOR_WHAT = re.compile(
    r"(?:(?:it'?s|they'?re|but|and|mostly|mainly|something|ones?|good|great|suitable|used?|to use|preferably"
    r"|just|only|actually|ideally),? )*for (?:a |an |my |the |our |his |her )?[\w '-]{2,24}[.!]?|.{1,6}用的?"
)
_EITHER = re.compile(
    r"(?:(?:maybe|perhaps|from|only|just|either|say|some) )*[\w .&'-]{2,30} or [\w .&'-]{2,30}[.!?]?"
)
_PRONOUN = re.compile(r"\b(?:he|him|his|she|hers?)\b|[他她]")
_PERSON = re.compile(
    r"\b(?:(?:wo)?m[ae]n|ladies|lady|guys?|(?:fe)?males?|girl\w*|boy\w*|wife|husband|m[ou]m\w*|dad\w*|mother|father"
    r"|sister|brother|son|daughter|niece|nephew|aunt\w*|uncle|grand\w+|kids?|child\w*|teen\w*|bab(?:y|ies)|toddler)\b"
    r"|\d|[男女孩童婴儿妈爸老]"
)
_KEEPS = frozenset({"service", "chitchat"})


@dataclass(frozen=True)
class DialogueState:
    """After a turn: the whole query, the items that were shown last, and how many turns there were."""

    query: ParsedQuery
    shown: tuple[str, ...] = ()
    n_turns: int = 0


EMPTY = DialogueState(ParsedQuery("", "other"))


def after_turn(
    state: DialogueState,
    turn: ParsedQuery,
    kind_of: KindOf = lambda _: "",
    tree: CategoryTree | None = None,
) -> DialogueState:
    """The state after a turn; `turn` is what its words mean alone.

    Without a tree no category is known to lie below another.
    """
    cues = read_cues(turn.text)
    turn = _as_turn(turn, cues, state)
    before = EMPTY.query if "restart" in cues else state.query
    shown = () if "restart" in cues else state.shown
    if turn.intent in _KEEPS:
        kept = replace(before, text=turn.text, language=turn.language, intent=turn.intent, rest="")
        return DialogueState(replace(kept, took_ms=turn.took_ms), shown, state.n_turns + 1)
    query = waived(before, turn, cues, kind_of)
    query, turn = dropped(query, turn)
    turn = turn if tree is None else _with_narrower(turn, query, tree)
    query = _with_slots(query, turn, cues, kind_of, tree)
    query = with_price(query, turn, cues)
    query = replace(
        query,
        text=turn.text,
        language=turn.language,
        intent=turn.intent,
        audience=_audience(turn) or query.audience or turn.audience,
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


def _with_narrower(turn: ParsedQuery, before: ParsedQuery, tree: CategoryTree) -> ParsedQuery:
    """The turn with the category that it only tells from the one before: boots, "hiking ones"."""
    words = set(key_of(turn.text))
    if turn.category or turn.exclude.attribute or turn.intent != "find_items" or len(words) > _FEW_WORDS:
        return turn
    nodes = filter(None, (tree.below(slot.node_id, words) for slot in before.category))
    found = tuple(Slot(turn.text, "Category", node.node_id, node.names[0], _TOLD) for node in nodes)
    named = {word for slot in found for word in key_of(slot.name)}
    attribute = tuple(slot for slot in turn.attribute if not named.issuperset(key_of(slot.text)))
    return replace(turn, category=found, attribute=attribute)


def _audience(turn: ParsedQuery) -> str | None:
    """Whom the turn names; "he", "her" only speak of whoever was named before."""
    said = normalise(turn.text)
    return None if _PRONOUN.search(said) and not _PERSON.search(said) else turn.audience


def _with_slots(
    query: ParsedQuery, turn: ParsedQuery, cues: frozenset[Cue], kind_of: KindOf, tree: CategoryTree | None
) -> ParsedQuery:
    adds = "add" in cues and "replace" not in cues
    widens = "replace" in cues or "widen" in cues
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
        category=_categories(query.category, turn.category, adds, None if widens else tree),
        brand=_next(query.brand, turn.brand, adds),
        attribute=union(kept, turn.attribute),
        exclude=exclude,
    )


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
    turn = without_price_taken_back(with_bare_amounts(turn, state.query), cues)
    talks = turn.intent == "chitchat" and (cues & _TURNS or dropped_words(turn.text))
    offers = turn.intent == "compare" and state.query.category and _EITHER.fullmatch(normalise(turn.text))
    return replace(turn, intent="find_items") if talks or offers else turn


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


def _categories(
    before: tuple[Slot, ...], now: tuple[Slot, ...], adds: bool, tree: CategoryTree | None
) -> tuple[Slot, ...]:
    """The categories after a turn: "shoes" after "running shoes" still means those."""
    if not now or tree is None:
        return _next(before, now, adds)
    meant = {slot.node_id: [old for old in before if slot.node_id in tree.above(old.node_id)] for slot in now}
    found = _next(before, tuple(old for slot in now for old in meant[slot.node_id] or [slot]), adds)
    above = {node_id for slot in found for node_id in tree.above(slot.node_id)}
    return tuple(slot for slot in found if slot.node_id not in above)
