"""L0: a text → what its words say by rule and by name, in well under a millisecond."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nlu.grammar.ages import audience_by_age
from nlu.grammar.amounts import Price, find_price
from nlu.grammar.compounds import with_compounds
from nlu.grammar.data import table
from nlu.grammar.data import words as words_of
from nlu.grammar.gazetteer import Gazetteer, Hit
from nlu.grammar.intents import read_intent
from nlu.grammar.marks import SLOTS, Mark, choose_marks
from nlu.grammar.negation import with_exclusions, with_free_forms
from nlu.grammar.quantities import Quantity, find_quantities
from nlu.grammar.refusals import refusal_hits
from nlu.grammar.senses import all_senses
from nlu.grammar.settle import settled
from nlu.grammar.states import find_states
from nlu.grammar.typos import SHORTEST, SpellingIndex
from nlu.grammar.unnamed import with_unnamed
from nlu.names import Token, fold, is_han, singular, tokens
from nlu.shop import ShopNames
from shopgraph.types import Intent, Sort

_AUDIENCE_RANK = {audience: int(rank) for audience, rank, _ in table("audience")}
_SORTS: dict[str, Sort] = {
    "price_asc": "price_asc",
    "price_desc": "price_desc",
    "newest": "newest",
    "rating": "rating",
    "popular": "popular",
}
_FREE = re.compile(
    r"\b((?:[a-z]{3,}-)?[a-z]{3,})[\s-]free\b|\bnon[\s-]([a-z]{3,})\b|\bnon(?=[a-z]{5})([a-z]+)\b"
)
_NOT_FREE = frozenset(
    {"for", "the", "are", "and", "risk", "toll", "get", "completely", "totally", "hands", "buy", "with"}
)
_MAX_TYPOS = 12


@dataclass(frozen=True)
class Reading:
    """What the grammar finds in a text; all places are in the tidy `text`.

    `slots` are wanted or ruled-out names, in order. `used` are the places that say something, slots or not.
    `claims` are attributes without a name in the lexicon ("bpa free"), with their places.
    """

    text: str
    folded: str
    intent: Intent
    slots: tuple[Mark, ...]
    price: Price
    quantities: tuple[Quantity, ...]
    claims: tuple[Quantity, ...]
    audience: str | None
    sort: Sort | None
    used: tuple[tuple[int, int], ...]


class Grammar:
    """All rules and names of one shop."""

    def __init__(self, shop: ShopNames) -> None:
        senses = all_senses(shop)
        self._senses = senses
        self._gazetteer = Gazetteer(senses)
        self._ancestors = shop.ancestors
        fillers = {
            word for name in ("fillers", "ordinary") for (line,) in table(name) for word in words_of(line)
        }
        known = {word for key in senses for word in key}
        self._known = frozenset({*shop.title_words, *known, *map(singular, fillers), *fillers})
        self._spellings = SpellingIndex(
            " ".join(key)
            for key, own in senses.items()
            if len(key) <= 3
            and any(s.layer in SLOTS and s.kind not in ("ask", "absent") and not s.doubtful for s in own)
            and not is_han("".join(key))
            and not "".join(key).isdigit()
        )

    def read(self, text: str) -> Reading:
        """The reading of a tidy text."""
        folded = fold(text)
        quantities = find_quantities(folded)
        price = find_price(_blanked(folded, quantities))
        states = list(find_states(folded))
        masked = _blanked(folded, [*quantities, *states, *(Quantity("", *span) for span in price.spans)])
        claims = list(_free_claims(masked))
        words = tokens(masked)
        hits = self._gazetteer.find(words)
        misspelt, refusals = self._misspelt(words, hits, claims), refusal_hits(masked, words)
        marks = choose_marks([*hits, *misspelt, *refusals], words, masked, text)
        marks = with_exclusions(with_free_forms(marks, masked), masked, price.spans)
        marks = with_unnamed(marks, words, masked, text)
        intent = read_intent(folded, marks, narrows=bool(price.spans))
        marks = with_compounds(settled(marks, masked, intent, self._ancestors), masked)
        slots = tuple(mark for mark in marks if mark.sense.layer in SLOTS)
        claims = [*states, *(claim for claim in claims if not _overlaps(claim, slots))]
        named = tuple(quantity for quantity in quantities if quantity.name)
        used = [*price.spans, *((q.start, q.end) for q in (*named, *claims))]
        used += [
            (mark.start, mark.end) for mark in marks if mark.sense.layer not in ("stop", "hard", "never")
        ]
        return Reading(
            text,
            folded,
            intent,
            slots,
            price,
            named,
            tuple(claims),
            _audience(marks, folded),
            next((_SORTS[mark.sense.value] for mark in marks if mark.sense.layer == "sort"), None),
            tuple(sorted(used)),
        )

    def _misspelt(
        self, words: Sequence[Token], hits: Sequence[Hit], claims: Sequence[Quantity]
    ) -> Iterator[Hit]:
        """Names that unknown words nearly are, alone or with the words beside them."""
        covered = {n for hit in hits for n in range(hit.first, hit.last)}
        unknown = [
            n
            for n, word in enumerate(words)
            if len(word.key) >= SHORTEST
            and word.key.isalpha()
            and not is_han(word.key)
            and not any(claim.start <= word.start < claim.end for claim in claims)
            and (word.key not in self._known and singular(word.key) not in self._known)
        ]
        for number in unknown[:_MAX_TYPOS]:
            for first, last in ((number, number + 1), (number - 1, number + 1), (number, number + 2)):
                if first < 0 or last > len(words) or (last - first == 1 and number in covered):
                    continue
                typed = " ".join(singular(word.key) for word in words[first:last])
                if nearest := self._spellings.nearest(typed):
                    name, similarity = nearest
                    senses = tuple(
                        s for s in self._senses[tuple(name.split(" "))] if s.layer in SLOTS and not s.doubtful
                    )
                    yield Hit(first, last, senses, similarity)


def _blanked(folded: str, quantities: Sequence[Quantity]) -> str:
    """The text with the quantities' places blank; nothing moves."""
    for quantity in quantities:
        folded = folded[: quantity.start] + "\x1f" * (quantity.end - quantity.start) + folded[quantity.end :]
    return folded


def _overlaps(claim: Quantity, marks: Sequence[Mark]) -> bool:
    return any(claim.start < mark.end and mark.start < claim.end for mark in marks)


def _free_claims(folded: str) -> Iterator[Quantity]:
    for match in _FREE.finditer(folded):
        word = match[1] or match[2] or match[3]
        if word not in _NOT_FREE:
            name = f"{singular(word.replace('-', ' '))} free" if match[1] else f"non {word}"
            yield Quantity(name, match.start(), match.end())


def _audience(marks: Sequence[Mark], folded: str) -> str | None:
    """The audience said, an age first; a teenage daughter is a teen."""
    said = {mark.sense.value for mark in marks if mark.sense.layer == "audience" and not mark.excluded}
    if (aged := audience_by_age(folded)) is not None:
        return aged
    if "teens" in said:
        said.discard("kids")
    return min(said, key=_AUDIENCE_RANK.__getitem__, default=None)
