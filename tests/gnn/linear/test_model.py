import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.linear.parts import text_differences
from graph.schema import ALSO_BOUGHT, BRAND, CATEGORY
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import ITEM, GraphSnapshot, NodeRef, PathEdge
from tests.gnn.frozen import edges_of, score_without
from tests.gnn.recommender_suite import RecommenderSuite, awkward_snapshot, one_history
from tests.planted import PURCHASE, VIEW, planted_snapshot

ONE_HOP = LinearKGConfig(dim=8, epochs=20, batch_size=16, min_degree=1)
TWO_HOPS = LinearKGConfig(dim=8, epochs=20, batch_size=16, min_degree=1, hops=2)


class TestOneHop(RecommenderSuite):
    def make(self) -> LinearKG:
        return LinearKG(ONE_HOP)


class TestTwoHops(RecommenderSuite):
    def make(self) -> LinearKG:
        return LinearKG(TWO_HOPS)


def fitted(snapshot: GraphSnapshot, config: LinearKGConfig = ONE_HOP) -> LinearKG:
    model = LinearKG(config)
    model.fit(snapshot, np.random.default_rng(0))
    return model


@pytest.mark.parametrize("config", [ONE_HOP, TWO_HOPS])
@pytest.mark.parametrize("item_idx", [4, 8])
def test_frozen_removal_of_an_edge_drops_the_score_by_the_shares_that_use_it(
    config: LinearKGConfig, item_idx: int
) -> None:
    snapshot = awkward_snapshot(with_text=True)
    model = fitted(snapshot, config)
    history = snapshot.histories.row(0)
    shares = [share for share in model.shares(history, item_idx) if share.kind == "path"]
    edges = set().union(*(edges_of(share.path) for share in shares))
    assert len(edges) >= 10
    score = model.score(history)[0, item_idx]
    for edge in edges:
        using = sum(share.value for share in shares if edge in edges_of(share.path))
        assert score - score_without(model, history, item_idx, edge) == pytest.approx(using, abs=1e-6)


def test_shared_brand_and_category_and_a_direct_edge_are_the_paths() -> None:
    snapshot = awkward_snapshot()
    history = one_history(snapshot, [0], PURCHASE, [1])
    shares = fitted(snapshot).shares(history, 4)
    past, target = NodeRef(ITEM, 0), NodeRef(ITEM, 4)
    assert {share.path for share in shares if share.kind == "path"} == {
        (past, PathEdge("ALSO_BOUGHT", True), target),
        (past, PathEdge("MADE_BY", True), NodeRef(BRAND, 0), PathEdge("MADE_BY", False), target),
        (past, PathEdge("IN_CATEGORY", True), NodeRef(CATEGORY, 0), PathEdge("IN_CATEGORY", False), target),
    }
    assert [share.past_item_idx for share in shares if share.kind == "latent"] == [0]


def test_share_of_a_brand_path_is_weights_times_means_times_the_brands_length() -> None:
    snapshot = planted_snapshot()
    model = fitted(snapshot)
    history = one_history(snapshot, [0], PURCHASE, [1])
    share = next(found for found in model.shares(history, 4) if NodeRef(BRAND, 0) in found.path)
    parameters, graph = model.state.parameters, model.state.graph
    step = next(n for n, step in enumerate(graph.steps) if step.end == BRAND)
    brand = parameters.base[graph.row_of(NodeRef(BRAND, 0))]
    # One brand an item (mean of one), one purchase of weight 1 (n_u = 1).
    gate = parameters.gates(model.item_vectors)[0]
    norms = model.state.constants[0] * model.state.constants[4]
    expected = norms * parameters.scale * gate * parameters.first_hop[step] ** 2 * (brand @ brand)
    assert share.value == pytest.approx(float(expected), rel=1e-5)


def test_two_hops_show_the_node_in_between() -> None:
    snapshot = awkward_snapshot()
    history = one_history(snapshot, [1], PURCHASE, [1])
    shares = fitted(snapshot, TWO_HOPS).shares(history, 9)
    over_an_item = (
        NodeRef(ITEM, 1),
        PathEdge("ALSO_BOUGHT", True),
        NodeRef(ITEM, 5),
        PathEdge("MADE_BY", True),
        NodeRef(BRAND, 1),
        PathEdge("MADE_BY", False),
        NodeRef(ITEM, 9),
    )
    assert over_an_item in {share.path for share in shares}


