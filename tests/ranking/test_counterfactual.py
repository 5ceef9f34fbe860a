"""Counterfactuals: each equals the answer of a shop in which the facts were never so."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from gnn.item_item.model import ItemItemConfig, item_item_for
from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.linear.without import without_relations
from ranking.ask import Ask
from ranking.counterfactual import (
    Counterfactual,
    Without,
    WithoutEdge,
    WithoutPast,
    WithoutRelation,
    WithoutWord,
    counterfactual,
)
from ranking.decomposition import decompose
from ranking.engine import Engine
from ranking.models import EASE, LINEAR
from ranking.profiles import LiveEvent
from ranking.without import GraphFacts, hybrid_without
from shopgraph.errors import BadRecord, NotFound
from shopgraph.types import ITEM, USER, FloatVector, GraphEdge, Interactions, NodeRef, ParsedQuery
from tests.planted import NOW
from tests.ranking.engines import engine_of, shop, with_models
from tests.ranking.rules.made import ban_path, boost, fixed, rule

SNAPSHOT = shop()
ITEMS = SNAPSHOT.nodes[ITEM].ids
TEXT = SNAPSHOT.text_vectors
USER_ID = "u001"


@cache
def engine() -> Engine:
    linear = LinearKG(LinearKGConfig(dim=16, epochs=8, device="cpu"))
    item_item = item_item_for(SNAPSHOT.n_items, ItemItemConfig())
    for model in (linear, item_item):
        model.fit(SNAPSHOT, np.random.default_rng(0))
    return engine_of(with_models(SNAPSHOT, {LINEAR: linear, EASE: item_item}), SNAPSHOT)


def understand(words: str) -> tuple[ParsedQuery, FloatVector | None]:
    """Every word is taken as it is; its vector is that of the item whose number it names."""
    assert TEXT is not None
    numbers = [int(word) for word in words.split() if word.isdigit()]
    vector = np.sum([TEXT[n] for n in numbers], axis=0) if numbers else np.ones_like(TEXT[0])
    return ParsedQuery(words, "en", rest=words), (vector / np.linalg.norm(vector)).astype(np.float32)


def asked(user_id: str | None = USER_ID, words: str = "") -> Ask:
    if not words:
        return Ask(user_id=user_id, now=NOW)
    parsed, vector = understand(words)
    return Ask(user_id=user_id, now=NOW, parsed=parsed, query_vector=vector)


def told(item_id: str, *without: Without, ask: Ask | None = None) -> Counterfactual:
    return counterfactual(engine(), ask or asked(), item_id, without, understand)


def past_items(user_id: str = USER_ID) -> list[str]:
    history = engine().profiles.history(user_id, NOW)
    assert history is not None
    return [ITEMS[idx] for idx in dict.fromkeys(history.item_idx.tolist())]


def best(n: int = 0) -> str:
    return engine().answer(replace(asked(), n=n + 1, reasons=0)).items[n].item_id


def test_without_a_past_item_it_is_as_if_the_shopper_never_met_it() -> None:
    gone, item_id = past_items()[0], best()
    x = SNAPSHOT.interactions
    user_idx, item_idx = SNAPSHOT.nodes[USER].index[USER_ID], SNAPSHOT.nodes[ITEM].index[gone]
    kept = (x.user_idx != user_idx) | (x.item_idx != item_idx)
    rest = replace(SNAPSHOT, interactions=Interactions(*(column[kept] for column in vars(x).values())))
    expected = engine_of(engine().hybrid, rest).explain(asked(), item_id, reasons=0)
    found = told(item_id, WithoutPast(gone))
    assert (found.after.rank, found.after.n_ranked) == (expected.item.rank, expected.n_ranked)
    assert found.after.score == pytest.approx(expected.item.score, abs=1e-6)
    assert found.after.score != pytest.approx(found.before.score, abs=1e-3)
    assert found.before.rank == 1
    assert found.kept_as_trained == ()


def test_without_one_event_the_other_events_of_the_item_stay() -> None:
    own = engine_of(engine().hybrid, SNAPSHOT)
    own.profiles.add(
        "ida", [LiveEvent("e1", "i001", "view_item", NOW), LiveEvent("e2", "i001", "purchase", NOW)]
    )
    own.profiles.add("eva", [LiveEvent("e3", "i001", "view_item", NOW)])
    gone = [WithoutPast("i001", "purchase")]
    found = counterfactual(own, asked("ida"), "i005", gone, understand)
    viewed = own.explain(asked("eva"), "i005", reasons=0)
    assert found.after.score == pytest.approx(viewed.item.score, abs=1e-6)
    assert found.after.rank == viewed.item.rank


def test_without_any_past_it_is_the_popular_list() -> None:
    found = told(best(), *(WithoutPast(item_id) for item_id in past_items()))
    assert found.after.fallback_reason == "no_history"
    assert found.after.score_parts["graph"] == 0


def test_without_a_relation_vectors_and_features_are_renewed() -> None:
    item_id = best()
    found = told(item_id, WithoutRelation("MADE_BY"))
    linear = engine().hybrid.models[LINEAR]
    assert isinstance(linear, LinearKG)
    history = engine().profiles.history(USER_ID, NOW)
    assert history is not None
    score = without_relations(linear, {"MADE_BY"}).score(history)[0, SNAPSHOT.nodes[ITEM].index[item_id]]
    assert found.after.score_parts["graph"] == pytest.approx(score, abs=1e-5)
    assert found.change_by_part["features"] < 0  # the brand's affinity
    assert found.change_by_part["item_item"] == 0
    assert found.kept_as_trained == (EASE,)


def test_without_an_edge_the_item_loses_what_it_joined() -> None:
    item_id = best()
    edge = WithoutEdge((ITEM, item_id), "MADE_BY", ("Brand", "b001"))
    found = told(item_id, edge)
    assert found.change_by_part["graph"] < 0
    assert found.change_by_part["features"] < 0
    assert found.after.rank > found.before.rank == 1


def test_the_change_is_the_sum_of_its_parts() -> None:
    gone = (WithoutRelation("IN_CATEGORY"), WithoutPast(past_items()[1]))
    found = told(best(2), *gone)
    change = found.after.score - found.before.score
    assert sum(found.change_by_part.values()) == pytest.approx(change, abs=1e-6)
    assert sum(found.after.score_parts.values()) == pytest.approx(found.after.score, abs=1e-4)


def test_without_a_word_the_rest_of_the_query_is_read_anew() -> None:
    found = told("i007", WithoutWord("7"), ask=asked(None, "7 or 8"))
    expected = engine().explain(asked(None, "or 8"), "i007", reasons=0)
    assert found.query == "or 8"
    assert found.after.score == pytest.approx(expected.item.score, abs=1e-6)
    assert found.change_by_part["text"] < 0


def test_without_its_only_word_a_search_is_none() -> None:
    found = told("i007", WithoutWord("7"), ask=asked(USER_ID, "7"))
    assert found.query is None
    assert found.after.score == pytest.approx(told("i007", WithoutRelation("CHILD_OF")).before.score)


@pytest.mark.parametrize(
    ("text", "word", "left"), [("红色 口红", "红色", "口红"), ("红色口红", "红色", "口红")]
)
def test_words_of_scripts_without_spaces_are_found(text: str, word: str, left: str) -> None:
    assert told("i007", WithoutWord(word), ask=asked(None, text)).query == left


@pytest.mark.parametrize(
    ("without", "error", "said"),
    [
        ((), BadRecord, "1 to 50"),
        ((WithoutPast("i002"),), BadRecord, "i002"),
        ((WithoutPast("no such"),), NotFound, "no such"),
        ((WithoutPast(past_items()[0], "search"),), BadRecord, "search"),
        ((WithoutRelation("SIMILAR_TO"),), NotFound, "SIMILAR_TO"),
        ((WithoutEdge((ITEM, "i001"), "MADE_BY", ("Brand", "b002")),), NotFound, "direction"),
        ((WithoutEdge((ITEM, "i001"), "MADE_BY", ("Brand", "zzz")),), NotFound, "zzz"),
        ((WithoutEdge(("Shelf", "i001"), "MADE_BY", ("Brand", "b001")),), NotFound, "Shelf"),
        ((WithoutWord("red"),), BadRecord, "red"),
    ],
)
def test_what_is_not_there_can_not_be_taken_out(
    without: tuple[Without, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        told("i005", *without)


def test_part_of_a_word_is_no_word() -> None:
    with pytest.raises(BadRecord, match="lip"):
        told("i005", WithoutWord("lip"), ask=asked(None, "lipstick 5"))


@pytest.mark.parametrize(
    "effect",
    [
        boost(2.0, brand_ids=["b001"]),
        {"type": "ban_relation", "relation": "MADE_BY"},
        ban_path(("MADE_BY", True), ("MADE_BY", False)),
    ],
)
def test_rules_hold_without_a_fact_as_with_it(effect: dict[str, Any]) -> None:
    ruled, item_id = engine().ruled_by(fixed(rule("one", effect))), best()
    shown = decompose(ruled, asked(), item_id)
    assert shown.sum_error < 1e-4
    assert shown.standing.score != pytest.approx(
        told(item_id, WithoutRelation("CHILD_OF")).before.score, abs=1e-3
    )
    gone = WithoutEdge((ITEM, item_id), "IN_CATEGORY", ("Category", "c001"))
    found = counterfactual(ruled, asked(), item_id, [gone], understand)
    assert found.before.score == pytest.approx(shown.standing.score, abs=1e-6)
    assert found.change_by_part["graph"] < 0
    edge = GraphEdge(NodeRef(ITEM, ITEMS.index(item_id)), "IN_CATEGORY", NodeRef("Category", 1))
    facts = GraphFacts(edges=frozenset({edge}))
    other = ruled.given(hybrid_without(ruled.hybrid, facts, SNAPSHOT.relations))
    without = decompose(other, asked(), item_id)
    assert without.sum_error < 1e-4
    assert without.standing.score == pytest.approx(found.after.score, abs=1e-6)
