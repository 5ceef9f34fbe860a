from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ranking.engine import Ask, Engine
from ranking.experiments.answering import Trials
from ranking.experiments.arms import RulesWithout, engine_of, reweighted
from ranking.experiments.drafting import Treatment, interleaved
from ranking.experiments.schema import Change, Experiment
from ranking.models import EASE
from ranking.rules.house import FixedRules
from ranking.rules.schema import Rule
from shopgraph.errors import BadRecord
from tests.planted import NOW
from tests.ranking.engines import engine_of as plain_engine
from tests.ranking.engines import item_item_hybrid, shop
from tests.ranking.experiments.made import draft

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def engine() -> Engine:
    snapshot = shop()
    return plain_engine(item_item_hybrid(snapshot), snapshot)


def listed(engine: Engine, user_id: str = "u001", n: int = 8) -> list[str]:
    return [item.item_id for item in engine.answer(Ask(now=NOW, user_id=user_id, n=n, reasons=0)).items]


class Running:
    """One experiment, running."""

    def __init__(self, **changes: Any) -> None:
        content = draft(**changes).model_dump()
        kept = {"status": "running", "version": 2, "created": NOW, "updated": NOW, "started": NOW}
        self.experiments = (Experiment.model_validate({**content, **kept}),)

    def current(self) -> tuple[Experiment, ...]:
        return self.experiments


def test_a_factor_multiplies_a_part_a_model_or_a_feature(engine: Engine) -> None:
    hybrid = engine.hybrid
    found = reweighted(hybrid, {"item_item": 2.0, EASE: 3.0, "popularity": 0.0, "text": 0.5}).weights
    assert found.models[EASE] == pytest.approx(6 * hybrid.weights.models[EASE])
    assert found.features["popularity"] == 0
    assert found.text == pytest.approx(hybrid.weights.text / 2)
    others = set(hybrid.weights.features) - {"popularity"}
    assert all(found.features[name] == hybrid.weights.features[name] for name in others)
    assert reweighted(hybrid, {}).weights == hybrid.weights
    with pytest.raises(BadRecord, match="has no 'joy'; it has graph, item_item"):
        reweighted(hybrid, {"joy": 1.0})


def test_groups_are_reweighted_too(engine: Engine) -> None:
    hybrid = replace(
        engine.hybrid, group_weights={"cold": engine.hybrid.weights}, nobody=engine.hybrid.weights
    )
    found = reweighted(hybrid, {"features": 0.0})
    assert found.nobody is not None
    for weights in (found.weights, found.group_weights["cold"], found.nobody):
        assert set(weights.features.values()) == {0.0}


def test_an_arm_scores_by_its_factors_and_the_shop_stays_as_it_was(engine: Engine) -> None:
    before = engine.answer(Ask(now=NOW, user_id="u001", reasons=0)).items[0]
    arm = engine_of(Change(factors={"features": 0.0}), engine)
    after = arm.answer(Ask(now=NOW, user_id="u001", reasons=0)).items[0]
    assert after.score_parts["features"] == 0
    assert before.score_parts["features"] != 0
    assert engine.answer(Ask(now=NOW, user_id="u001", reasons=0)).items[0] == before


def test_an_arm_leaves_rules_out(engine: Engine) -> None:
    first = listed(engine)[0]
    rule = Rule.model_validate(
        {
            "rule_id": "hide",
            "name": "Hide",
            "author": "Mo",
            "effect": {"type": "hide", "target": {"item_ids": [first]}},
            "version": 1,
            "created": NOW,
            "updated": NOW,
        }
    )
    ruled = engine.ruled_by(FixedRules.of([rule]))
    assert first not in listed(ruled)
    assert listed(engine_of(Change(without_rules=("hide",)), ruled))[0] == first
    source = RulesWithout(FixedRules.of([rule]), frozenset({"other"}))
    assert source.current() is source.current()
    assert [each.rule_id for each in source.current().rules] == ["hide"]


