"""A shopper's words → a typed query over this shop's graph."""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

from nlu.grammar.reader import Grammar, Reading
from nlu.levels import QueryRefiner, QueryTagger, Tags
from nlu.linking.linker import Linker, NameVectors
from nlu.linking.titles import Titles
from nlu.merging import Found, from_reading, with_tags
from nlu.names import tidy, tokens
from nlu.normalise import guess_language
from nlu.rest import rest_of
from nlu.shop import ShopNames
from shopgraph.types import ITEM, Excluded, FloatVector, ParsedQuery, Slot, SlotSource

MAX_CHARACTERS = 10_000
"""What is longer is cut: no shopper types it, and time grows with length."""

_FIELDS = {"category": "Category", "brand": "Brand", "attribute": "Attribute"}
_NO_SLOTS = frozenset({"service", "chitchat"})


class QueryParser:
    """Reads queries for one shop; without tagger and refiner the grammar and the linker answer alone."""

    def __init__(
        self,
        shop: ShopNames,
        tagger: QueryTagger | None = None,
        refiner: QueryRefiner | None = None,
        vectors: NameVectors | None = None,
    ) -> None:
        self.shop = shop
        self._grammar = Grammar(shop)
        self._linker = Linker(shop, vectors)
        self._titles = Titles(node for node in shop.nodes if node.label == ITEM)
        self.tagger = tagger
        self._refiner: QueryRefiner | None = None
        self.parse("warm up 热身")  # opens the word lists that are opened on first use; no model is asked
        self._refiner = refiner

    def parse(self, text: str) -> ParsedQuery:
        """The query as graph entities; any text gets an answer, at worst one that is all `rest`."""
        return self.parse_batch([text])[0]

    def understand(self, text: str) -> tuple[ParsedQuery, FloatVector | None]:
        """As `parse`, with the unit vector of the words where the tagger's pass gave one anyway."""
        return self._understood([text])[0]

    def parse_batch(self, texts: Sequence[str]) -> list[ParsedQuery]:
        """As `parse`, with one encoder pass for all; `took_ms` is each one's share of the time."""
        return [parsed for parsed, _ in self._understood(texts)]

    def _understood(self, texts: Sequence[str]) -> list[tuple[ParsedQuery, FloatVector | None]]:
        started = perf_counter()
        whole = [tidy(text[:MAX_CHARACTERS]) for text in texts]
        tagged: Sequence[Tags | None] = [None] * len(whole)
        if self.tagger is not None:
            tagged = self.tagger.tag(whole)
        shared = (perf_counter() - started) * 1000 / max(len(texts), 1)
        return [
            (self._parsed(text, tidied, tags, shared), None if tags is None else tags.vector)
            for text, tidied, tags in zip(texts, whole, tagged, strict=True)
        ]

    def _parsed(self, text: str, whole: str, tags: Tags | None, shared_ms: float) -> ParsedQuery:
        started = perf_counter()
        reading = self._grammar.read(whole)
        found = from_reading(reading, self._linker)
        if tags is not None:
            found = with_tags(found, reading, tags, self._linker)
        draft = self._draft(text, reading, found)
        if (refiner := self._refiner) is not None:
            unsure = [slot for slot in _slots(draft) if slot.confidence < refiner.sure_confidence]
            if unsure or found.disagrees or _abstains(draft):
                draft = refiner.refine(whole, draft, self._candidates(draft, unsure)) or draft
        return replace(draft, took_ms=shared_ms + (perf_counter() - started) * 1000)

    def _draft(self, text: str, reading: Reading, found: Found) -> ParsedQuery:
        if found.intent in _NO_SLOTS:
            return ParsedQuery(
                text, guess_language(reading.text), found.intent, rest=reading.text, sources=found.sources
            )
        items = self._titles.find(tokens(reading.folded))
        used = [*found.used, *((start, end) for start, end, _ in items)]
        return ParsedQuery(
            text=text,
            language=guess_language(reading.text),
            intent=found.intent,
            category=found.wanted("Category"),
            brand=found.wanted("Brand"),
            attribute=found.wanted("Attribute"),
            item=tuple(
                Slot(reading.text[start:end], ITEM, node.node_id, node.names[0], 1.0)
                for start, end, node in items
            ),
            price_min=reading.price.low,
            price_max=reading.price.high,
            currency=reading.price.currency,
            audience=reading.audience,
            exclude=Excluded(
                found.ruled_out("Category"), found.ruled_out("Brand"), found.ruled_out("Attribute")
            ),
            sort=reading.sort,
            missing=found.missing,
            rest=rest_of(reading.text, sorted(used)),
            sources={**_sources(reading), **found.sources},
        )

    def _candidates(self, draft: ParsedQuery, unsure: Sequence[Slot]) -> dict[str, list[Slot]]:
        """What the words that are not understood might mean, by field."""
        found: dict[str, list[Slot]] = {}
        for field, label in _FIELDS.items():
            spans = [slot.text for slot in unsure if slot.label == label]
            spans += [missing.text for missing in draft.missing if missing.label == label]
            spans += [draft.rest] if draft.rest else []
            slots = [slot for span in spans for slot in self._linker.candidates(span, label)]
            found[field] = list({slot.node_id or slot.name: slot for slot in slots}.values())
        return found


def _abstains(draft: ParsedQuery) -> bool:
    """Whether something was left open: a name that the shop lacks, or nothing understood."""
    empty = (
        not _slots(draft)
        and draft.price_max is None
        and draft.price_min is None
        and draft.intent == "find_items"
    )
    return bool(draft.missing) or empty


def _slots(draft: ParsedQuery) -> list[Slot]:
    return [*draft.category, *draft.brand, *draft.attribute, *draft.item]


def _sources(reading: Reading) -> dict[str, SlotSource]:
    said = {
        "price_min": reading.price.low,
        "price_max": reading.price.high,
        "currency": reading.price.currency,
        "audience": reading.audience,
        "sort": reading.sort,
    }
    return {field: "grammar" for field, value in said.items() if value is not None}
