"""What an item's score and rank would be without some of the facts: whatever follows from them is renewed.

Without something that the shopper did, the answer is the one to a shopper who never did it: what was bought
may be listed again. Without a relation or an edge, item vectors, means and features are computed from what
is left (ranking/without.py); models that learned from shoppers stay as trained, and the answer names them.
Without a word, the rest of the query is read anew. No equality with shares is claimed, as it is for frozen
removal.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from ranking.ask import Ask, Explanation
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.without import GraphFacts, has_edge, hybrid_without, kept_as_trained, without_events
from shopgraph.errors import BadRecord, NotFound
from shopgraph.types import (
    PARTS,
    BoolVector,
    FloatVector,
    GraphEdge,
    Histories,
    NodeRef,
    ParsedQuery,
)

MOST_REMOVED = 50
"""Facts that one counterfactual may be without."""

Understand = Callable[[str], tuple[ParsedQuery, FloatVector | None]]
"""Reads words: the parsed query, and its unit vector where there is an encoder."""


@dataclass(frozen=True)
class WithoutPast:
    """What the shopper did with an item: all of it, or the events of one name."""

    item_id: str
    event: str | None = None


@dataclass(frozen=True)
class WithoutRelation:
    """Every edge of one name."""

    relation: str


@dataclass(frozen=True)
class WithoutEdge:
    """One edge, as it points; nodes are (label, id)."""

    src: tuple[str, str]
    relation: str
    dst: tuple[str, str]


@dataclass(frozen=True)
class WithoutWord:
    """A word of the query, wherever it stands."""

    word: str


Without = WithoutPast | WithoutRelation | WithoutEdge | WithoutWord


@dataclass(frozen=True)
class Standing:
    """Where an item stands: its rank among `n_ranked` items, and the weighted parts of its score."""

    score: float
    rank: int
    n_ranked: int
    score_parts: Mapping[str, float]
    fallback_reason: str | None

    @classmethod
    def of(cls, found: Explanation) -> "Standing":
        """What an explanation says of it."""
        item = found.item
        return cls(item.score, item.rank, found.n_ranked, item.score_parts, found.fallback_reason)


@dataclass(frozen=True)
class Counterfactual:
    """An item with all facts and without some.

    `kept_as_trained` names the models that graph facts were not taken out of; `query` is what was searched
    for in the end, None without words.
    """

    item_id: str
    title: str
    model_version: str
    without: tuple[Without, ...]
    before: Standing
    after: Standing
    kept_as_trained: tuple[str, ...] = ()
    query: str | None = None

    @property
    def change_by_part(self) -> dict[str, float]:
        """How far each part rose or fell; they sum to the change of the score."""
        return {part: self.after.score_parts[part] - self.before.score_parts[part] for part in PARTS}


def counterfactual(
    engine: Engine, ask: Ask, item_id: str, without: Sequence[Without], understand: Understand
) -> Counterfactual:
    """The item of an ask's list as it is, and as it would be without these facts.

    Args:
        engine: what answers.
        ask: whose list, and the words searched for.
        item_id: which item.
        without: what is taken out, all at once.
        understand: reads what is left of the words.

    Raises:
        NotFound: the shop has no such item, node, relation or edge.
        BadRecord: the shopper did nothing with the item, the query has no such word, or nothing (or too
            much) is to be taken out.
    """
    if not 1 <= len(without) <= MOST_REMOVED:
        raise BadRecord("without", f"name 1 to {MOST_REMOVED} facts, got {len(without)}")
    before = engine.explain(ask, item_id, reasons=0)
    graph = graph_facts(engine.catalogue, without)
    changed = ask_without(engine, ask, without, understand)
    other = engine
    if graph:
        other = engine.given(hybrid_without(engine.hybrid, graph, engine.catalogue.relations))
    after = other.explain(changed, item_id, reasons=0)
    return Counterfactual(
        item_id,
        before.item.title,
        engine.model_version,
        tuple(without),
        Standing.of(before),
        Standing.of(after),
        kept_as_trained(engine.hybrid) if graph else (),
        None if changed.parsed is None else changed.parsed.text,
    )


def graph_facts(catalogue: Catalogue, without: Sequence[Without]) -> GraphFacts:
    """The relations and edges among what is taken out.

    Raises:
        NotFound: the shop has none of that relation, or no such node or edge.
    """
    relations, edges = set(), set()
    for gone in without:
        match gone:
            case WithoutRelation(relation):
                if not any(
                    each.relation == relation and len(found) for each, found in catalogue.relations.items()
                ):
                    raise NotFound(f"relation {relation!r} is not in the graph that the model was trained on")
                relations.add(relation)
            case WithoutEdge(src, relation, dst):
                edge = GraphEdge(_node(catalogue, *src), relation, _node(catalogue, *dst))
                if not has_edge(catalogue.relations, edge):
                    raise NotFound(
                        f"there is no edge {src[1]!r} -{relation}-> {dst[1]!r}; mind its direction"
                    )
                edges.add(edge)
            case WithoutPast() | WithoutWord():
                pass
            case _:
                assert_never(gone)
    return GraphFacts(frozenset(relations), frozenset(edges))


def ask_without(engine: Engine, ask: Ask, without: Sequence[Without], understand: Understand) -> Ask:
    """The ask of a shopper who never did, or said, what is taken out.

    Raises:
        BadRecord: there is no such event or word.
    """
    past = [gone for gone in without if isinstance(gone, WithoutPast)]
    words = [gone.word for gone in without if isinstance(gone, WithoutWord)]
    if past:
        history = history_of(engine, ask)
        ask = replace(ask, past=without_events(history, _events(engine, history, past)))
    if words:
        ask = _without_words(ask, words, understand)
    return ask


def history_of(engine: Engine, ask: Ask) -> Histories:
    """The past that an ask is scored by, a batch of one; empty for a shopper nobody knows."""
    own = ask.past
    if own is None and ask.user_id is not None:
        own = engine.profiles.history(ask.user_id, ask.now)
    return engine.profiles.nobody(ask.now) if own is None else own


def _events(engine: Engine, history: Histories, past: Sequence[WithoutPast]) -> BoolVector:
    """Which events of the history these are."""
    names = [event.name for event in engine.profiles.event_types]
    gone = np.zeros(len(history.item_idx), np.bool_)
    for each in past:
        met = history.item_idx == engine.catalogue.item_idx(each.item_id)
        if each.event is not None:
            met &= np.array([names[code] == each.event for code in history.type_code], np.bool_)
        if not met.any():
            what = "nothing" if each.event is None else f"no {each.event!r}"
            raise BadRecord("without", f"the shopper's past holds {what} with item {each.item_id!r}")
        gone |= met
    return gone


def _without_words(ask: Ask, words: Sequence[str], understand: Understand) -> Ask:
    text = "" if ask.parsed is None else ask.parsed.text
    for word in words:
        text = _text_without(text, word)
    if not text:
        return replace(ask, parsed=None, query_vector=None)
    parsed, vector = understand(text)
    return replace(ask, parsed=parsed, query_vector=vector)


def _text_without(text: str, word: str) -> str:
    """The text without a word; in scripts without spaces, without these characters."""
    left, n_found = re.subn(rf"(?<!\w){re.escape(word)}(?!\w)", " ", text, flags=re.IGNORECASE)
    if not n_found and not word.isascii():
        left, n_found = text.replace(word, " "), text.count(word)
    if not word.strip() or not n_found:
        raise BadRecord("without", f"the query has no word {word!r}")
    return " ".join(left.split())


def _node(catalogue: Catalogue, label: str, node_id: str) -> NodeRef:
    table = catalogue.nodes.get(label)
    if table is None or node_id not in table.index:
        raise NotFound(f"{label} {node_id!r} is not in the graph that the model was trained on")
    return NodeRef(label, table.index[node_id])
