from dataclasses import replace

import numpy as np
import torch

from gnn.deep.graph import distinct_interactions, knowledge_relations, pruned
from gnn.deep.kgin import KGIN, KGINConfig
from gnn.deep.kgin_module import KGINModule
from gnn.deep.pairs import Pairs
from shopgraph.types import EdgeType, NodeTable, Recommender
from tests.gnn.recommender_suite import LONELY_ITEM, RecommenderSuite, awkward_snapshot
from tests.planted import edges

SMALL = KGINConfig(dim=16, epochs=15, batch_size=64, learning_rate=0.02)


class TestKGIN(RecommenderSuite):
    def make(self) -> Recommender:
        return KGIN(SMALL)


def small_module() -> KGINModule:
    snapshot = awkward_snapshot()
    start = torch.Generator().manual_seed(0)
    return KGINModule(distinct_interactions(snapshot), knowledge_relations(snapshot), SMALL, start)


def test_doubled_edges_count_once_and_empty_relations_not_at_all() -> None:
    relations = knowledge_relations(awkward_snapshot())
    names = {(relation.edge_type.relation, relation.forward) for relation in relations}
    kinds = ("MADE_BY", "IN_CATEGORY", "ALSO_BOUGHT")
    assert names == {(name, forward) for name in kinds for forward in (True, False)}
    sums = np.sum([relation.mean.sum(axis=1) for relation in relations], axis=0)
    assert sums[LONELY_ITEM] == 0
    linked = np.delete(np.arange(40), LONELY_ITEM)
    np.testing.assert_allclose(sums[linked], 1, atol=1e-6)


def test_entities_of_few_edges_are_pruned_and_the_others_keep_their_edges() -> None:
    snapshot = awkward_snapshot()
    few = edges([0, 1, 2], [0, 1, 1])
    tag = EdgeType("Item", "HAS_TAG", "Tag")
    nodes = {**snapshot.nodes, "Tag": NodeTable(("lone", "shared", "bare"), ("Lone", "Shared", "Bare"))}
    found = pruned(replace(snapshot, nodes=nodes, relations={**snapshot.relations, tag: few}), 2)
    assert found.nodes["Tag"].ids == ("shared",)
    assert found.relations[tag].src.tolist() == [1, 2]
    assert found.relations[tag].dst.tolist() == [0, 0]
    assert found.n_items == snapshot.n_items


def test_a_brand_s_next_vector_is_the_mean_of_its_items_times_the_relation() -> None:
    snapshot = awkward_snapshot()
    module = small_module()
    relations = knowledge_relations(snapshot)
    which = next(n for n, r in enumerate(relations) if r.edge_type.relation == "MADE_BY" and not r.forward)
    labels = list(dict.fromkeys(label for r in relations for label in (r.edge_type.src, r.edge_type.dst)))
    row = 40 + (0 if labels.index("Brand") < labels.index("Category") else 4)
    items = np.arange(0, 40, 4)  # of brand 0
    with torch.no_grad():
        expected = module.relations[which] * module.nodes[items].mean(dim=0)
        found = module._next(module.nodes, None)[row]
    torch.testing.assert_close(found, expected)


def test_the_pair_s_item_is_left_out_of_its_users_past() -> None:
    snapshot = awkward_snapshot()
    module = small_module()
    item = int(snapshot.histories.row(3).item_idx[0])
    batch = Pairs(*(torch.tensor([n]) for n in (3, item, 0)))
    columns = torch.arange(module.n_items)
    module.settings = SMALL.model_copy(update={"edge_dropout": 0.0})
    with torch.no_grad():
        found = module.vectors(batch, columns, torch.Generator()).profiles[0].numpy()
    state = module.state()
    others = np.setdiff1d(snapshot.histories.row(3).item_idx, [item])
    assert state.gates is not None
    expected = state.own[3] + state.gates[3] * state.past[others].mean(axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
