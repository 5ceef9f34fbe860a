"""What-ifs on a shop small enough to check by hand; batches must say what single answers say."""

from typing import Any

import numpy as np
import pytest

from evaluation.what_if import Weights, reweighted, what_if
from evaluation.what_if_figures import Sample, before_last, sample_figures
from evaluation.what_if_lists import Shoppers, bought_before, lists_of
from ranking.engine import Ask, Engine
from ranking.rules.schema import Rule
from shopgraph.types import ITEM, NO_TIME, Histories
from tests.planted import NOW, PURCHASE, VIEW
from tests.ranking.rules.made import ban_path, boost, cap, fixed, hide, pin, rule
from tests.ranking.rules.test_ruled_engine import ENGINE, SAME_BRAND, SNAPSHOT

IDS = SNAPSHOT.nodes[ITEM].ids


def everybody() -> Shoppers:
    """All who have a history: who has none gets the popular list, which no sample has."""
    rows = np.flatnonzero(np.diff(SNAPSHOT.histories.indptr))
    histories = SNAPSHOT.histories.take(rows)
    ids = [ENGINE.profiles.user_id(row) for row in rows.tolist()]
    return Shoppers(histories, ids, bought_before(histories, ENGINE.profiles.is_bought))


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [rule("r1", hide(*IDS[:5])), rule("r2", {"type": "in_stock"})],
        [rule("r1", boost(3, brand_ids=["b001"])), rule("r2", boost(0.3, price_min=30))],
        [rule("r1", pin(IDS[8], 2)), rule("r2", pin(IDS[9], 2)), rule("r3", cap("brand", 2, within=6))],
        [rule("r1", cap("category", 1, within=10))],
        [rule("r1", ban_path(*SAME_BRAND)), rule("r2", {"type": "ban_relation", "relation": "IN_CATEGORY"})],
        [
            rule("r1", hide(*IDS[:20]), audience={"groups": ["warm"]}),
            rule("r2", pin(IDS[3], 1), audience={"user_ids": ["u004"]}),
        ],
    ],
)  # fmt: skip
def test_a_batch_has_the_lists_that_each_shopper_is_served(rules: list[Rule]) -> None:
    ruled, shoppers = ENGINE.ruled_by(fixed(*rules)), everybody()
    (lists,) = lists_of([ruled], shoppers, 7, NOW)
    for user_id, found in zip(shoppers.user_ids, lists.tolist(), strict=True):
        served = _all_scored(ruled, user_id, 7)
        assert [IDS[idx] for idx in found if idx >= 0] == served


def _all_scored(engine: Engine, user_id: str, n: int) -> list[str]:
    """A list whose candidates are all items, as a batch's are."""
    ask = Ask(now=NOW, user_id=user_id, n=n, reasons=0, candidate_ids=IDS)
    return [item.item_id for item in engine.answer(ask).items]


def test_the_last_purchase_is_held_out_with_all_of_its_item() -> None:
    items = [3, 5, 3, 7, 2, 2, 9]  # rows: view 3, buy 5, buy 3, view 7 | view 2 | buy 2, view 9
    types = [VIEW, PURCHASE, PURCHASE, VIEW, VIEW, PURCHASE, VIEW]
    histories = Histories(
        np.array([0, 4, 5, 7]), np.array(items, np.int32), np.array(types, np.int8), np.ones(7, np.float32),
        np.full(7, NO_TIME, np.int64), NOW)  # fmt: skip
    is_bought = np.arange(8) == PURCHASE
    earlier, target, kept = before_last(histories, is_bought)
    assert (earlier.item_idx.tolist(), earlier.indptr.tolist()) == ([5], [0, 1, 1, 1])
    assert (target.tolist(), kept.tolist()) == ([3, -1, 2], [0])


def sample() -> Sample:
    return Sample.of(ENGINE.profiles, 1_000, np.random.default_rng(0))


def test_nothing_changes_where_nothing_is_changed() -> None:
    found = sample_figures(ENGINE, ENGINE.ruled_by(fixed()), sample(), 5, NOW)
    assert (found.n_changed, found.n_new_items, found.ndcg_change_ci95) == (0, 0, (0, 0))
    assert found.ndcg.before == found.ndcg.after > 0
    assert all(each.before == each.after for each in found.exposure)
    assert all(each.before == each.after for each in found.prices)
    assert sum(each.before for each in found.prices) == pytest.approx(1)


def test_a_hidden_brand_loses_all_of_its_places() -> None:
    ruled = ENGINE.ruled_by(fixed(rule("r1", {"type": "hide", "target": {"brand_ids": ["b001"]}})))
    found = sample_figures(ENGINE, ruled, sample(), 5, NOW, threads=2)
    (brand,) = [each for each in found.exposure if (each.label, each.id) == ("Brand", "b001")]
    assert brand.before > 0.2
    assert brand.after == 0
    assert sum(x.after for x in found.exposure if x.label == "Brand") == pytest.approx(1)
    assert found.coverage.after < found.coverage.before
    assert found.ndcg.after < found.ndcg.before
    assert found.ndcg_change_ci95[1] < 0
    assert found.n_changed > 0.2 * found.n_shoppers


def test_figures_are_those_of_the_lists() -> None:
    chosen = sample()
    ruled = ENGINE.ruled_by(fixed(rule("r1", hide(*IDS[:38]))))
    found = sample_figures(ENGINE, ruled, chosen, 5, NOW)
    assert found.n_short.after == found.n_shoppers  # two items are left
    (lists,) = lists_of([ruled], chosen.shoppers, 5, NOW)
    listed = lists[lists >= 0]
    assert found.coverage.after == len(set(listed.tolist())) / len(IDS)
    assert found.mean_price is not None
    assert found.mean_price.after == pytest.approx(float(SNAPSHOT.items.price[listed].mean()))
    gains = [
        sum(1 / np.log2(place + 2) for place, idx in enumerate(row) if idx == target)
        for row, target in zip(lists.tolist(), chosen.target.tolist(), strict=True)
    ]
    assert found.ndcg.after == pytest.approx(float(np.mean(gains)))


def test_weights_multiply_the_parts() -> None:
    doubled = ENGINE.given(reweighted(ENGINE.hybrid, Weights(graph=2, item_item=0.5, features=0, text=3)))
    ask = Ask(now=NOW, user_id="u002", n=5)
    before = {x.item_id: x.score_parts for x in ENGINE.answer(Ask(now=NOW, user_id="u002", n=40)).items}
    for item in doubled.answer(ask).items:
        was, parts = before[item.item_id], item.score_parts
        assert parts["graph"] == pytest.approx(2 * was["graph"], abs=1e-5)
        assert parts["item_item"] == pytest.approx(0.5 * was["item_item"], abs=1e-5)
        assert parts["features"] == 0
    assert reweighted(ENGINE.hybrid, Weights()) is ENGINE.hybrid


def test_lists_side_by_side_say_where_each_item_was() -> None:
    rules = [rule("r1", pin(IDS[20], 1)), rule("r2", hide(IDS[20]))]
    asked: dict[str, Any] = {"user_ids": ["u001", "a stranger"], "n": 4, "sample_size": 0, "now": NOW}
    found = what_if(ENGINE, rules[:1], Weights(), **asked)
    for lists in found.shoppers:
        assert lists.after[0].item_id == IDS[20]
        assert lists.after[0].rules_applied == ("r1",)
        assert [place.other_rank for place in lists.after[1:]] == [1, 2, 3]
        assert lists.before[3].other_rank is None
    assert found.sample is None
    assert [each.kind for each in what_if(ENGINE, rules, Weights(), **asked).findings] == ["pin_not_listed"]
