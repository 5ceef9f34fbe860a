from dataclasses import replace

import numpy as np

from gnn.linear.walks import relation_graph
from graph.schema import ALSO_BOUGHT, CATEGORY, CHILD_OF, IN_CATEGORY
from shopgraph.types import ITEM, USER, Edges, EdgeType, GraphSnapshot, NodeRef
from tests.planted import edges, planted_snapshot


def snapshot_with(relations: dict[EdgeType, Edges]) -> GraphSnapshot:
    return replace(planted_snapshot(n_items=4, n_tastes=2, n_events=2), relations=relations)


def test_means_are_over_distinct_neighbours() -> None:
    graph = relation_graph(snapshot_with({IN_CATEGORY: edges([0, 0, 0, 1], [0, 0, 1, 1])}), min_degree=1)
    rows = {graph.node(n): n for n in range(graph.n_nodes)}
    first, second = rows[NodeRef(CATEGORY, 0)], rows[NodeRef(CATEGORY, 1)]
    mean = graph.means[0].toarray()
    assert (mean[0, first], mean[0, second], mean[1, second]) == (0.5, 0.5, 1.0)
    assert not mean[2:].any()


def test_entities_of_one_edge_are_left_out_before_the_mean() -> None:
    graph = relation_graph(snapshot_with({IN_CATEGORY: edges([0, 0, 1], [0, 1, 1])}), min_degree=2)
    assert [graph.node(n) for n in range(4, graph.n_nodes)] == [NodeRef(CATEGORY, 1)]
    assert graph.row_of(NodeRef(CATEGORY, 0)) is None
    assert graph.means[0].toarray()[0].tolist() == [0, 0, 0, 0, 1]


def test_item_edges_go_both_ways_and_loops_are_left_out() -> None:
    graph = relation_graph(snapshot_with({ALSO_BOUGHT: edges([0, 0, 2], [1, 2, 2])}), min_degree=1)
    assert [step.forward for step in graph.steps] == [True, False]
    assert graph.means[0].toarray()[0].tolist() == [0, 0.5, 0.5, 0]
    assert graph.means[1].toarray()[2].tolist() == [1, 0, 0, 0]
    assert not graph.means[0].toarray()[2].any()


def test_categories_parents_are_a_second_hop_only() -> None:
    relations = {IN_CATEGORY: edges([0, 1], [0, 0]), CHILD_OF: edges([0], [1])}
    graph = relation_graph(snapshot_with(relations), min_degree=1)
    assert [graph.steps[n].edge_type for n in graph.first_hop] == [IN_CATEGORY]
    assert {step.edge_type for step in graph.steps} == {IN_CATEGORY, CHILD_OF}


def test_edges_that_touch_users_and_empty_relations_are_no_steps() -> None:
    relations = {
        EdgeType(USER, "FOLLOWS", USER): edges([0], [1]),
        EdgeType(ITEM, "SOLD_TO", USER): edges([0], [1]),
        IN_CATEGORY: edges([], []),
    }
    graph = relation_graph(snapshot_with(relations), min_degree=1)
    assert graph.steps == ()
    assert graph.n_nodes == 4
    np.testing.assert_array_equal(graph.node_idx, np.arange(4))
