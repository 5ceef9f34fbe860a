"""Explanations measured: by hand on a few shares, and on a planted shop from end to end."""

from dataclasses import replace
from pathlib import Path as FilePath
from xml.etree import ElementTree

import numpy as np
import pytest

from evaluation.explanations import ALONE, Explanations, Sizes, weighed
from evaluation.fidelity_plot import write_fidelity_plot
from evaluation.path_fidelity import (
    Recomputed,
    curves,
    edges_cut,
    node_popularity,
    shown_against_random,
)
from evaluation.path_quality import ExplainedItem, explained_lists, path_share, quality, stability
from graph.schema import BRAND, CATEGORY
from ranking.holdout import hold_out
from ranking.models import EASE, LINEAR
from ranking.scorer import Scorer
from shopgraph.types import ITEM, GraphEdge, NodeRef, Path, PathEdge, Share
from tests.planted import PURCHASE
from tests.ranking.test_counterfactual import SNAPSHOT, engine

HYBRID = engine().hybrid
RELATIONS = SNAPSHOT.relations
PAST, TARGET = NodeRef(ITEM, 1), NodeRef(ITEM, 5)
SMALL = Sizes(users=6, top_n=4, cases=10, curve_cases=4, ranked_users=20)


def over(relation: str, node: NodeRef) -> Path:
    return PAST, PathEdge(relation, True), node, PathEdge(relation, False), TARGET


BRAND_PATH = over("MADE_BY", NodeRef(BRAND, 1))
CATEGORY_PATH = over("IN_CATEGORY", NodeRef(CATEGORY, 1))
NO_PATH = over("MADE_BY", NodeRef(BRAND, 2))


def item(*shares: Share, score: float | None = None) -> ExplainedItem:
    total = sum(share.value for share in shares) if score is None else score
    return ExplainedItem(SNAPSHOT.histories.row(1), 1, TARGET.idx, total, shares)


def test_a_path_over_an_edge_that_does_not_exist_is_found_out() -> None:
    real = item(Share("path", 0.5, 1, BRAND_PATH), Share("latent", 0.5))
    made_up = item(Share("path", 0.5, 1, NO_PATH), Share("latent", 0.5))
    assert quality([[real]], RELATIONS)["shown_edges_that_exist"] == 1
    assert quality([[real, made_up]], RELATIONS)["shown_edges_that_exist"] == 0.5
    written = item(Share("path", 1.0, 1, (PAST, PathEdge("SIMILAR_TO", True), TARGET)))
    assert quality([[written]], RELATIONS)["shown_edges_written_by_models"] == 1


def test_shares_that_do_not_sum_to_the_score_are_found_out() -> None:
    honest, wrong = item(Share("latent", 0.5)), item(Share("latent", 0.5), score=0.75)
    found = quality([[honest, wrong]], RELATIONS)
    assert found["sum_error_max"] == pytest.approx(0.25)
    assert found["items_explained"] == 0


def test_the_paths_share_is_of_what_is_said_and_of_the_score() -> None:
    shares = (Share("path", 0.4, 1, BRAND_PATH), Share("path", -0.1, 1, CATEGORY_PATH), Share("latent", -0.5))
    found = path_share([item(*shares, Share("item_item", 1.0, 1))])
    assert found["of_what_is_said"] == pytest.approx(0.5 / 2.0)
    assert found["of_the_score"] == pytest.approx(0.3 / 0.8)
    assert found["latent_of_what_is_said"] == pytest.approx(0.25)
    assert found["item_item_of_what_is_said"] == pytest.approx(0.5)


def test_only_what_speaks_for_the_item_is_a_path_largest_first() -> None:
    small, large = Share("path", 0.1, 1, BRAND_PATH), Share("path", 0.3, 1, CATEGORY_PATH)
    against = Share("path", -0.2, 2, NO_PATH)
    assert item(small, against, large).paths == (large, small)


def test_diversity_counts_what_differs() -> None:
    shares = Share("path", 0.3, 1, BRAND_PATH), Share("path", 0.1, 1, CATEGORY_PATH)
    found = quality([[item(*shares), item(*shares)]], RELATIONS)["diversity"]
    assert found["past_items_per_path_of_item"] == 0.5  # both paths start at one item
    assert found["nodes_per_path_of_item"] == found["kinds_per_path_of_item"] == 1
    assert found["nodes_per_path_of_list"] == 0.5  # the best path of both items is over one brand


def test_a_path_is_cut_at_every_edge_or_at_one_side() -> None:
    ends = [GraphEdge(end, "MADE_BY", NodeRef(BRAND, 1)) for end in (PAST, TARGET)]
    paths = [Share("path", 0.5, 1, BRAND_PATH)]
    assert edges_cut(paths, "every_edge") == set(ends)
    assert edges_cut(paths, "shoppers_side") == {ends[0]}
    assert edges_cut(paths, "items_side") == {ends[1]}


