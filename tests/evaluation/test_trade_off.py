from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from evaluation.harness import evaluate
from evaluation.trade_off import SLIDER, STRENGTHS, TradeOff, strengthened, trade_off
from evaluation.trade_off_plot import value_of, write_trade_off_plot
from ranking.diversity.config import DiversityConfig, ExposureGroup
from ranking.holdout import hold_out
from ranking.scorer import Scorer
from tests.planted import planted_snapshot
from tests.ranking.engines import item_item_hybrid

TRAIN, HELDOUT = hold_out(
    planted_snapshot(n_users=40, with_text=True), "random", np.random.default_rng(0), share=0.3
)
HYBRID = item_item_hybrid(TRAIN)
OWN = ExposureGroup(name="own", brands=("b002",), floor=0.3, ceiling=0.4)


@pytest.fixture(scope="module")
def found() -> TradeOff:
    return trade_off(HYBRID, TRAIN, HELDOUT, DiversityConfig(exposure=(OWN,)), seed=0)


def test_every_curve_starts_from_the_order_of_the_score(found: TradeOff) -> None:
    assert {name: len(points) for name, points in found.curves.items()} == {
        "dpp": len(SLIDER),
        "mmr": len(SLIDER),
        "novelty": len(SLIDER),
        "exposure": len(STRENGTHS),
    }
    plain = evaluate({"hybrid": Scorer(HYBRID).score}, TRAIN, HELDOUT)["hybrid"]
    for points in found.curves.values():
        assert points[0].value == 0
        assert points[0].per_user["ndcg@10"].mean == pytest.approx(plain.per_user["ndcg@10"].mean())
        assert points[0].per_user["ndcg@10_change"].mean == 0


def test_each_slider_moves_what_it_is_for(found: TradeOff) -> None:
    for name, metric in (("dpp", "diversity@10"), ("mmr", "diversity@10"), ("novelty", "novelty@10")):
        first, last = found.curves[name][0], found.curves[name][-1]
        assert value_of(last, metric) > value_of(first, metric) + 0.02


def test_taste_is_what_diversity_costs(found: TradeOff) -> None:
    # shoppers buy one taste alone: each list of four is worse
    first, last = found.curves["dpp"][0], found.curves["dpp"][-1]
    assert last.per_user["ndcg@10_change"].high < 0
    assert value_of(last, "category_divergence@10") > value_of(first, "category_divergence@10")


def test_a_group_gets_the_share_of_places_asked_for(found: TradeOff) -> None:
    # three or four of ten places, discounted
    last = found.curves["exposure"][-1]
    discount = 1 / np.log2(np.arange(2, 12))
    assert np.sort(discount)[:3].sum() / discount.sum() <= last.exposure["own"]
    assert last.exposure["own"] <= np.sort(discount)[-4:].sum() / discount.sum()
    assert sum(last.exposure.values()) == pytest.approx(1)


def test_groups_are_described(found: TradeOff) -> None:
    assert found.n_users == len(HELDOUT)
    assert found.groups["own"]["items"] == 0.25
    assert sum(each["purchases"] for each in found.groups.values()) == pytest.approx(1)


def test_a_share_is_asked_for_in_part() -> None:
    (half,) = strengthened((OWN,), 0.5)
    assert (half.floor, half.ceiling) == pytest.approx((0.15, 0.7))
    assert strengthened((OWN,), 0.0)[0].ceiling == 1


def test_rows_are_the_means_of_all_points(found: TradeOff) -> None:
    rows = found.rows()
    assert len(rows) == sum(len(points) for points in found.curves.values())
    assert rows[0]["curve"] == "dpp"
    assert rows[0]["gini"] == found.curves["dpp"][0].of_all["gini@10"]


def test_json_there_and_back(found: TradeOff) -> None:
    again = TradeOff.from_json(found.to_json())
    assert again.curves == {name: tuple(points) for name, points in found.curves.items()}
    assert again == replace(found, curves=again.curves)


def test_the_picture_has_a_panel_for_each_aim(found: TradeOff, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plot belongs to the train extra")
    write_trade_off_plot(found, tmp_path / "a.svg", "a shop")
    texts = "".join(ElementTree.parse(tmp_path / "a.svg").getroot().itertext())
    for said in ("a shop", "unlikeness", "Gini", "categories away", "exposure of own"):
        assert said in texts
    write_trade_off_plot(found, tmp_path / "b.svg", "a shop")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
