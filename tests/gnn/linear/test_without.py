"""Without an edge or a relation: held against a graph that never had it, by the trained parameters."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.linear.parts import item_components, sum_components
from gnn.linear.vectors import ItemVectors
from gnn.linear.walks import relation_graph
from gnn.linear.without import without_edges, without_relations
from graph.schema import ALSO_BOUGHT, BRAND, CATEGORY, IN_CATEGORY, MADE_BY
from shopgraph.types import ITEM, Edges, EdgeType, GraphEdge, GraphSnapshot, NodeRef
from tests.gnn.recommender_suite import awkward_snapshot

SNAPSHOT = awkward_snapshot(with_text=True)
ONE_HOP = LinearKGConfig(dim=8, epochs=6, batch_size=16, min_degree=1)
TWO_HOPS = ONE_HOP.model_copy(update={"hops": 2})
BRAND_OF_4 = GraphEdge(NodeRef(ITEM, 4), "MADE_BY", NodeRef(BRAND, 0))
ALSO_0_7 = GraphEdge(NodeRef(ITEM, 0), "ALSO_BOUGHT", NodeRef(ITEM, 7))
CATEGORY_OF_7 = GraphEdge(NodeRef(ITEM, 7), "IN_CATEGORY", NodeRef(CATEGORY, 3))


@pytest.fixture(scope="module", params=[ONE_HOP, TWO_HOPS], ids=["one hop", "two hops"])
def model(request: pytest.FixtureRequest) -> LinearKG:
    model = LinearKG(request.param)
    model.fit(SNAPSHOT, np.random.default_rng(0))
    return model


def less(snapshot: GraphSnapshot, *gone: GraphEdge) -> GraphSnapshot:
    relations = dict(snapshot.relations)
    for edge in gone:
        edge_type = EdgeType(edge.src.label, edge.relation, edge.dst.label)
        found = relations[edge_type]
        kept = (found.src != edge.src.idx) | (found.dst != edge.dst.idx)
        assert not kept.all()
        relations[edge_type] = Edges(*(column[kept] for column in vars(found).values()))
    return replace(snapshot, relations=relations)


def by_hand(model: LinearKG, snapshot: GraphSnapshot) -> LinearKG:
    """The trained parameters over the graph of another snapshot that has the same nodes and steps."""
    graph = relation_graph(snapshot, 1)
    assert graph.steps == model.state.graph.steps
    parameters = model.state.parameters
    components, constants = item_components(parameters, graph, snapshot.text_vectors, model.config.norm_power)
    vectors = sum_components(components)
    state = replace(model.state, graph=graph, components=components, constants=constants)
    return model.changed(state, ItemVectors(vectors, parameters.gates(vectors)))


@pytest.mark.parametrize(
    "gone", [(BRAND_OF_4,), (ALSO_0_7,), (BRAND_OF_4, ALSO_0_7, CATEGORY_OF_7)], ids=["brand", "item", "all"]
)
def test_it_scores_as_by_a_graph_that_never_had_the_edges(
    model: LinearKG, gone: tuple[GraphEdge, ...]
) -> None:
    expected, found = by_hand(model, less(SNAPSHOT, *gone)), without_edges(model, gone)
    histories = SNAPSHOT.histories
    assert np.abs(expected.score(histories) - model.score(histories)).max() > 1e-3
    np.testing.assert_allclose(found.score(histories), expected.score(histories), atol=2e-5)
    np.testing.assert_allclose(found.item_vectors, expected.item_vectors, atol=1e-6)
    np.testing.assert_allclose(found.profiles(histories), expected.profiles(histories), atol=1e-5)
    some, history = np.array([0, 4, 7, 20], np.int32), histories.row(0)
    np.testing.assert_allclose(
        found.score_items(history, some), expected.score_items(history, some), atol=2e-5
    )
    for name, component in expected.components.items():
        np.testing.assert_allclose(found.components[name], component, atol=1e-6)


def test_shares_without_an_edge_sum_to_the_new_score_and_never_walk_it(model: LinearKG) -> None:
    found, history = without_edges(model, [BRAND_OF_4]), SNAPSHOT.histories.row(0)
    shares = found.shares(history, 4)
    assert sum(share.value for share in shares) == pytest.approx(found.score(history)[0, 4], abs=1e-5)
    before = {share.path for share in model.shares(history, 4) if NodeRef(BRAND, 0) in share.path}
    assert before
    lost = before - {share.path for share in shares}
    assert {path[-3:] for path in lost if path[-3] == BRAND_OF_4.dst} == {
        path[-3:] for path in before if path[-3] == BRAND_OF_4.dst
    }


def test_edges_may_be_taken_out_one_after_the_other(model: LinearKG) -> None:
    at_once = without_edges(model, [BRAND_OF_4, ALSO_0_7])
    in_turn = without_edges(without_edges(model, [BRAND_OF_4]), [ALSO_0_7])
    histories = SNAPSHOT.histories
    np.testing.assert_allclose(in_turn.score(histories), at_once.score(histories), atol=2e-5)


@pytest.mark.parametrize("gone", [MADE_BY, ALSO_BOUGHT, IN_CATEGORY])
def test_it_scores_as_by_a_graph_without_the_relation(model: LinearKG, gone: EdgeType) -> None:
    found = without_relations(model, {gone.relation})
    parameters = model.state.parameters
    kept = np.array([step.edge_type != gone for step in model.state.graph.steps], np.float32)
    cut = replace(parameters, first_hop=parameters.first_hop * kept, second_hop=parameters.second_hop * kept)
    expected = by_hand(model.changed(replace(model.state, parameters=cut), model.vectors), SNAPSHOT)
    histories = SNAPSHOT.histories
    np.testing.assert_allclose(found.score(histories), expected.score(histories), atol=2e-5)
    assert not any(gone.relation in name for name in found.components)
    shares = found.shares(histories.row(0), 4)
    assert sum(share.value for share in shares) == pytest.approx(found.score(histories)[0, 4], abs=1e-5)
    assert not any(gone.relation in str(share.path) for share in shares)


def test_what_the_model_does_not_walk_changes_nothing(model: LinearKG) -> None:
    unknown = GraphEdge(NodeRef(ITEM, 4), "MADE_BY", NodeRef(BRAND, 3))
    assert without_edges(model, [unknown]) is model
    assert without_relations(model, {"FOLLOWS", "NO_SUCH"}) is model
