"""ranking/engine.py with lists put in order beside the score; what the orders are is tested beside them."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ranking.ask import Ask
from ranking.candidates import CandidateConfig
from ranking.catalogue import Catalogue
from ranking.diversity.config import DiversityConfig, ExposureGroup
from ranking.diversity.reranker import Reranker
from ranking.engine import Engine
from ranking.listing import Listing
from ranking.rules.ruling import NO_RULES, Pinned
from ranking.rules.schema import Rule
from ranking.serialise import to_json
from shopgraph.types import PARTS, ParsedQuery, Recommendation, Slot
from tests.planted import NOW
from tests.ranking.engines import engine_of, item_item_hybrid, shop

SNAPSHOT = shop()  # item i has brand and category i % 4; the user u001 buys of those with 1
HYBRID = item_item_hybrid(SNAPSHOT)
FEW = CandidateConfig(score_all_below=0, graph=5, item_item=5, text=5, popular=2, trending=2)
THIRD_BRAND = ExposureGroup(name="third", brands=("b003",), floor=0.5)


def engine(config: DiversityConfig | None = None, candidates: CandidateConfig | None = None) -> Engine:
    return engine_of(HYBRID, SNAPSHOT, candidates, config)


def ids(answer: Recommendation) -> list[str]:
    return [item.item_id for item in answer.items]


def tastes(answer: Recommendation) -> list[int]:
    return [int(item_id[1:]) % 4 for item_id in ids(answer)]


def test_without_diversity_the_answer_is_what_it_was() -> None:
    plain = engine().answer(Ask(now=NOW, user_id="u001", n=20))
    asked = engine().answer(Ask(now=NOW, user_id="u001", n=20, diversity=0.0, novelty=0.0))
    assert asked.items == plain.items
    assert asked.reranked is None
    assert "reranked" not in to_json(asked)


def test_scores_and_reasons_stay_and_only_the_order_changes() -> None:
    plain = engine().answer(Ask(now=NOW, user_id="u001", n=40))
    asked = engine().answer(Ask(now=NOW, user_id="u001", n=40, diversity=0.7))
    assert ids(asked) != ids(plain)
    before = {item.item_id: item for item in plain.items}
    for item in asked.items:
        assert item.score == pytest.approx(before[item.item_id].score)
        assert item.score_parts == pytest.approx(before[item.item_id].score_parts)
        said = {(reason.part, reason.text) for reason in item.reasons}
        assert said == {(reason.part, reason.text) for reason in before[item.item_id].reasons}
    assert [item.rank for item in asked.items] == [item.rank for item in plain.items]
    assert to_json(asked)["reranked"] == {"method": "dpp", "diversity": 0.7, "novelty": 0.0, "exposure": ()}


def test_the_settings_stand_in_for_what_is_not_asked() -> None:
    shop_wide = engine(DiversityConfig(amount=0.7))
    by_default = shop_wide.answer(Ask(now=NOW, user_id="u001"))
    asked = engine().answer(Ask(now=NOW, user_id="u001", diversity=0.7))
    assert ids(by_default) == ids(asked)
    off = shop_wide.answer(Ask(now=NOW, user_id="u001", diversity=0.0))
    assert ids(off) == ids(engine().answer(Ask(now=NOW, user_id="u001")))


def test_pages_go_on_where_the_last_one_ended() -> None:
    ask = Ask(now=NOW, user_id="u001", n=5, diversity=0.6, reasons=0)
    whole = ids(engine().answer(replace(ask, n=15)))
    found, cursor = [], None
    for _ in range(3):
        page = engine().answer(replace(ask, cursor=cursor))
        found += ids(page)
        cursor = page.next_cursor
    assert found == whole


def test_similar_items_can_be_less_alike() -> None:
    plain = engine().answer(Ask(now=NOW, similar_to="i001", n=4))
    asked = engine().answer(Ask(now=NOW, similar_to="i001", n=4, diversity=0.8))
    assert len(set(tastes(plain))) < len(set(tastes(asked)))


def test_an_order_that_the_words_ask_for_stays() -> None:
    cheapest = ParsedQuery(text="cheapest", language="en", sort="price_asc")
    ask = Ask(now=NOW, parsed=cheapest, n=10)
    plain, asked = engine().answer(ask), engine().answer(replace(ask, diversity=1.0))
    assert ids(asked) == ids(plain)
    assert asked.reranked is None


def test_what_meets_all_of_the_words_stays_before_what_does_not() -> None:
    slot = Slot("two", "Brand", "b002", "B 2", 1.0)
    asked = engine().answer(
        Ask(now=NOW, parsed=ParsedQuery(text="two", language="en", brand=(slot,)), n=14, diversity=1.0)
    )
    assert tastes(asked)[:10] == [2] * 10
    assert asked.relaxed


def test_the_callers_own_candidates_stay_in_the_order_of_the_score() -> None:
    ask = Ask(now=NOW, user_id="u001", candidate_ids=("i001", "i002", "i005", "i003"), n=4)
    shop_wide = engine(DiversityConfig(amount=1.0, exposure=(THIRD_BRAND,)))
    assert ids(shop_wide.answer(ask)) == ids(engine().answer(ask))


@pytest.mark.parametrize("candidates", [None, FEW])
def test_a_group_has_its_floor_whoever_is_a_candidate(candidates: CandidateConfig | None) -> None:
    answer = engine(DiversityConfig(exposure=(THIRD_BRAND,)), candidates).answer(
        Ask(now=NOW, user_id="u001", n=8)
    )
    assert [tastes(answer)[:k].count(3) >= k // 2 for k in range(1, 9)] == [True] * 8
    assert answer.reranked is not None
    (said,) = answer.reranked.exposure
    assert (said.group, said.share, said.missed_at) == ("third", 0.5, None)


def test_a_floor_that_too_few_items_can_meet_is_said() -> None:
    filtered = Ask(now=NOW, user_id="u002", n=8, parsed=None)
    answer = engine(DiversityConfig(exposure=(THIRD_BRAND,))).answer(
        replace(filtered, filters=replace(filtered.filters, category_ids=frozenset({"c001"})))
    )
    assert answer.reranked is not None
    (said,) = answer.reranked.exposure
    assert (said.share, said.missed_at, said.reason) == (0.0, 2, "only_0_items_of_the_group")


def test_pins_come_after_diversity() -> None:
    rule = Rule.model_validate(
        {
            "rule_id": "r",
            "version": 1,
            "name": "a pin",
            "author": "someone",
            "effect": {"type": "pin", "item_id": "i007", "position": 2},
            "created": datetime(2026, 1, 1, tzinfo=UTC),
            "updated": datetime(2026, 1, 1, tzinfo=UTC),
        }
    )
    reranker = Reranker.of(
        HYBRID, Catalogue.from_snapshot(SNAPSHOT), DiversityConfig(exposure=(THIRD_BRAND,))
    )
    asked = reranker.arrangement(Ask(now=NOW))
    listing = Listing(replace(NO_RULES, pins=(Pinned(rule, 5, 1),)), None, np.ones(40, np.bool_), 4, asked)
    parts = np.zeros((40, len(PARTS)))
    parts[:, 0] = -np.arange(40)
    listing.add(np.arange(40, dtype=np.int32), parts)
    listed = listing.listed()
    assert listed.ranked.item_idx.tolist() == [0, 5, 3, 1]  # without the pin: 0, 3, 1, 7
    assert listed.reranked is not None
    (said,) = listed.reranked.exposure
    assert (said.share, said.missed_at, said.reason) == (0.25, 2, "places_given_by_words_or_rules")
