"""A shopper's words → the brands and categories they name, and the rest."""

from time import perf_counter

from nlu.names import BRAND, CATEGORY, Mention, NameSource, NameTable, tidy
from nlu.normalise import guess_language
from shopgraph.types import ParsedQuery, Slot

MAX_CHARACTERS = 10_000
"""What is longer is cut: no shopper types it, and time grows with length."""

_EDGES = " ,;:.!?&+-/|()，、。；：！？·的"


class QueryParser:
    """Finds exact names (as `nlu.names` compares them); everything else stays text."""

    def __init__(self, names: NameSource) -> None:
        self._names = NameTable(names)

    def parse(self, text: str) -> ParsedQuery:
        """The query as graph entities; any text gets an answer, at worst one that is all `rest`.

        A name that several nodes share gives one slot each, and the confidence is divided between them.
        """
        started = perf_counter()
        whole = tidy(text[:MAX_CHARACTERS])
        mentions = self._names.find_mentions(whole)
        return ParsedQuery(
            text=text,
            language=guess_language(whole),
            category=_slots(whole, mentions, CATEGORY),
            brand=_slots(whole, mentions, BRAND),
            rest=_without(whole, mentions),
            took_ms=(perf_counter() - started) * 1000,
        )


def _slots(text: str, mentions: list[Mention], label: str) -> tuple[Slot, ...]:
    slots: dict[str, Slot] = {}
    for mention in mentions:
        for node in mention.nodes:
            if node.label == label and node.node_id not in slots:
                span = text[mention.start : mention.end]
                slots[node.node_id] = Slot(span, label, node.node_id, node.names[0], 1 / len(mention.nodes))
    return tuple(slots.values())


def _without(text: str, mentions: list[Mention]) -> str:
    """What is left between the mentions, without the punctuation that held them together."""
    starts = [0, *(mention.end for mention in mentions)]
    ends = [*(mention.start for mention in mentions), len(text)]
    if not mentions:
        return text
    pieces = (text[start:end].strip(_EDGES) for start, end in zip(starts, ends, strict=True))
    return " ".join(piece for piece in pieces if piece)
