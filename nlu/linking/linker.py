"""L2: from a span to the nodes of this shop that it means, how sure that is, or that nothing is called so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from nlu.grammar.marks import Mark
from nlu.grammar.quantities import Quantity
from nlu.linking.confidence import misspelt_confidence
from nlu.names import BRAND, NodeNames, fold, key_of, tidy
from nlu.shop import ShopNames
from shopgraph.types import FloatVector, Missing, Slot, SlotSource, VectorIndex

N_NEAREST = 3
_EXACT, _UNNAMED, _DOUBTFUL = 0.98, 0.7, 0.4
_MIN_SCORE, _NEARLY = 60.0, 85.0
_LABELS = ("Category", "Brand", "Attribute")


@dataclass(frozen=True, eq=False)
class NameVectors:
    """The encoder's vectors of the nodes' names, to be searched; row k is `nodes[k]`."""

    index: VectorIndex
    nodes: tuple[NodeNames, ...]


class Linker:
    """Links by alias, by spelling and, where vectors are given, by meaning."""

    def __init__(self, shop: ShopNames, vectors: NameVectors | None = None) -> None:
        self._ancestors = shop.ancestors
        self._vectors = vectors
        self._names = {label: _named(shop.nodes, label) for label in _LABELS}
        self._node = {(node.label, node.node_id): node for node in shop.nodes if node.label in _LABELS}

    def slots(self, mark: Mark, text: str, context: Iterable[str]) -> tuple[Slot, ...]:
        """One slot for each node that the mark may mean; the confidence is divided between them.

        `context` are keys of what else the query says ("women"): of nodes called alike those that lie below
        such a category are meant.
        """
        span = text[mark.start : mark.end]
        sense = mark.sense
        source: SlotSource = "grammar" if mark.similarity == 1 else "linker"
        letters = len("".join(key_of(span)))
        n_items = max((node.n_items for node in sense.nodes), default=0)
        sure = _EXACT if source == "grammar" else misspelt_confidence(mark.similarity, letters, n_items)
        if sense.kind == "unnamed":
            sure = _DOUBTFUL if sense.doubtful else _UNNAMED
        nodes = self._meant(sense.nodes, set(context))
        if not nodes or (mark.value and mark.value != sense.value):
            return (Slot(span, sense.layer, "", mark.name, sure, source),)
        shown = mark.name if sense.layer == "Attribute" else ""
        return tuple(
            Slot(span, node.label, node.node_id, shown or node.names[0], sure / len(nodes), source)
            for node in nodes
        )

    def quantity(self, quantity: Quantity, text: str) -> Slot:
        """A size or strength as a slot; "size 42" is the shop's node "42", if there is one."""
        span = text[quantity.start : quantity.end]
        for name in (quantity.name, quantity.name.removeprefix("size ")):
            for node in self._names["Attribute"].get(name, ()):
                return Slot(span, "Attribute", node.node_id, node.names[0].lower(), _EXACT)
        return Slot(span, "Attribute", "", quantity.name, _EXACT)

    def missing(self, span: str, label: str, vector: FloatVector | None = None) -> Missing:
        """That the shop has nothing of that name, and what comes nearest."""
        return Missing(span, label, tuple(self.candidates(span, label, vector)))

    def near(self, span: str, label: str) -> Slot | None:
        """The likeliest node that is called nearly like the whole span; None where none is."""
        typed = fold(tidy(span))
        close = [
            slot
            for slot in self.candidates(span, label)
            if fuzz.ratio(typed, fold(tidy(slot.name))) >= _NEARLY
        ]
        return close[0] if close else None

    def candidates(self, span: str, label: str, vector: FloatVector | None = None) -> list[Slot]:
        """Nodes that a span may mean, likeliest first: near in letters or, given its vector, in meaning."""
        names = self._names.get(label, {})
        typed = fold(tidy(span))
        found = process.extract(
            typed, names.keys(), scorer=fuzz.WRatio, limit=4 * N_NEAREST, score_cutoff=_MIN_SCORE
        )
        scores: dict[str, float] = {}
        for name, score, _ in found:
            for node in names[name]:
                near = misspelt_confidence(score / 100, len(typed), node.n_items)
                scores[node.node_id] = max(near, scores.get(node.node_id, 0.0))
        for node_id, score in self._near_in_meaning(label, vector):
            scores[node_id] = max(score, scores.get(node_id, 0.0))
        best = sorted(scores.items(), key=lambda scored: -scored[1])[:N_NEAREST]
        return [
            Slot(span, label, node_id, self._node[label, node_id].names[0], score, "linker")
            for node_id, score in best
        ]

    def _near_in_meaning(self, label: str, vector: FloatVector | None) -> list[tuple[str, float]]:
        if self._vectors is None or vector is None:
            return []
        scores, rows = self._vectors.index.search(vector.reshape(1, -1), 4 * N_NEAREST)
        return [
            (self._vectors.nodes[row].node_id, float(score) / 2)
            for score, row in zip(scores[0].tolist(), rows[0].tolist(), strict=True)
            if row >= 0 and self._vectors.nodes[row].label == label
        ]

    def _meant(self, nodes: Sequence[NodeNames], context: set[str]) -> Sequence[NodeNames]:
        """Of nodes called alike those that the context points to, else all."""
        if len(nodes) < 2 or nodes[0].label == BRAND:
            return nodes
        near = [node for node in nodes if context & self._surroundings(node)]
        return near or nodes

    def _surroundings(self, node: NodeNames) -> set[str]:
        ancestors = self._ancestors.get(node.node_id, frozenset())
        named = (
            self._node[node.label, node_id] for node_id in ancestors if (node.label, node_id) in self._node
        )
        return {" ".join(key_of(above.names[0])) for above in named}


def _named(nodes: Iterable[NodeNames], label: str) -> Mapping[str, list[NodeNames]]:
    found: dict[str, list[NodeNames]] = {}
    for node in nodes:
        if node.label == label:
            for name in node.names:
                found.setdefault(fold(tidy(name)), []).append(node)
    return found
