"""Several models in one part of the score."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from gnn.item_item.model import ItemItemConfig, item_item_for
from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.registry import SavedModel
from ranking.candidates import CandidateConfig, Candidates
from ranking.config import FusionConfig, HybridConfig
from ranking.groups import GROUPS, ShopperGroups, count_past_items
from ranking.hybrid import Hybrid
from ranking.scorer import Scorer, sum_by_part
from ranking.training import fit_hybrid
from shopgraph.errors import BadSettings
from shopgraph.types import PARTS, FusionWeights, GraphSnapshot, Interactions
from tests.planted import planted_snapshot
from tests.ranking.engines import with_models

TINY = LinearKGConfig(dim=8, epochs=2)
NEIGHBOURS = ItemItemConfig(max_items_closed_form=0)
FUSION = FusionConfig(max_users=100, n_candidates=30, n_hard=5)
FOUR = HybridConfig(
    fusion=FUSION, graph=TINY, others={"linear_2": TINY, "neighbours": NEIGHBOURS}, ablations=("all",)
)


@pytest.fixture(scope="module")
def snapshot() -> GraphSnapshot:
    """User n keeps the first 1 + n % 8 events."""
    planted = planted_snapshot(n_users=80, with_text=True)
    x = planted.interactions
    place = np.arange(len(x)) - np.searchsorted(x.user_idx, x.user_idx)
    kept = place <= x.user_idx % 8
    return replace(planted, interactions=Interactions(*(column[kept] for column in vars(x).values())))


@pytest.fixture(scope="module")
def hybrid(snapshot: GraphSnapshot) -> Hybrid:
    """Two models in each part, and weights of their own for heavy shoppers."""
    models: dict[str, SavedModel] = {
        "linear": LinearKG(TINY),
        "linear_2": LinearKG(TINY),
        "ease": item_item_for(snapshot.n_items, ItemItemConfig()),
        "neighbours": item_item_for(snapshot.n_items, NEIGHBOURS),
    }
    rng = np.random.default_rng(0)
    for model in models.values():
        model.fit(snapshot, rng)
    mixed = with_models(snapshot, models)
    heavy = FusionWeights({"linear": 0.2, "ease": 3.0, "neighbours": 1.5}, 0.5, mixed.weights.features)
    n_past = count_past_items(snapshot.histories)
    return Hybrid(
        models,
        mixed.features,
        mixed.scales,
        mixed.weights,
        mixed.n_items,
        groups=ShopperGroups.of_thirds(n_past),
        group_weights={"heavy": heavy},
    )


@pytest.mark.parametrize("top", [None, 100])
def test_the_shares_of_all_models_sum_to_every_part_in_every_group(
    snapshot: GraphSnapshot, hybrid: Hybrid, top: int | None
) -> None:
    scorer = Scorer(hybrid)
    assert hybrid.groups is not None
    codes = hybrid.groups.codes(count_past_items(snapshot.histories))
    items = np.arange(0, 40, 7, dtype=np.int32)
    everything = scorer.parts(snapshot.histories)
    for code in range(len(GROUPS)):
        user = int(np.flatnonzero(codes == code)[0])
        history = snapshot.histories.row(user)
        parts = scorer.parts_of_items(history, items)
        for place, shares in enumerate(scorer.shares_of_items(history, items, top=top)):
            sums = sum_by_part(shares)
            for part in PARTS:
                assert sums[part] == pytest.approx(parts[part][place], abs=1e-4)
                assert everything[part][user, items[place]] == pytest.approx(parts[part][place], abs=1e-4)


def test_a_groups_weights_are_its_own(snapshot: GraphSnapshot, hybrid: Hybrid) -> None:
    assert hybrid.groups is not None
    codes = hybrid.groups.codes(count_past_items(snapshot.histories))
    own = Scorer(hybrid, hybrid.group_weights["heavy"]).score(snapshot.histories)
    common = Scorer(hybrid, hybrid.weights).score(snapshot.histories)
    expected = np.where((codes == GROUPS.index("heavy"))[:, None], own, common)
    np.testing.assert_allclose(Scorer(hybrid).score(snapshot.histories), expected, atol=1e-4)


def test_the_largest_share_of_a_past_item_is_the_sum_over_models(
    snapshot: GraphSnapshot, hybrid: Hybrid
) -> None:
    scorer = Scorer(hybrid, hybrid.weights)
    history = snapshot.histories.row(5)
    target = np.array([int(np.argmax(scorer.parts(history)["item_item"][0]))], np.int32)
    totals: dict[int | None, float] = {}
    for share in scorer.shares_of_items(history, target)[0]:
        if share.kind == "item_item":
            assert share.name in {"ease", "neighbours"}
            totals[share.past_item_idx] = totals.get(share.past_item_idx, 0.0) + share.value
    (best,) = (s for s in scorer.shares_of_items(history, target, top=1)[0] if s.kind == "item_item")
    assert best.name == "ease+neighbours"
    assert totals[best.past_item_idx] == pytest.approx(best.value, abs=1e-5)
    assert best.value == pytest.approx(max(totals.values()), abs=1e-5)


def test_candidates_come_from_the_sum_of_the_item_item_models(
    snapshot: GraphSnapshot, hybrid: Hybrid
) -> None:
    scorer = Scorer(hybrid)
    only = CandidateConfig(score_all_below=0, graph=0, item_item=5, text=0, popular=0, trending=0)
    history = snapshot.histories.row(3)
    found = Candidates(scorer, config=only).gather(history, np.ones(snapshot.n_items, np.bool_))
    part = scorer.parts(history)["item_item"][0]
    assert set(found) == set(np.argsort(-part)[:5])


def test_a_loaded_hybrid_of_several_models_scores_as_the_saved_one(
    snapshot: GraphSnapshot, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid.save(tmp_path)
    loaded = Hybrid.load(tmp_path)
    assert (loaded.groups, loaded.group_weights) == (hybrid.groups, hybrid.group_weights)
    before, after = (Scorer(one).score(snapshot.histories) for one in (hybrid, loaded))
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_every_model_and_part_is_left_out_in_turn(snapshot: GraphSnapshot) -> None:
    fitted = fit_hybrid(snapshot, FOUR, np.random.default_rng(0))
    names = {"linear", "linear_2", "ease", "neighbours", "graph", "item_item", "features"}
    assert fitted.ablations.keys() == names
    assert not {"linear", "linear_2"} & fitted.ablations["graph"].models.keys()
    assert "ease" not in fitted.ablations["ease"].models
    assert "neighbours" in fitted.ablations["ease"].models
    assert not fitted.ablations["features"].features
    assert fitted.calibration is not None
    assert fitted.calibration.slope >= 0


def test_a_model_that_no_weight_is_given_to_is_left_out(snapshot: GraphSnapshot) -> None:
    twice = FOUR.model_copy(update={"others": {"ease_2": ItemItemConfig(l2=1e6)}, "ablations": ()})
    fitted = fit_hybrid(snapshot, twice, np.random.default_rng(0))
    weights = (fitted.weights, *fitted.group_weights.values())
    used = {name for one in weights for name, weight in one.models.items() if weight}
    assert fitted.models.keys() == used
    assert used <= fitted.scales.keys()


def test_an_ablation_of_nothing_known_is_refused(snapshot: GraphSnapshot) -> None:
    config = FOUR.model_copy(update={"ablations": ("gragh",)})
    with pytest.raises(BadSettings, match="gragh"):
        fit_hybrid(snapshot, config, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["linear", "graph", "all", "A b", ""])
def test_a_further_model_needs_a_name_that_is_free(name: str) -> None:
    with pytest.raises(ValidationError):
        HybridConfig(others={name: TINY})
