"""What the grammar and the tagger found, as one: agreement is surer, and each decides what it knows best.

The grammar decides prices, orders, audiences and what is ruled out; the tagger decides the intent where it is
sure, and finds names that no list holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nlu.grammar.marks import Mark
from nlu.grammar.reader import Reading
from nlu.grammar.senses import everyday_words
from nlu.levels import Tag, Tags
from nlu.linking.linker import Linker
from nlu.names import fold, is_han, key_of
from shopgraph.types import Intent, Missing, Slot, SlotSource

_LABELS = {"category": "Category", "brand": "Brand", "attribute": "Attribute"}
_SURE_INTENT, _SURE_SPAN, _CERTAIN = 0.8, 0.6, 0.97
_SHORTEST = 3


@dataclass(frozen=True)
class Placed:
    """A slot and where in the tidy text it stands."""

    slot: Slot
    start: int
    end: int
    excluded: bool = False


@dataclass(frozen=True)
class Found:
    """Everything found in one query; `disagrees` where grammar and tagger see different things."""

    intent: Intent
    placed: tuple[Placed, ...]
    missing: tuple[Missing, ...] = ()
    used: tuple[tuple[int, int], ...] = ()
    sources: Mapping[str, SlotSource] = field(default_factory=dict)
    disagrees: bool = False

    def wanted(self, label: str) -> tuple[Slot, ...]:
        """The slots of a label that are not ruled out anywhere, each node or name once."""
        out = {_identity(slot) for slot in self.ruled_out(label)}
        said = (each.slot for each in self.placed if each.slot.label == label and not each.excluded)
        return _once(slot for slot in said if _identity(slot) not in out)

    def ruled_out(self, label: str) -> tuple[Slot, ...]:
        """The slots of a label that are ruled out."""
        return _once(placed.slot for placed in self.placed if placed.slot.label == label and placed.excluded)


def from_reading(reading: Reading, linker: Linker) -> Found:
    """What the grammar alone found, linked."""
    context = _context(reading)
    placed = [
        Placed(slot, mark.start, mark.end, mark.excluded)
        for mark in reading.slots
        if not _is_absent_brand(mark)
        for slot in linker.slots(mark, reading.text, context)
    ]
    for quantity in (*reading.quantities, *reading.claims):
        placed.append(Placed(linker.quantity(quantity, reading.text), quantity.start, quantity.end))
    absent = [mark for mark in reading.slots if mark.sense.kind == "absent" and not mark.excluded]
    missing = tuple(
        linker.missing(reading.text[mark.start : mark.end], "Brand" if _is_absent_brand(mark) else "Category")
        for mark in absent
    )
    brands = {(mark.start, mark.end) for mark in absent if _is_absent_brand(mark)}
    return Found(
        reading.intent,
        tuple(sorted(placed, key=lambda each: each.start)),
        missing,
        tuple(span for span in reading.used if span not in brands),
        {"intent": "grammar"},
    )


def with_tags(found: Found, reading: Reading, tags: Tags, linker: Linker) -> Found:
    """What the grammar found, with what the tagger says of it and adds to it.

    It adds little: a name only where a node is nearly called so, and a property without a name only where its
    words are no plain English and the tagger is nearly certain.
    """
    intent, source = found.intent, found.sources["intent"]
    if tags.intent != intent and tags.intent_probs[tags.intent] >= _SURE_INTENT:
        intent, source = tags.intent, "encoder"
    placed, missing, used = list(found.placed), list(found.missing), list(found.used)
    for span in tags.spans:
        label = _LABELS.get(span.label)
        if label is None:
            continue
        beside = [n for n, each in enumerate(placed) if each.start < span.end and span.start < each.end]
        for n in beside:
            if placed[n].slot.label == label:
                placed[n] = _surer(placed[n], span)
        text = reading.text[span.start : span.end]
        if beside or span.confidence < _SURE_SPAN or _inside(span, used) or _is_plain(text):
            continue
        if (slot := _link(text, label, span, linker)) is not None:
            placed.append(Placed(slot, span.start, span.end, span.excluded))
            used.append((span.start, span.end))
        elif label != "Attribute":
            missing.append(linker.missing(text, label, tags.vector))
    return Found(
        intent,
        tuple(sorted(placed, key=lambda each: each.start)),
        tuple(missing),
        tuple(sorted(used)),
        {**found.sources, "intent": source},
        disagrees=tags.intent != found.intent or len(placed) != len(found.placed),
    )


def _is_plain(text: str) -> bool:
    """Whether a span has only plain English words, which name nothing ("with", "longer")."""
    return not is_han(text) and everyday_words().issuperset(fold(text).split())


def _is_absent_brand(mark: Mark) -> bool:
    return mark.sense.layer == "Brand" and not mark.sense.nodes


def _link(text: str, label: str, span: Tag, linker: Linker) -> Slot | None:
    """The node that the span means; an attribute without a node is its own English words."""
    if (node := linker.near(text, label)) is not None:
        return node
    if label != "Attribute" or is_han(text) or span.confidence < (_SURE_SPAN if span.excluded else _CERTAIN):
        return None
    words = key_of(text)
    plain = everyday_words() & {*words}
    return (
        None
        if plain or len(text) < _SHORTEST
        else Slot(text, label, "", " ".join(words), span.confidence, "encoder")
    )


def _surer(placed: Placed, span: Tag) -> Placed:
    """Two independent witnesses: the chance that both are wrong is the product."""
    both = 1 - (1 - placed.slot.confidence) * (1 - span.confidence)
    return replace(placed, slot=replace(placed.slot, confidence=both))


def _inside(span: Tag, used: Sequence[tuple[int, int]]) -> bool:
    return any(start < span.end and span.start < end for start, end in used)


def _context(reading: Reading) -> set[str]:
    """Keys of what may tell nodes of one name apart: the audience, and the categories said."""
    said = {reading.audience} if reading.audience else set()
    return said | {" ".join(key_of(mark.name)) for mark in reading.slots if _wanted_category(mark)}


def _wanted_category(mark: Mark) -> bool:
    return mark.sense.layer == "Category" and not mark.excluded


def _once(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    kept: dict[tuple[str, str], Slot] = {}
    for slot in slots:
        kept.setdefault(_identity(slot), slot)
    return tuple(kept.values())


def _identity(slot: Slot) -> tuple[str, str]:
    return slot.node_id, "" if slot.node_id else slot.name
