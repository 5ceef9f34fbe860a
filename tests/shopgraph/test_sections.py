import numpy as np
import pytest

from evaluation.harness import evaluate
from evaluation.ratings import unseen_ratings
from gnn.linear.config import LinearKGConfig
from gnn.ratings import ratings_of
from ranking.config import FusionConfig, HybridConfig
from ranking.groups import GROUPS
from ranking.holdout import hold_out
from ranking.scorer import Scorer
from ranking.training import fit_hybrid
from shopgraph.sections import sections, seed_detail
from tests.planted import planted_snapshot
from tests.rated import rated_snapshot


def test_every_shopper_is_in_one_group_and_the_odds_are_near_what_happened() -> None:
    rng = np.random.default_rng(0)
    train, heldout = hold_out(planted_snapshot(n_users=200), "random", rng, share=0.3)
    config = HybridConfig(
        fusion=FusionConfig(max_users=200, n_candidates=40, n_hard=10), graph=LinearKGConfig(dim=8, epochs=2)
    )
    hybrid = fit_hybrid(train, config, rng)
    results = [evaluate({"hybrid": Scorer(hybrid).score}, train, heldout)]
    found = sections(results, [seed_detail(hybrid, train, heldout, rng)], rng)
    groups = {name: group for name, group in found["groups"].items() if name in GROUPS}
    assert sum(group["n_users"] for group in groups.values()) == len(heldout)
    whole = results[0]["hybrid"].per_user["ndcg@10"].mean()
    weighted = sum(g["n_users"] * g["models"]["hybrid"]["ndcg@10"]["mean"] for g in groups.values())
    assert weighted / len(heldout) == pytest.approx(whole)
    calibration = found["calibration"]
    assert sum(each["n"] for each in calibration["bins"]) == 20 * len(heldout)
    first, last = calibration["bins"][0], calibration["bins"][-1]
    assert last["predicted"] > 2 * first["predicted"]
    assert last["observed"] > 2 * first["observed"]
    assert calibration["expected_error"] < 0.1


def test_held_out_stars_are_predicted_where_there_are_any() -> None:
    rng = np.random.default_rng(0)
    shop = rated_snapshot()
    train, heldout = hold_out(shop, "random", rng, share=0.3)
    config = HybridConfig(
        fusion=FusionConfig(max_users=200, n_candidates=40, n_hard=10), graph=LinearKGConfig(dim=8, epochs=10)
    )
    hybrid = fit_hybrid(train, config, rng)
    results = [evaluate({"hybrid": Scorer(hybrid).score}, train, heldout)]
    unseen = unseen_ratings(shop, train)
    found = sections(results, [seed_detail(hybrid, train, heldout, rng, unseen)], rng)["ratings"]
    assert found["n_ratings"] == [len(unseen)]
    assert 0 < len(unseen) < len(ratings_of(shop))
    assert found["graph"]["rmse"] < found["mean"]["rmse"]
    assert "ratings" not in sections(results, [seed_detail(hybrid, train, heldout, rng)], rng)
