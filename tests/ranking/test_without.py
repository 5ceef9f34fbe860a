"""Features without some of the graph's facts, held against features fitted without them."""

from dataclasses import replace

import numpy as np
import pytest

from graph.schema import BRAND, CATEGORY
from ranking.config import FeatureConfig
from ranking.feature_fitting import fit_features
from ranking.without import GraphFacts, edges_of, has_edge, labels_without, without_events
from shopgraph.types import ITEM, Edges, EdgeType, GraphEdge, GraphSnapshot, NodeRef, PathEdge
from tests.gnn.recommender_suite import one_history
from tests.planted import PURCHASE, VIEW
from tests.ranking.engines import shop

SNAPSHOT = shop()
BRAND_OF_4 = GraphEdge(NodeRef(ITEM, 4), "MADE_BY", NodeRef(BRAND, 0))
CATEGORY_OF_5 = GraphEdge(NodeRef(ITEM, 5), "IN_CATEGORY", NodeRef(CATEGORY, 1))
PARENT_OF_1 = GraphEdge(NodeRef(CATEGORY, 1), "CHILD_OF", NodeRef(CATEGORY, 4))


def labels(snapshot: GraphSnapshot) -> dict[str, np.ndarray]:
    features = fit_features(snapshot, FeatureConfig(), np.random.default_rng(0))
    return {name: matrix.toarray() for name, matrix in features.labels.items()}


def less(*gone: GraphEdge, relation: str = "") -> GraphSnapshot:
    relations = {}
    for edge_type, found in SNAPSHOT.relations.items():
        if edge_type.relation == relation:
            continue
        kept = np.ones(len(found), np.bool_)
        for edge in gone:
            if edge_type == EdgeType(edge.src.label, edge.relation, edge.dst.label):
                kept &= (found.src != edge.src.idx) | (found.dst != edge.dst.idx)
        relations[edge_type] = Edges(*(column[kept] for column in vars(found).values()))
    return replace(SNAPSHOT, relations=relations)


@pytest.mark.parametrize(
    ("gone", "rest"),
    [
        (GraphFacts(edges=frozenset({BRAND_OF_4})), less(BRAND_OF_4)),
        (GraphFacts(edges=frozenset({CATEGORY_OF_5})), less(CATEGORY_OF_5)),
        (GraphFacts(edges=frozenset({PARENT_OF_1})), less(PARENT_OF_1)),
        (
            GraphFacts(edges=frozenset({PARENT_OF_1, CATEGORY_OF_5, BRAND_OF_4})),
            less(PARENT_OF_1, CATEGORY_OF_5, BRAND_OF_4),
        ),
        (GraphFacts(frozenset({"MADE_BY"})), less(relation="MADE_BY")),
        (GraphFacts(frozenset({"CHILD_OF"})), less(relation="CHILD_OF")),
        (
            GraphFacts(frozenset({"CHILD_OF"}), frozenset({CATEGORY_OF_5})),
            less(CATEGORY_OF_5, relation="CHILD_OF"),
        ),
    ],
)
def test_labels_are_those_of_a_shop_that_never_had_the_facts(gone: GraphFacts, rest: GraphSnapshot) -> None:
    features = fit_features(SNAPSHOT, FeatureConfig(), np.random.default_rng(0))
    found = {
        name: matrix.toarray() for name, matrix in labels_without(features, gone, SNAPSHOT.relations).items()
    }
    expected = labels(rest)
    assert found.keys() == expected.keys()
    for name, matrix in expected.items():
        np.testing.assert_array_equal(found[name], matrix)
    assert any(
        name not in found or not np.array_equal(found[name], matrix)
        for name, matrix in labels(SNAPSHOT).items()
    )


def test_a_path_walks_edges_as_they_point() -> None:
    path = (
        NodeRef(ITEM, 1),
        PathEdge("MADE_BY", True),
        NodeRef(BRAND, 1),
        PathEdge("MADE_BY", False),
        NodeRef(ITEM, 5),
    )
    assert edges_of(path) == (
        GraphEdge(NodeRef(ITEM, 1), "MADE_BY", NodeRef(BRAND, 1)),
        GraphEdge(NodeRef(ITEM, 5), "MADE_BY", NodeRef(BRAND, 1)),
    )


def test_an_edge_is_known_in_its_own_direction_alone() -> None:
    assert has_edge(SNAPSHOT.relations, BRAND_OF_4)
    assert not has_edge(SNAPSHOT.relations, GraphEdge(BRAND_OF_4.dst, "MADE_BY", BRAND_OF_4.src))
    assert not has_edge(SNAPSHOT.relations, BRAND_OF_4._replace(dst=NodeRef(BRAND, 1)))
    assert not has_edge(SNAPSHOT.relations, BRAND_OF_4._replace(relation="OWNED_BY"))


def test_events_that_are_gone_leave_the_others_in_order() -> None:
    history = one_history(SNAPSHOT, [3, 4, 3], PURCHASE, [9, 5, 1])
    history = replace(
        history, type_code=np.array([VIEW, VIEW, PURCHASE], np.int8), user_idx=np.array([7], np.int32)
    )
    left = without_events(history, np.array([False, True, False]))
    assert left.item_idx.tolist() == [3, 3]
    assert left.type_code.tolist() == [VIEW, PURCHASE]
    assert left.indptr.tolist() == [0, 2]
    assert left.user_idx is not None
    assert left.user_idx.tolist() == [-1]  # no vector of a trained user stands for a changed past