def test_popularity_counts_edges_at_both_ends() -> None:
    counts = node_popularity(RELATIONS)
    assert counts[NodeRef(BRAND, 1)] == 10
    assert counts[NodeRef(CATEGORY, 0)] == 11  # ten items and its parent
    assert counts[NodeRef(ITEM, 0)] == 3  # brand, category, bought with item 4


def test_what_is_recomputed_is_the_score_where_nothing_is_taken_out() -> None:
    scorer = Scorer(HYBRID)
    (own,) = explained_lists(scorer, SNAPSHOT, np.array([1], np.int32), 5)
    recomputed = Recomputed(scorer, RELATIONS)
    assert any(each.paths for each in own)
    for each in own:
        assert recomputed.score(each, ()) == pytest.approx(each.score, abs=1e-5)
        if each.paths:
            assert recomputed.score(each, edges_cut(each.paths, "every_edge")) < each.score - 0.01


def test_lists_hold_nothing_that_was_bought() -> None:
    (own,) = explained_lists(Scorer(HYBRID), SNAPSHOT, np.array([1], np.int32), 30)
    history = SNAPSHOT.histories.row(1)
    assert not {each.item_idx for each in own} & set(history.item_idx[history.type_code == PURCHASE].tolist())
    assert [each.score for each in own] == sorted((each.score for each in own), reverse=True)


def test_shown_paths_are_held_against_others_of_the_same_item() -> None:
    scorer = Scorer(HYBRID)
    lists = explained_lists(scorer, SNAPSHOT, np.arange(4, dtype=np.int32), 4)
    cases = [each for own in lists for each in own if len(each.paths) >= 8]
    assert cases
    recomputed = Recomputed(scorer, RELATIONS)
    found = shown_against_random(cases, recomputed, np.random.default_rng(0))
    for cut in ("every_edge", "shoppers_side", "items_side"):
        assert found[cut]["mean_drop_shown"] > 0
        assert 0 <= found[cut]["larger_drop"]["mean"] <= 1
    drawn = curves(cases, recomputed, node_popularity(RELATIONS), np.random.default_rng(0))
    for order in ("by_share", "random", "by_popularity"):
        deletion, insertion = drawn[order]["deletion"]["left"], drawn[order]["insertion"]["left"]
        assert deletion[0] <= 1 + 1e-6
        assert insertion[-1] >= insertion[0]


def test_two_trainings_that_are_one_agree_in_all() -> None:
    scorer = Scorer(HYBRID)
    lists = explained_lists(scorer, SNAPSHOT, np.arange(5, dtype=np.int32), 4)
    found = stability(lists, scorer, SNAPSHOT, 4)
    assert found.pop("items_compared") > 0
    assert set(found.values()) == {1.0}


def test_the_graph_part_is_weighed_alone_and_in_every_group() -> None:
    grouped = replace(HYBRID, group_weights={"cold": HYBRID.weights})
    doubled, alone = weighed(grouped, 2.0), weighed(grouped, None)
    before = HYBRID.weights.models
    for weights in (doubled.weights, doubled.group_weights["cold"]):
        assert weights.models == {LINEAR: 2 * before[LINEAR], EASE: before[EASE]}
    for weights in (alone.weights, alone.group_weights["cold"]):
        assert (weights.models, weights.features) == ({LINEAR: before[LINEAR]}, {})


def test_the_section_holds_every_measure() -> None:
    train, heldout = hold_out(SNAPSHOT, "random", np.random.default_rng(0))
    found = Explanations(SMALL)
    for _ in range(2):
        found.add(HYBRID, train, heldout, np.random.default_rng(0), lambda _: None)
    section = found.section
    assert section["sum_error_max"] < 1e-4
    assert section["shown_edges_that_exist"] == 1
    assert section["kept_as_trained"] == [EASE]
    assert section["fidelity"]["n_cases"] > 0
    by_factor = section["graph_weight"]["by_factor"]
    shares = [by_factor[name]["of_what_is_said"] for name in ("0.5", "2", "8")]
    assert shares == sorted(shares)
    assert by_factor[ALONE]["item_item_of_what_is_said"] == 0
    assert section["stability"]["same_best_path"] == 1


def test_curves_are_drawn_with_every_order_named(tmp_path: FilePath) -> None:
    pytest.importorskip("matplotlib", reason="the plot belongs to the train extra")
    both = {way: {"left": [0.9, 0.5], "area": 0.7} for way in ("deletion", "insertion")}
    drawn = {"n_cases": 7, "steps": [1, 3], "by_share": both, "random": both, "by_popularity": both}
    write_fidelity_plot(drawn, tmp_path / "curves.svg", "beauty & more")
    texts = {each.text for each in ElementTree.parse(tmp_path / "curves.svg").iter() if each.text}
    assert {"largest share first", "at random", "most popular node first", "paths taken out"} <= texts
    assert any("beauty & more" in text and "n = 7" in text for text in texts)
