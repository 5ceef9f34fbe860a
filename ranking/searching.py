"""What a search's words change about an answer: who may be shown, who comes first, in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ranking.catalogue import Catalogue
from ranking.conditions import Condition, Tiers, conditions_of, excluding, said_by_texts, tiers_of
from ranking.ordering import Sorting, sorting_of
from ranking.phrases import Language
from ranking.query_phrases import Meaning, meaning_sentence, price_words, relaxed_sentence, unheard_sentence
from ranking.words import SearchedTexts
from shopgraph.types import (
    ITEM,
    BoolVector,
    Excluded,
    Filters,
    FloatVector,
    IntVector,
    NamedNode,
    NodeRef,
    ParsedQuery,
    Reason,
    Relaxed,
    Slot,
)

QUERY_PART = "query"
"""The part of a reason that says what the words mean; its share is 0, as filters are no summand."""

NOBODY = np.zeros(0, np.int32)
"""No item."""

_FEW = 4


@dataclass(frozen=True, eq=False)
class Search:
    """The words of one answer, applied.

    Attributes:
        tiers: who may be shown; without words one mask.
        conditions: what the words ask for.
        named: items that are called by their titles and come first.
        sorting: the order asked for, None: by score.
        rules_out: whether they keep something out for good.
        in_texts: of conditions, who meets them as the item's own text says.
        unheard: whether they mean nothing here and no text has any of them.
    """

    tiers: Tiers
    conditions: tuple[Condition, ...] = ()
    named: IntVector = field(default_factory=lambda: NOBODY)
    sorting: Sorting | None = None
    rules_out: bool = False
    in_texts: Mapping[Condition, BoolVector] = field(default_factory=dict)
    unheard: bool = False

    @property
    def n_eligible(self) -> int:
        """How many items the list can have over all pages."""
        return int(np.count_nonzero(self.tiers.masks[-1]))

    @property
    def filters(self) -> bool:
        """Whether the words keep any item out."""
        return self.rules_out or len(self.conditions) > len(self.tiers.relaxed)


def search_of(
    parsed: ParsedQuery,
    catalogue: Catalogue,
    eligible: BoolVector,
    n: int,
    popularity: FloatVector,
    named: IntVector,
    texts: SearchedTexts | None,
) -> Search:
    """The words applied to the items that may be shown.

    Args:
        parsed: the words.
        catalogue: of the shop.
        eligible: who may be shown but for what the words ask for; what they rule out is out already.
        n: so many are wanted.
        popularity: of each item, for the order of that name.
        texts: whose texts have the words.
        named: items that the words name; of them the eligible ones come first, whatever else is asked for.
    """
    conditions = conditions_of(parsed, catalogue)
    in_texts = {} if texts is None else said_by_texts(conditions, texts)
    tiers = tiers_of(conditions, catalogue, eligible, n, in_texts)
    sorting = sorting_of(parsed, conditions, catalogue, popularity)
    masks = list(tiers.masks)
    if sorting is not None and in_texts:  # what only its text calls tea is not the cheapest tea
        masks.insert(0, tiers_of(conditions, catalogue, eligible, n).masks[0])
    first = named[eligible[named]]
    if len(first):
        masks = [mask.copy() for mask in masks]
        for mask in masks:
            mask[first] = True
    tiers = Tiers(tuple(masks), tiers.relaxed)
    understood = conditions or len(named) or parsed.missing
    unheard = texts is not None and not understood and not texts.heard and bool(searched_words(parsed))
    return Search(tiers, conditions, first, sorting, excluding(parsed) != Filters(), in_texts, unheard)


def named_items(parsed: ParsedQuery, catalogue: Catalogue) -> IntVector:
    """The items that the words call by their titles and want to see."""
    if parsed.intent == "find_similar":
        return NOBODY
    return catalogue.known_items(slot.node_id for slot in parsed.item)


def model_item(parsed: ParsedQuery, catalogue: Catalogue) -> str | None:
    """The id of the item that the words want something similar to."""
    if parsed.intent != "find_similar":
        return None
    return next((slot.node_id for slot in parsed.item if catalogue.knows(slot.node_id)), None)


def searched_words(parsed: ParsedQuery) -> str:
    """The words that describe what is wanted: not prices, orders or what is ruled out.

    A few words are rather a name than a sentence ("kiss me lipstick"), so all count from the first that says
    something on; of more words those count that do.
    """
    slots = (*parsed.category, *parsed.brand, *parsed.attribute, *parsed.item)
    said = [*(slot.text for slot in slots), *(missing.text for missing in parsed.missing), parsed.rest]
    text = parsed.text.casefold()
    is_all = all(slot.text.casefold() in text for slot in slots)  # in a dialogue turns before said the others
    if parsed.intent == "find_items" and is_all and _only_names(parsed) and len(text.split()) <= _FEW:
        places = [text.find(words.casefold()) for words in said if words]
        return parsed.text[max(min(places, default=0), 0) :].strip()
    return " ".join(dict.fromkeys(said)).strip()


def _only_names(parsed: ParsedQuery) -> bool:
    asked = (parsed.price_min, parsed.price_max, parsed.sort)
    return all(value is None for value in asked) and parsed.exclude == Excluded()


class WordReasons:
    """Says of items what the words mean and whether it is so."""

    def __init__(self, catalogue: Catalogue, parsed: ParsedQuery, search: Search, language: Language) -> None:
        self._catalogue, self._language = catalogue, language
        self._parsed, self._search = parsed, search
        self._masks = [
            (one, [(part, catalogue.mask_of_any(part.filters)) for part in one.by_word()])
            for one in search.conditions
        ]
        self._loose = [slot for slot in parsed.attribute if not slot.node_id and slot.name]

    def of(self, item_idx: int) -> Reason | None:
        """The reason of one item; None where the words mean nothing that it has."""
        said, missed, nodes = [], [], []
        for condition, parts in self._masks:
            if met := [part for part, mask in parts if mask[item_idx]]:
                said += [self._meaning(part) for part in met]
                nodes += [self._node(slot) for part in met for slot in part.slots]
            elif condition.is_sure and self._in_text(condition, item_idx):
                said.append(Meaning(condition.field, condition.text))
            else:
                missed.append(self._meaning(condition))
        text = self._catalogue.items.text[item_idx].casefold()
        said += [Meaning("attribute", slot.text) for slot in self._loose if slot.name.casefold() in text]
        if not said and not missed:
            return None
        return Reason(QUERY_PART, 0.0, tuple(nodes), meaning_sentence(said, missed, self._language))

    def relaxed(self) -> tuple[Relaxed, ...]:
        """What was let go, in order; words that nothing here answers to are all let go."""
        found = []
        for condition in self._search.tiers.relaxed:
            meaning = self._meaning(condition)
            sentence = relaxed_sentence(meaning, self._language)
            found.append(Relaxed(condition.field, meaning.text, meaning.names, sentence))
        if self._search.unheard:
            words = searched_words(self._parsed)
            found.append(Relaxed("rest", words, (), unheard_sentence(words, self._language)))
        return tuple(found)

    def _in_text(self, condition: Condition, item_idx: int) -> bool:
        mask = self._search.in_texts.get(condition)
        return mask is not None and bool(mask[item_idx])

    def _meaning(self, condition: Condition) -> Meaning:
        if condition.slots:
            names = dict.fromkeys(self._node(slot).name for slot in condition.slots)
            return Meaning(condition.field, condition.text, tuple(names))
        low, high = self._parsed.price_min, self._parsed.price_max
        return Meaning(condition.field, "", (price_words(low, high, self._language),))

    def _node(self, slot: Slot) -> NamedNode:
        table = self._catalogue.nodes.get(slot.label)
        if slot.label == ITEM or table is None or slot.node_id not in table.index:
            return NamedNode(slot.label, slot.node_id, slot.name)
        return self._catalogue.named(NodeRef(slot.label, table.index[slot.node_id]), self._language)
