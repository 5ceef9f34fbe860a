"""ranking/engine.py: one question, one answer, on a shop that can be checked by hand."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ranking.candidates import CandidateConfig
from ranking.catalogue import BRAND, CATEGORY
from ranking.engine import Ask, Engine
from ranking.profiles import LiveEvent
from ranking.serialise import explanation_to_json, to_json
from shopgraph.errors import BadRecord, NotFound
from shopgraph.types import (
    ITEM,
    PARTS,
    Excluded,
    Filters,
    FloatVector,
    NamedNode,
    ParsedQuery,
    Recommendation,
    Slot,
    Sort,
)
from tests.planted import NOW
from tests.ranking.engines import COLD_ITEM, QUIET_USER, engine_of, item_item_hybrid, shop

SNAPSHOT = shop()
HYBRID = item_item_hybrid(SNAPSHOT)
FEW = CandidateConfig(score_all_below=0, graph=5, item_item=5, text=5, popular=2, trending=2)
HOSTILE_IDS = ("/", "%2e%2e", "a\0b", "😀", "\u202eabc", "x" * 10_000, "'; DROP TABLE users; --", "\ud800")


@pytest.fixture(params=["all scored", "by candidates"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_of(HYBRID, SNAPSHOT, FEW if request.param == "by candidates" else None)


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


def taste(item_id: str) -> int:
    return int(item_id[1:]) % 4


def bought_by(user_idx: int) -> set[str]:
    x = SNAPSHOT.interactions
    own = (x.user_idx == user_idx) & (x.type_code == len(SNAPSHOT.event_types) - 1)
    return {SNAPSHOT.nodes[ITEM].ids[idx] for idx in x.item_idx[own]}


def text_vector(item_id: str) -> FloatVector:
    assert SNAPSHOT.text_vectors is not None
    vector: FloatVector = SNAPSHOT.text_vectors[SNAPSHOT.nodes[ITEM].index[item_id]]
    return vector


def test_list_is_full_ordered_and_numbered(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW, user_id="u000", n=7))
    assert len(set(ids(answer))) == 7
    assert [item.rank for item in answer.items] == list(range(1, 8))
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)
    assert (answer.shortfall_reason, answer.fallback_reason, answer.model_version) == (None, None, "v1")
    assert answer.now == NOW


def test_planted_taste_comes_first_and_bought_items_are_left_out(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW, user_id="u001", n=2))
    assert {taste(item_id) for item_id in ids(answer)} == {1}
    everything = engine.answer(Ask(now=NOW, user_id="u001", n=40, reasons=0))
    assert set(ids(everything)) == set(SNAPSHOT.nodes[ITEM].ids) - bought_by(1)


def test_bought_items_stay_when_asked_for(engine: Engine) -> None:
    ask = Ask(now=NOW, user_id="u001", n=40, filters=Filters(include_bought=True), reasons=0)
    assert len(engine.answer(ask).items) == 40


def test_parts_and_all_shares_sum_to_the_score(engine: Engine) -> None:
    ask = Ask(now=NOW, user_id="u002", n=5, reasons=1_000, query_vector=text_vector("i003"))
    for item in engine.answer(ask).items:
        assert tuple(item.score_parts) == PARTS
        assert item.score == pytest.approx(sum(item.score_parts.values()), abs=1e-9)
        for part, value in item.score_parts.items():
            shares = sum(reason.share for reason in item.reasons if reason.part == part)
            assert shares == pytest.approx(value, abs=1e-4)


def test_candidates_change_who_is_scored_never_the_score() -> None:
    ask = Ask(now=NOW, user_id="u003", n=10, reasons=0)
    scores = {item.item_id: item.score for item in engine_of(HYBRID, SNAPSHOT).answer(ask).items}
    for item in engine_of(HYBRID, SNAPSHOT, FEW).answer(ask).items:
        assert item.score == pytest.approx(scores.get(item.item_id, item.score), abs=1e-5)


def test_same_ask_same_answer(engine: Engine) -> None:
    first, second = (to_json(engine.answer(Ask(now=NOW, user_id="u004"))) for _ in range(2))
    assert first["recommendation_id"] != second["recommendation_id"]
    varying = {"recommendation_id": "", "took_ms": 0.0}
    assert {**first, **varying} == {**second, **varying}


def test_new_event_changes_the_next_answer(engine: Engine) -> None:
    before = engine.answer(Ask(now=NOW, user_id="u000", n=10))
    chosen = before.items[0].item_id
    engine.profiles.add("u000", [LiveEvent("e1", chosen, "purchase", NOW)])
    after = engine.answer(Ask(now=NOW, user_id="u000", n=10))
    assert chosen not in ids(after)
    assert len(after.items) == 10
    scores = {item.item_id: item.score for item in before.items}
    assert any(item.score != scores.get(item.item_id, item.score) for item in after.items)


@pytest.mark.parametrize("user_id", ["nobody", None, *HOSTILE_IDS])
def test_unknown_user_gets_popular_items(engine: Engine, user_id: str | None) -> None:
    answer = engine.answer(Ask(now=NOW, user_id=user_id, n=10))
    assert answer.fallback_reason == "unknown_user"
    assert len(answer.items) == 10
    counts = np.bincount(SNAPSHOT.interactions.item_idx, minlength=SNAPSHOT.n_items)
    assert taste(ids(answer)[0]) >= 0
    assert counts[SNAPSHOT.nodes[ITEM].index[ids(answer)[0]]] >= np.median(counts)
    assert all(item.score == item.score_parts["features"] and item.no_path for item in answer.items)
    assert "popular" in answer.items[0].reasons[0].text


def test_user_without_history_gets_popular_items(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW, user_id=QUIET_USER, n=10))
    assert answer.fallback_reason == "no_history"
    assert ids(answer) == ids(engine.answer(Ask(now=NOW, n=10)))


def test_newcomers_first_event_makes_the_list_personal(engine: Engine) -> None:
    engine.profiles.add("new", [LiveEvent("e1", "i002", "purchase", NOW)])
    answer = engine.answer(Ask(now=NOW, user_id="new", n=3))
    assert answer.fallback_reason is None
    assert taste(ids(answer)[0]) == 2


def test_item_without_events_is_a_candidate_like_any_other(engine: Engine) -> None:
    ask = Ask(now=NOW, user_id="u003", candidate_ids=(COLD_ITEM, "i001", "i002"), n=3)
    assert ids(engine.answer(ask))[0] == COLD_ITEM  # of the taste of u003, as brand and category say


def test_filters_hold_and_the_list_is_full(engine: Engine) -> None:
    filters = Filters(brand_ids=frozenset({"b002"}), price_min=10, in_stock_only=True)
    answer = engine.answer(Ask(now=NOW, user_id="u001", n=4, filters=filters))
    rows = [SNAPSHOT.nodes[ITEM].index[item_id] for item_id in ids(answer)]
    assert len(rows) == 4
    assert all(row % 4 == 2 and row % 7 and SNAPSHOT.items.price[row] >= 10 for row in rows)


def test_shortfall_says_how_many_match(engine: Engine) -> None:
    filters = Filters(brand_ids=frozenset({"b002"}))
    answer = engine.answer(Ask(now=NOW, user_id="u001", n=30, filters=filters))
    assert len(answer.items) == 10
    assert answer.shortfall_reason == "only_10_items_match_filters"
    assert answer.next_cursor is None


def test_nothing_matches_is_an_empty_answer(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW, user_id="u001", filters=Filters(brand_ids=frozenset({"no such"}))))
    assert (answer.items, answer.shortfall_reason) == ((), "only_0_items_match_filters")


def test_whole_catalogue_runs_out(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW, n=1_000, reasons=0))
    assert answer.shortfall_reason == "only_40_items_left"


def test_rank_orders_the_callers_candidates_and_leaves_unknown_ids_out(engine: Engine) -> None:
    ask = Ask(now=NOW, user_id="u001", n=4, candidate_ids=("i002", *HOSTILE_IDS, "i002", "i037"))
    answer = engine.answer(ask)
    assert set(ids(answer)) == {"i002", "i037"} - bought_by(1)
    assert answer.shortfall_reason == f"only_{len(answer.items)}_candidates_can_be_shown"


def test_similar_items_share_the_anchors_taste_without_it(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW, similar_to="i006", n=5))
    assert "i006" not in ids(answer)
    assert {taste(item_id) for item_id in ids(answer)} == {2}
    assert answer.fallback_reason is None
    assert not any("you bought" in reason.text for item in answer.items for reason in item.reasons)


@pytest.mark.parametrize("item_id", HOSTILE_IDS)
def test_similar_to_an_unknown_item_is_not_found(engine: Engine, item_id: str) -> None:
    with pytest.raises(NotFound, match="is not in the catalogue"):
        engine.answer(Ask(now=NOW, similar_to=item_id))


def search(category: tuple[Slot, ...] = (), brand: tuple[Slot, ...] = ()) -> ParsedQuery:
    return ParsedQuery("b 3 things", "en", category=category, brand=brand)


def test_search_ranks_by_text_without_a_shopper(engine: Engine) -> None:
    ask = Ask(now=NOW, n=3, parsed=search(), query_vector=text_vector("i013"))
    answer = engine.answer(ask)
    assert answer.fallback_reason is None
    assert {taste(item_id) for item_id in ids(answer)} == {1}
    assert any(reason.part == "text" and "b 3 things" in reason.text for reason in answer.items[0].reasons)
    assert answer.parsed == ask.parsed


B3 = Slot("b 3", BRAND, "b003", "B 3", 0.98)


def test_linked_slots_filter_a_search(engine: Engine) -> None:
    ask = Ask(now=NOW, n=10, parsed=search(brand=(B3,)), query_vector=text_vector("i013"))
    answer = engine.answer(ask)
    assert {taste(item_id) for item_id in ids(answer)} == {3}
    assert (len(answer.items), answer.relaxed, answer.next_cursor) == (10, (), None)


def test_too_few_items_of_a_brand_are_filled_up_and_it_is_said(engine: Engine) -> None:
    ask = Ask(now=NOW, n=20, parsed=search(brand=(B3,)), query_vector=text_vector("i013"))
    answer = engine.answer(ask)
    assert {taste(item_id) for item_id in ids(answer)[:10]} == {3}
    assert 3 not in {taste(item_id) for item_id in ids(answer)[10:]}
    (relaxed,) = answer.relaxed
    assert (relaxed.field, relaxed.text, relaxed.names) == ("brand", "b 3", ("B 3",))
    assert relaxed.sentence == "Too few items meet ‘b 3’ → brand B 3, so others are listed too."
    assert answer.items[0].reasons[0].text == "‘b 3’ → brand B 3"
    assert answer.items[10].reasons[0].text == "not met: ‘b 3’ → brand B 3"
    assert to_json(answer)["relaxed"][0]["field"] == "brand"


def test_pages_of_a_relaxed_search_hold_everything_once(engine: Engine) -> None:
    asked = {"parsed": search(brand=(B3,)), "query_vector": text_vector("i013")}
    whole = engine.answer(Ask(now=NOW, n=11, reasons=0, **asked))  # type: ignore[arg-type]  # test data
    later = engine.answer(
        Ask(now=NOW, n=11, reasons=0, cursor=whole.next_cursor, **asked)  # type: ignore[arg-type]  # test data
    )
    found = ids(whole) + ids(later)
    assert len(set(found)) == 22
    assert [taste(item_id) == 3 for item_id in found].index(False) == 10


def test_what_is_ruled_out_never_comes_back(engine: Engine) -> None:
    parsed = ParsedQuery("not b 3", "en", exclude=Excluded(brand=(B3,)))
    answer = engine.answer(Ask(now=NOW, n=40, parsed=parsed, query_vector=text_vector("i013")))
    assert {taste(item_id) for item_id in ids(answer)} == {0, 1, 2}
    assert answer.shortfall_reason == "only_30_items_match_query"


def test_words_are_a_reason_beside_the_shares_that_sum(engine: Engine) -> None:
    parsed = ParsedQuery("b 3 tests", "en", brand=(B3,), rest="tests")
    ask = Ask(now=NOW, user_id="u002", n=5, reasons=1_000, parsed=parsed, query_vector=text_vector("i003"))
    for item in engine.answer(ask).items:
        assert (item.reasons[0].part, item.reasons[0].share) == ("query", 0.0)
        assert item.reasons[0].path == (NamedNode(BRAND, "b003", "B 3"),)
        assert sum(reason.share for reason in item.reasons) == pytest.approx(item.score, abs=1e-4)


def test_reasons_asked_for_are_a_limit_for_words_too(engine: Engine) -> None:
    ask = Ask(now=NOW, n=3, reasons=2, parsed=search(brand=(B3,)), query_vector=text_vector("i013"))
    assert [len(item.reasons) for item in engine.answer(ask).items] == [2, 2, 2]
    none = engine.answer(replace(ask, reasons=0))
    assert all(item.reasons == () for item in none.items)


@pytest.mark.parametrize("sort", ["price_asc", "price_desc", "popular"])
def test_sorted_search_is_in_the_order_asked_for(engine: Engine, sort: Sort) -> None:
    parsed = ParsedQuery("b 3 sorted", "en", brand=(B3,), sort=sort)
    rows = [
        SNAPSHOT.nodes[ITEM].index[item_id] for item_id in ids(engine.answer(Ask(now=NOW, parsed=parsed)))
    ]
    counts = np.bincount(SNAPSHOT.interactions.item_idx, minlength=SNAPSHOT.n_items)
    price = SNAPSHOT.items.price.astype(np.float64)
    key = {"price_asc": price, "price_desc": -price, "popular": -counts.astype(np.float64)}[sort]
    assert all(row % 4 == 3 for row in rows)
    if sort != "popular":  # popularity weighs the events
        assert key[rows].tolist() == sorted(key[rows].tolist())
    assert key[rows[0]] <= np.median(key)


def test_item_called_by_its_title_comes_first_though_bought(engine: Engine) -> None:
    title = Slot("item 001 of taste 1", ITEM, min(bought_by(1)), "", 1.0)
    parsed = ParsedQuery("item 001 of taste 1", "en", "ask_about_item", item=(title,))
    answer = engine.answer(Ask(now=NOW, user_id="u001", n=4, parsed=parsed))
    assert ids(answer)[0] == title.node_id
    assert len(answer.items) == 4


def test_something_similar_to_a_named_item_is_not_the_item(engine: Engine) -> None:
    title = Slot("item 006 of taste 2", ITEM, "i006", "", 1.0)
    parsed = ParsedQuery("like item 006", "en", "find_similar", item=(title,))
    answer = engine.answer(Ask(now=NOW, n=5, parsed=parsed))
    assert ids(answer) == ids(engine.answer(Ask(now=NOW, n=5, similar_to="i006")))


def test_category_slot_takes_its_descendants_and_cuts_with_the_filters(engine: Engine) -> None:
    root = Slot("all", CATEGORY, "root", "All", 1.0)
    filters = Filters(brand_ids=frozenset({"b001", "b002"}))
    ask = Ask(now=NOW, n=5, parsed=search(category=(root,)), filters=filters)
    assert {taste(item_id) for item_id in ids(engine.answer(ask))} == {1}


def pages(engine: Engine, ask: Mapping[str, object], clicks: bool = False) -> list[str]:
    found: list[str] = []
    cursor, moment = None, NOW
    while True:
        answer = engine.answer(Ask(now=moment, n=9, reasons=0, cursor=cursor, **ask))  # type: ignore[arg-type]  # test data
        found += ids(answer)
        assert [item.rank for item in answer.items] == list(
            range(len(found) - len(answer.items) + 1, len(found) + 1)
        )
        if clicks:
            engine.profiles.add("u000", [LiveEvent(f"click {cursor}", found[-1], "purchase", NOW)])
        cursor, moment = answer.next_cursor, moment + timedelta(days=3)
        if cursor is None:
            return found


@pytest.mark.parametrize("ask", [{"user_id": "u000"}, {"user_id": None}, {"similar_to": "i004"}])
def test_pages_hold_everything_once(engine: Engine, ask: Mapping[str, object]) -> None:
    whole = ids(engine.answer(Ask(now=NOW, n=40, reasons=0, **ask)))  # type: ignore[arg-type]  # test data
    assert pages(engine, ask) == whole
    assert len(set(whole)) == len(whole)


def test_pages_do_not_overlap_while_the_shopper_buys_and_time_goes_on(engine: Engine) -> None:
    whole = ids(engine.answer(Ask(now=NOW, user_id="u000", n=40, reasons=0)))
    assert pages(engine, {"user_id": "u000"}, clicks=True) == whole


def test_cursor_of_another_question_is_refused(engine: Engine) -> None:
    cursor = engine.answer(Ask(now=NOW, user_id="u000", n=3)).next_cursor
    with pytest.raises(BadRecord, match="another question"):
        engine.answer(Ask(now=NOW, user_id="u001", n=3, cursor=cursor))
    with pytest.raises(BadRecord, match="cursor"):
        engine.answer(Ask(now=NOW, user_id="u000", n=3, cursor="forged"))


def test_explanation_has_every_share_and_the_lists_rank(engine: Engine) -> None:
    full = engine_of(HYBRID, SNAPSHOT)
    shown = full.answer(Ask(now=NOW, user_id="u002", n=40, reasons=0)).items
    for item in shown[::9]:
        explained = engine.explain(Ask(user_id="u002", now=NOW), item.item_id)
        assert (explained.item.rank, explained.n_ranked) == (item.rank, len(shown))
        assert explained.item.score == pytest.approx(item.score, abs=1e-5)
        total = sum(reason.share for reason in explained.item.reasons)
        assert total == pytest.approx(explained.item.score, abs=1e-4)


def test_bought_item_can_be_explained(engine: Engine) -> None:
    explained = engine.explain(Ask(user_id="u002", now=NOW), min(bought_by(2)))
    assert explained.n_ranked == 40 - len(bought_by(2)) + 1


def test_explanation_of_an_unknown_user_is_popularity(engine: Engine) -> None:
    explained = engine.explain(Ask(user_id="nobody", now=NOW), "i003")
    assert explained.fallback_reason == "unknown_user"
    assert [reason.part for reason in explained.item.reasons] == ["features"]


def test_explanation_of_an_unknown_item_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound, match="no such"):
        engine.explain(Ask(user_id="u002", now=NOW), "no such")


def test_titles_are_chinese_where_known(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW, user_id="u000", n=10, language="zh", reasons=100))
    for item in answer.items:
        assert item.title == (
            f"商品{int(item.item_id[1:])}" if int(item.item_id[1:]) % 2 == 0 else item.title
        )
    assert any("从顾客行为中学到" in reason.text for item in answer.items for reason in item.reasons)


def test_no_items_or_negative_reasons_are_the_callers_bug(engine: Engine) -> None:
    with pytest.raises(ValueError, match="n must be at least 1"):
        engine.answer(Ask(now=NOW, n=0))
    with pytest.raises(ValueError, match="reasons at least 0"):
        engine.answer(Ask(now=NOW, reasons=-1))


def test_json_has_the_fixed_shape(engine: Engine) -> None:
    body = to_json(engine.answer(Ask(now=NOW, user_id="u000", n=2)))
    assert list(body) == [
        "recommendation_id", "user_id", "model_version", "took_ms", "now", "degraded", "fallback_reason",
        "shortfall_reason", "items", "next_cursor",
    ]  # fmt: skip
    item = body["items"][0]
    assert list(item) == [
        "item_id", "title", "rank", "score", "score_parts", "reasons", "no_path", "rules_applied",
    ]  # fmt: skip
    assert list(item["reasons"][0]) == ["part", "share", "path", "text"]
    explained = explanation_to_json(engine.explain(Ask(user_id="u000", now=NOW), item["item_id"]))
    assert {**explained, **item, "reasons": []} == {**explained, "reasons": []}


def test_recommendation_id_names_the_model(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW))
    assert engine.signer.verify(answer.recommendation_id).model_version == "v1"


def test_request_path_imports_no_torch() -> None:
    code = "import sys, ranking.engine, ranking.serialise, gnn.index; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