def test_components_sum_to_the_item_vectors_and_name_the_relations() -> None:
    model = fitted(awkward_snapshot(with_text=True))
    assert set(model.components) == {
        "own",
        "text",
        "Item-MADE_BY->Brand",
        "Item-IN_CATEGORY->Category",
        "Item-ALSO_BOUGHT->Item",
        "Item<-ALSO_BOUGHT-Item",
    }
    np.testing.assert_allclose(sum(model.components.values()), model.item_vectors, atol=1e-5)


def test_profile_times_item_vector_is_the_score_of_an_item_outside_the_history() -> None:
    snapshot = planted_snapshot()
    model = fitted(snapshot)
    history = one_history(snapshot, [0, 4], PURCHASE, [1, 2])
    product = model.profiles(history) @ (model.item_vectors[8] - model.item_vectors.mean(axis=0))
    assert product[0] == pytest.approx(model.score(history)[0, 8], abs=1e-5)


def test_a_page_has_its_latent_shares_summed() -> None:
    snapshot = awkward_snapshot(with_text=True)
    model, history = fitted(snapshot), snapshot.histories.row(0)
    (all_shares,) = model.shares_of_items(history, np.array([4], np.int32))
    (page,) = model.shares_of_items(history, np.array([4], np.int32), top=2)
    assert sum(share.kind == "path" for share in page) == 2
    for name in ("", "text"):
        (summed,) = [share.value for share in page if (share.kind, share.name) == ("latent", name)]
        each = [share.value for share in all_shares if (share.kind, share.name) == ("latent", name)]
        assert len(each) > 1
        assert summed == pytest.approx(sum(each))


def test_an_item_of_the_history_leaves_itself_out() -> None:
    snapshot = planted_snapshot()
    model = fitted(snapshot)
    alone = model.score(one_history(snapshot, [3], PURCHASE, [1]))[0, 3]
    assert alone == pytest.approx(0, abs=1e-5)


def test_a_purchase_counts_more_than_a_view_and_an_old_event_less() -> None:
    snapshot = planted_snapshot()
    model = fitted(snapshot, ONE_HOP.model_copy(update={"half_life_days": 10.0, "history_power": 0.0}))
    events = [(PURCHASE, 0), (PURCHASE, 10), (VIEW, 0), (VIEW, 20)]
    scores = [model.score(one_history(snapshot, [0], code, [days]))[0, 4] for code, days in events]
    assert scores[1] == pytest.approx(scores[0] / 2, rel=1e-4)
    assert scores[3] == pytest.approx(scores[2] / 4, rel=1e-4)
    assert all(above > below for above, below in pairwise(scores))


def test_relations_that_touch_users_change_nothing() -> None:
    snapshot = awkward_snapshot()
    assert not any("FOLLOWS" in name for name in fitted(snapshot).components)


def test_scoring_and_loading_need_no_torch(tmp_path: Path) -> None:
    fitted(planted_snapshot()).save(tmp_path)
    code = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path; "
        "from gnn.linear.model import LinearKG; "
        f"from tests.planted import planted_snapshot as p; m = LinearKG.load(Path({str(tmp_path)!r})); "
        "print(m.score(p().histories).shape, len(m.shares(p().histories.row(0), 1)) > 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(60, 40) True\n"


def test_text_projection_survives_saving(tmp_path: Path) -> None:
    snapshot = awkward_snapshot(with_text=True)
    model = fitted(snapshot)
    model.save(tmp_path)
    loaded = LinearKG.load(tmp_path)
    history = snapshot.histories.row(0)
    assert list(loaded.shares(history, 7)) == list(model.shares(history, 7))
    assert snapshot.text_vectors is not None
    parameters = loaded.state.parameters
    assert parameters.text_mean is not None
    assert parameters.projection is not None
    text = text_differences(snapshot.text_vectors[7:8], parameters.text_mean) @ parameters.projection
    np.testing.assert_allclose(text[0] * loaded.state.constants[7], loaded.components["text"][7], atol=1e-5)


def test_damaged_file_is_said(tmp_path: Path) -> None:
    fitted(planted_snapshot()).save(tmp_path)
    file = tmp_path / "linear.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ArtefactDamaged, match=r"linear\.safetensors: .*train again"):
        LinearKG.load(tmp_path)


def test_item_edges_are_walked_both_ways() -> None:
    names = [step.name for step in fitted(awkward_snapshot()).state.graph.steps]
    relation = ALSO_BOUGHT.relation
    assert {f"Item-{relation}->Item", f"Item<-{relation}-Item"} <= set(names)