def test_diversity_of_an_arm_stands_where_the_question_says_nothing(engine: Engine) -> None:
    arm = Treatment(engine, diversity=0.7)
    assert arm.asked(Ask(now=NOW)).diversity == 0.7
    assert arm.asked(Ask(now=NOW, diversity=0.0)).diversity == 0.0


def test_pages_of_a_drafted_list_go_on_where_the_last_one_ended(engine: Engine) -> None:
    arms = [Treatment(engine), Treatment(engine_of(Change(factors={EASE: 0.0}), engine))]
    whole, teams = interleaved("e1", arms, Ask(now=NOW, user_id="u001", n=9, reasons=0), seed=5)
    ids, cursor = [], None
    for page in range(3):
        ask = Ask(now=NOW + page * HOUR, user_id="u001", n=3, reasons=0, cursor=cursor)
        list_, _ = interleaved("e1", arms, ask, seed=5)
        ids += [item.item_id for item in list_.items]
        cursor = list_.next_cursor
    assert ids == [item.item_id for item in whole.items]
    assert (len(set(ids)), sorted(teams[:2])) == (9, [0, 1])
    with pytest.raises(BadRecord, match="cursor"):
        interleaved("e2", arms, Ask(now=NOW, user_id="u001", n=3, cursor=cursor), seed=5)


def test_a_drafted_list_that_takes_all_items_says_why_it_is_short(engine: Engine) -> None:
    arms = [Treatment(engine), Treatment(engine)]
    list_, _ = interleaved("e1", arms, Ask(now=NOW, user_id="u001", n=200, reasons=0), seed=1)
    usual = engine.answer(Ask(now=NOW, user_id="u001", n=200, reasons=0))
    assert [item.item_id for item in list_.items] == [item.item_id for item in usual.items]
    assert (list_.shortfall_reason, list_.next_cursor) == (usual.shortfall_reason, None)


def test_before_its_start_and_after_its_end_nobody_takes_part(engine: Engine) -> None:
    trials = Trials(Running(start=NOW, end=NOW + HOUR))
    for moment, takes_part in ((NOW - HOUR, False), (NOW, True), (NOW + HOUR, False)):
        found = trials.answer(engine, Ask(now=moment, user_id="u001", reasons=0))
        assert (found.experiment is not None) is takes_part
    assert trials.answer(engine, Ask(now=NOW, reasons=0)).experiment is None
    assert trials.answer(engine, Ask(now=NOW, reasons=0), "visit").experiment is not None


def test_an_arm_that_a_new_model_can_not_answer_stops_nobodys_list(engine: Engine) -> None:
    arms = [{"name": "a", "weight": 0.5}, {"name": "b", "weight": 0.5, "change": {"factors": {"joy": 2}}}]
    running = Running(arms=arms)
    trials = Trials(running)
    with pytest.raises(BadRecord, match="joy"):
        trials.prepare(engine, running.experiments[0])
    for user_id in ("u001", "u002", "u003"):
        found = trials.answer(engine, Ask(now=NOW, user_id=user_id, reasons=0))
        assert (found.experiment, len(found.items)) == (None, 10)


def test_the_id_holds_arm_propensity_and_group(engine: Engine) -> None:
    trials = Trials(Running(audience={"groups": ["cold", "warm", "heavy"]}))
    found = trials.answer(engine, Ask(now=NOW, user_id="u001", reasons=0))
    exposure = engine.signer.verify(found.recommendation_id)
    assert found.experiment is not None
    assert exposure.trial is not None
    assert (exposure.arm, exposure.propensity) == (found.experiment.arm, 0.5)
    assert exposure.trial.segment in {"cold", "warm", "heavy"}
    past = engine.profiles.history("u001", NOW)
    assert past is not None
    assert trials.answer(engine, Ask(now=NOW, past=past, user_id="u001", reasons=0)).experiment is None
    assert np.isfinite([item.score for item in found.items]).all()
