"""Lists under rules: what each type does to a small shop's answers, alone and together."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnn.item_item.model import ItemItemConfig, item_item_for
from gnn.linear.model import LinearKG, LinearKGConfig
from graph.ledger import SqliteLedger
from ranking.candidates import CandidateConfig
from ranking.engine import Ask, Engine
from ranking.models import EASE, LINEAR
from ranking.rules.book import RuleBook
from ranking.rules.schema import Rule
from shopgraph.types import ITEM, Filters, ParsedQuery, PathEdge, RankedItem, Recommendation, Slot
from tests.planted import NOW
from tests.ranking.engines import engine_of, shop, with_models
from tests.ranking.rules.made import ban_path, boost, cap, draft, fixed, hide, pin, rule

SNAPSHOT = shop()
IDS = SNAPSHOT.nodes[ITEM].ids
USER = "u001"
SAME_BRAND = (("MADE_BY", True), ("MADE_BY", False))


def fitted() -> Engine:
    linear = LinearKG(LinearKGConfig.model_validate({"dim": 16, "epochs": 8, "device": "cpu"}))
    linear.fit(SNAPSHOT, np.random.default_rng(0))
    item_item = item_item_for(SNAPSHOT.n_items, ItemItemConfig())
    item_item.fit(SNAPSHOT, np.random.default_rng(0))
    few = CandidateConfig(score_all_below=0, graph=5, item_item=5, text=5, popular=2, trending=2)
    return engine_of(with_models(SNAPSHOT, {LINEAR: linear, EASE: item_item}), SNAPSHOT, few)


ENGINE = fitted()


def answer(*rules: Rule, n: int = 10, user_id: str | None = USER, **said: Any) -> Recommendation:
    return ENGINE.ruled_by(fixed(*rules)).answer(Ask(now=NOW, user_id=user_id, n=n, reasons=50, **said))


def ids(found: Recommendation) -> list[str]:
    return [item.item_id for item in found.items]


def facts(found: Recommendation) -> list[Any]:
    """All that two equal answers have in common."""
    return [
        found.shortfall_reason,
        *((i.item_id, i.score_parts, i.reasons, i.rules_applied) for i in found.items),
    ]


def adds_up(item: RankedItem) -> None:
    assert sum(item.score_parts.values()) == pytest.approx(item.score, abs=1e-4)
    shares = dict.fromkeys(item.score_parts, 0.0)
    for reason in item.reasons:
        if reason.part in shares:
            shares[reason.part] += reason.share
    assert shares == pytest.approx(item.score_parts, abs=1e-4)


PLAIN = ENGINE.answer(Ask(now=NOW, user_id=USER, n=10, reasons=50))


def test_without_a_rule_that_holds_nothing_changes() -> None:
    for rules in (
        [],
        [rule("off", hide(IDS[1]), enabled=False)],
        [rule("later", hide(ids(PLAIN)[0]), start=NOW + timedelta(seconds=1))],
        [rule("over", hide(ids(PLAIN)[0]), end=NOW)],
        [rule("others", hide(ids(PLAIN)[0]), audience={"user_ids": ["u002"]})],
        [rule("searches", hide(ids(PLAIN)[0]), audience={"scenarios": ["search", "similar"]})],
    ):
        assert facts(answer(*rules)) == facts(PLAIN)


def test_a_hidden_item_is_in_no_list() -> None:
    first, *others = ids(PLAIN)
    found = answer(rule("r1", hide(first)))
    assert ids(found)[:9] == others
    assert first not in ids(answer(rule("r1", hide(first)), user_id=None, n=40))
    assert first not in ids(answer(rule("r1", hide(first)), similar_to=others[0], n=40))
    asked = ENGINE.ruled_by(fixed(rule("r1", hide(first)))).explain(Ask(now=NOW, user_id=USER), first)
    assert asked.item.rules_applied == ("r1",)


def test_named_shoppers_and_groups_get_their_own_lists() -> None:
    first = ids(PLAIN)[0]
    named = rule("r1", hide(first), audience={"user_ids": [USER, "someone"]})
    assert first not in ids(answer(named))
    house = ENGINE.ruled_by(fixed()).house
    assert house is not None
    (group,) = house.group_of(SNAPSHOT.histories.row(1))
    others = {"cold", "warm", "heavy"} - {group}
    assert first not in ids(answer(rule("r1", hide(first), audience={"groups": [group]})))
    assert first in ids(answer(rule("r1", hide(first), audience={"groups": sorted(others)})))


def test_a_pin_changes_the_place_and_not_the_score() -> None:
    last = PLAIN.items[9]
    found = answer(rule("r1", pin(last.item_id, 3)))
    assert ids(found) == [*ids(PLAIN)[:2], last.item_id, *ids(PLAIN)[2:9]]
    assert found.items[2].score_parts == last.score_parts
    assert [item.rules_applied for item in found.items] == [(), (), ("r1",), *[()] * 7]
    explained = ENGINE.ruled_by(fixed(rule("r1", pin(last.item_id, 3)))).explain(
        Ask(now=NOW, user_id=USER), last.item_id
    )
    assert explained.item.rank == 3


def test_a_pin_past_the_first_page_is_on_the_second() -> None:
    last = ids(answer(n=30))[-1]
    ruled = ENGINE.ruled_by(fixed(rule("r1", pin(last, 7))))
    page = ruled.answer(Ask(now=NOW, user_id=USER, n=5))
    second = ruled.answer(Ask(now=NOW, user_id=USER, n=5, cursor=page.next_cursor))
    assert last not in ids(page)
    assert ids(second)[1] == last
    assert not set(ids(page)) & set(ids(second))


def test_a_pin_does_not_bring_what_may_not_be_listed() -> None:
    dear = IDS[int(SNAPSHOT.items.price.argmax())]
    assert dear not in ids(answer(rule("r1", pin(dear, 1)), filters=Filters(price_max=20)))
    assert ids(answer(rule("r1", pin(dear, 1)), rule("r2", hide(dear)))) == ids(
        answer(rule("r2", hide(dear)))
    )
    words = ParsedQuery("c 1", "en", category=(Slot("c 1", "Category", "c001", "C 1", 1.0),))
    other = next(item_id for n, item_id in enumerate(IDS) if n % 4 != 1)
    assert other not in ids(answer(rule("r1", pin(other, 1)), parsed=words, n=5))


def test_of_two_pins_at_one_place_the_higher_priority_gets_it() -> None:
    a, b = ids(PLAIN)[8:10]
    low, high = rule("r1", pin(a, 1)), rule("r2", pin(b, 1), priority=5, minute=1)
    assert ids(answer(low, high))[:2] == [b, a]
    assert ids(answer(low, rule("r2", pin(b, 1), minute=1)))[:2] == [a, b]


def test_boosts_multiply_what_speaks_for_an_item_and_add_up() -> None:
    target = PLAIN.items[1]
    up, down = rule("r1", boost(3, item_ids=[target.item_id])), rule("r2", boost(0.5, brand_ids=["b001"]))
    found = next(item for item in answer(up, down).items if item.item_id == target.item_id)
    factor = 1.5 if int(target.item_id[1:]) % 4 == 1 else 3
    assert found.score == pytest.approx(factor * target.score)
    assert found.score_parts["rules"] == pytest.approx((factor - 1) * target.score)
    assert set(found.rules_applied) == ({"r1", "r2"} if factor == 1.5 else {"r1"})
    adds_up(found)
    assert any(reason.text == "The shop's rule “r1”." for reason in found.reasons)


def test_a_boost_never_lowers_and_a_bury_never_raises() -> None:
    everything = ENGINE.answer(Ask(now=NOW, user_id=USER, n=40))
    before = {item.item_id: item.score for item in everything.items}
    assert min(before.values()) < 0
    for factor, sign in ((20.0, 1), (0.01, -1)):
        for item in answer(rule("r1", boost(factor, price_min=0)), n=40).items:
            assert sign * (item.score - before[item.item_id]) >= 0
            assert ("r1" in item.rules_applied) == (before[item.item_id] > 0)


def test_no_number_of_boosts_makes_a_score_that_is_none() -> None:
    item = PLAIN.items[2]
    up = [rule(f"u{n}", boost(1_000, item_ids=[item.item_id])) for n in range(120)]
    found = answer(*up).items[0]
    assert found.item_id == item.item_id
    assert found.score == pytest.approx(1_000 * item.score)
    adds_up(found)
    down = [rule(f"d{n}", boost(0.001, price_min=0)) for n in range(120)]
    for buried in answer(*down).items:
        adds_up(buried)


def test_a_boosted_item_is_scored_whoever_finds_it() -> None:
    ranked = ids(answer(n=35))
    far = next(item for item in ranked[12:] if item not in ids(PLAIN))
    scores = {item.item_id: item.score for item in answer(n=35).items}
    if scores[far] > 0:
        assert ids(answer(rule("r1", boost(1_000, item_ids=[far]))))[0] == far


def test_stock_and_price_bands_keep_items_out() -> None:
    stock = answer(rule("r1", {"type": "in_stock"}), n=40)
    assert all(int(item_id[1:]) % 7 for item_id in ids(stock))
    assert stock.shortfall_reason == f"only_{len(stock.items)}_items_left_by_rules"
    band = {"type": "price_band", "target": {"brand_ids": ["b001"]}, "price_min": 20}
    for item_id in ids(answer(rule("r1", band), n=40)):
        row = int(item_id[1:])
        assert row % 4 != 1 or SNAPSHOT.items.price[row] >= 20


def test_a_cap_holds_a_brand_back() -> None:
    found = answer(rule("r1", cap("brand", 2, within=4)), n=6)
    first_four = [int(item_id[1:]) % 4 for item_id in ids(found)[:4]]
    assert max(first_four.count(brand) for brand in range(4)) == 2
    held = [item for item in found.items if item.rules_applied]
    assert {item.rules_applied for item in held} == {("r1",)}
    assert min(item.rank for item in held) == 5
    alone = answer(rule("r1", cap("category", 1, ids=["c001"], within=40)), n=40)
    assert sum(int(item_id[1:]) % 4 == 1 for item_id in ids(alone)) == 1
    assert alone.shortfall_reason == f"only_{len(alone.items)}_items_left_by_rules"
    assert alone.next_cursor is None


def test_rules_that_empty_a_list_say_so() -> None:
    found = answer(rule("r1", {"type": "price_band", "price_min": 1e6}))
    assert (found.items, found.shortfall_reason) == ((), "only_0_items_left_by_rules")


@pytest.mark.parametrize(
    "effect",
    [
        ban_path(*SAME_BRAND),
        {"type": "ban_relation", "relation": "MADE_BY"},
        {"type": "ban_entity", "label": "Brand", "entity_id": "b001"},
    ],
)
def test_a_ban_takes_paths_out_of_the_score_and_undo_brings_them_back(effect: dict[str, Any]) -> None:
    def banned_paths(found: Recommendation) -> list[Any]:
        steps = [
            [step for step in r.path if isinstance(step, PathEdge)] for x in found.items for r in x.reasons
        ]
        return [path for path in steps if path == [PathEdge(*step) for step in SAME_BRAND]]

    with SqliteLedger(None) as ledger:
        book = RuleBook(ledger)
        ruled = ENGINE.ruled_by(book)
        ask = Ask(now=NOW, user_id=USER, n=10, reasons=50)
        before = ruled.answer(ask)
        assert facts(before) == facts(PLAIN)
        assert banned_paths(before)
        book.add(draft(effect, rule_id="r1"), NOW)
        after = ruled.answer(ask)
        assert not banned_paths(after)
        before_scores = {item.item_id: item.score for item in answer(n=40).items}
        for item in after.items:
            adds_up(item)
            assert item.score_parts["rules"] == 0
            changed = abs(item.score - before_scores[item.item_id]) > 1e-5
            assert item.rules_applied == (("r1",) if changed else ())
        assert after.items[0].rules_applied == ("r1",)
        book.undo("mia", NOW)
        assert facts(ruled.answer(ask)) == facts(before)


def test_a_banned_relation_is_gone_from_features_too() -> None:
    before = {item.item_id: item for item in PLAIN.items}
    sentences = {r.text for item in answer(rule("r1", {"type": "ban_relation", "relation": "MADE_BY"})).items
                 for r in item.reasons}  # fmt: skip
    wanted = "How much it shares the brands you choose."
    assert any(reason.text == wanted for item in before.values() for reason in item.reasons)
    assert wanted not in sentences


def test_a_banned_entity_leaves_other_means_as_they_were() -> None:
    """An item of two categories keeps the half of the other one: nothing is averaged anew."""
    effect = {"type": "ban_entity", "label": "Category", "entity_id": "root"}
    item = next(item for item in PLAIN.items if int(item.item_id[1:]) % 4 == 1)
    found = next(x for x in answer(rule("r1", effect)).items if x.item_id == item.item_id)
    text = "How much it shares the categories you choose."
    was, is_now = (next(reason.share for reason in x.reasons if text in reason.text) for x in (item, found))
    assert is_now == pytest.approx(was / 2, rel=1e-4)


EFFECTS: Sequence[dict[str, Any]] = [
    pin(ids(PLAIN)[7], 1),
    pin(ids(PLAIN)[8], 1),
    pin(ids(PLAIN)[0], 4),
    hide(ids(PLAIN)[1], ids(PLAIN)[7]),
    boost(4, brand_ids=["b001"]),
    boost(0.2, price_min=25),
    cap("brand", 3, within=6),
    cap("category", 4, within=8),
    ban_path(*SAME_BRAND),
    {"type": "in_stock"},
    {"type": "price_band", "price_max": 45},
]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(range(len(EFFECTS))), unique=True, max_size=6), st.randoms())
def test_the_order_in_which_rules_are_written_does_not_matter(chosen: list[int], random: Any) -> None:
    rules = [rule(f"r{n}", EFFECTS[n], minute=n) for n in chosen]
    shuffled = random.sample(rules, len(rules))
    assert facts(answer(*rules)) == facts(answer(*shuffled))
    for item in answer(*rules).items:
        adds_up(item)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(range(len(EFFECTS))), unique=True, min_size=1, max_size=5))
def test_a_campaign_is_its_effects_in_their_order(chosen: list[int]) -> None:
    alone = [rule(f"r{n}", EFFECTS[n], minute=place) for place, n in enumerate(chosen)]
    together = rule("c", {"type": "campaign", "effects": [EFFECTS[n] for n in chosen]})
    parts, whole = answer(*alone), answer(together)
    assert ids(parts) == ids(whole)
    assert [item.score_parts for item in parts.items] == [item.score_parts for item in whole.items]
    assert all(set(item.rules_applied) <= {"c"} for item in whole.items)
