"""What a parsed query asks of an item, and which of it is let go when too few items have it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ranking.catalogue import ATTRIBUTE, Catalogue
from ranking.words import SearchedTexts
from shopgraph.types import BoolVector, Filters, ParsedQuery, Slot

AUDIENCE, PRICE = "audience", "price"
WEAKEST_FIRST = ("attribute", AUDIENCE, PRICE, "brand", "category")
"""Of conditions that are sure, the order in which they are let go; what is ruled out is never let in."""

SURE = 0.6
"""Conditions less sure than this go before all others, the least sure first."""

_MOST_TOGETHER = 5
"""Of so many conditions all sets are tried: 31 masks of the catalogue."""

_SAID_BY_TEXTS = frozenset({"attribute", "brand", "category"})
_NOTHING_ASKED = frozenset({"service", "chitchat"})


@dataclass(frozen=True, eq=False)
class Condition:
    """One thing asked for: the words, the nodes that they mean, and the filters that say the same."""

    field: str
    slots: tuple[Slot, ...]
    filters: Filters
    confidence: float = 1.0

    @property
    def text(self) -> str:
        """The words, each span once."""
        return ", ".join(dict.fromkeys(slot.text for slot in self.slots if slot.text))

    @property
    def is_sure(self) -> bool:
        """Whether the words mean that, as far as one can tell."""
        return self.confidence >= SURE

    def by_word(self) -> tuple["Condition", ...]:
        """The condition parted: one for each of its words, in the order said."""
        words = dict.fromkeys(slot.text for slot in self.slots)
        if len(words) < 2:
            return (self,)
        parts = (tuple(slot for slot in self.slots if slot.text == word) for word in words)
        return tuple(_condition(self.field, slots) for slots in parts)


@dataclass(frozen=True, eq=False)
class Tiers:
    """Who may be shown, the best fit first: each mask holds the one before; `relaxed` is in order."""

    masks: tuple[BoolVector, ...]
    relaxed: tuple[Condition, ...]


def conditions_of(parsed: ParsedQuery, catalogue: Catalogue) -> tuple[Condition, ...]:
    """The linked slots, the price and the audience as conditions.

    Brands, and categories, mean any of them; so do attributes of one key or of one word. A brand that is
    the model for something similar is no condition, nor is an attribute that is asked about.
    """
    if parsed.intent in _NOTHING_ASKED:
        return ()
    found = []
    if category := _linked(parsed.category):
        found.append(_condition("category", category))
    if parsed.intent != "find_similar" and (brand := _linked(parsed.brand)):
        found.append(_condition("brand", brand))
    if parsed.intent != "ask_about_item":
        found += [_condition("attribute", slots) for slots in _groups(_linked(parsed.attribute))]
        found += _audience(parsed, catalogue)
    if parsed.price_min is not None or parsed.price_max is not None:
        price = Filters(price_min=parsed.price_min, price_max=parsed.price_max)
        found.append(Condition(PRICE, (), price))
    return tuple(found)


def excluding(parsed: ParsedQuery) -> Filters:
    """What the words rule out, as far as it names nodes."""
    out = parsed.exclude
    return Filters(
        exclude_category_ids=_ids(_linked(out.category)),
        exclude_brand_ids=_ids(_linked(out.brand)),
        exclude_attribute_ids=_ids(_linked(out.attribute)),
    )


def said_by_texts(conditions: Sequence[Condition], texts: SearchedTexts) -> dict[Condition, BoolVector]:
    """Who is of the category, the brand or the attribute as its own text says, whatever the graph says.

    Such a text has the whole search well enough and of each condition the words said or a name that they
    mean: "red" alone makes nothing a red skillet. What a word means for sure only is asked for that much.
    """
    return {
        condition: texts.having(_wordings(condition)) if condition.is_sure else texts.whole
        for condition in conditions
        if condition.field in _SAID_BY_TEXTS
    }


def tiers_of(
    conditions: Sequence[Condition],
    catalogue: Catalogue,
    eligible: BoolVector,
    n: int,
    in_texts: Mapping[Condition, BoolVector] | None = None,
) -> Tiers:
    """Who of the eligible meets all, then who meets what is left as the weakest are let go, until n do.

    A condition is met by the graph or by the item's own text (`in_texts`). In each step those go without
    which there are more: the weakest one that helps, but rather several weak ones together than a stronger
    one; if nothing helps, the weakest.
    """
    left = sorted(conditions, key=_strength)
    masks = {condition: catalogue.mask_of_any(condition.filters) for condition in left}
    for condition, said in (in_texts or {}).items():
        masks[condition] |= said

    def meeting(kept: Sequence[Condition]) -> BoolVector:
        return reduce(np.logical_and, (masks[condition] for condition in kept), eligible)

    tiers, relaxed = [meeting(left)], []
    while left and (size := np.count_nonzero(tiers[-1])) < n:
        for gone in _by_strength(left):
            wider = meeting([one for one in left if one not in gone])
            if np.count_nonzero(wider) > size:
                tiers.append(wider)
                break
        else:
            gone = left[:1]
        relaxed += gone
        left = [one for one in left if one not in gone]
    return Tiers(tuple(tiers), tuple(relaxed))


def _by_strength(ordered: Sequence[Condition]) -> Iterator[list[Condition]]:
    """Sets of the weakest conditions: each before any that holds a stronger one, as binary numbers count."""
    few = ordered[:_MOST_TOGETHER]
    for code in range(1, 2 ** len(few)):
        yield [one for place, one in enumerate(few) if code >> place & 1]


def _strength(condition: Condition) -> tuple[bool, float, int]:
    unsure_by = 0.0 if condition.is_sure else condition.confidence
    return condition.is_sure, unsure_by, WEAKEST_FIRST.index(condition.field)


def _condition(field: str, slots: tuple[Slot, ...]) -> Condition:
    """Readings of one word share its confidence, so theirs is added up; of several words the best counts."""
    by_word: dict[str, float] = {}
    for slot in slots:
        by_word[slot.text] = by_word.get(slot.text, 0.0) + slot.confidence
    return Condition(field, slots, _filters(field, _ids(slots)), max(by_word.values()))


def _filters(field: str, ids: frozenset[str]) -> Filters:
    if field == "category":
        return Filters(category_ids=ids)
    return Filters(brand_ids=ids) if field == "brand" else Filters(attribute_ids=ids)


def _wordings(condition: Condition) -> list[str]:
    """The words that were said and the names of what they mean, each once."""
    said = (words for slot in condition.slots for words in (slot.text, slot.name))
    return list(dict.fromkeys(words.casefold() for words in said if words))


def _audience(parsed: ParsedQuery, catalogue: Catalogue) -> list[Condition]:
    """The audience as the shop's attribute of that name, unless a slot has it already."""
    if parsed.audience is None:
        return []
    index = catalogue.nodes[ATTRIBUTE].index if ATTRIBUTE in catalogue.nodes else {}
    node_id = f"{AUDIENCE}:{parsed.audience}"
    if node_id not in index or any(slot.node_id == node_id for slot in parsed.attribute):
        return []
    slot = Slot("", ATTRIBUTE, node_id, parsed.audience, 1.0)  # which words said it is not known
    return [_condition(AUDIENCE, (slot,))]


def _groups(slots: Sequence[Slot]) -> list[tuple[Slot, ...]]:
    """Slots that are alternatives: of one key ("colour:") or read into one word."""
    groups: list[list[Slot]] = []
    for slot in slots:
        key = slot.node_id.partition(":")[0]
        own = next(
            (
                group
                for group in groups
                if any(other.text == slot.text or other.node_id.partition(":")[0] == key for other in group)
            ),
            None,
        )
        if own is None:
            groups.append([slot])
        else:
            own.append(slot)
    return [tuple(group) for group in groups]


def _linked(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    return tuple(slot for slot in slots if slot.node_id)


def _ids(slots: Sequence[Slot]) -> frozenset[str]:
    return frozenset(slot.node_id for slot in slots)
