import torch

from gnn.deep.hetero import hetero_data
from tests.gnn.recommender_suite import awkward_snapshot


def test_each_relation_with_edges_is_there_both_ways_without_repeats() -> None:
    data = hetero_data(awkward_snapshot(with_text=True))
    data.validate()
    assert data["Item"].num_nodes == 40
    assert data["Item"].x.shape == (40, 16)
    made_by = data["Item", "MADE_BY", "Brand"].edge_index
    assert made_by.shape[1] == 39  # doubled edges once; the lonely item has none
    back = data["Brand", "rev_MADE_BY", "Item"].edge_index
    assert set(map(tuple, made_by.T.tolist())) == set(map(tuple, back.flip(0).T.tolist()))
    assert torch.equal(made_by[1], made_by[1].sort().values)


def test_relations_and_labels_without_edges_are_left_out() -> None:
    data = hetero_data(awkward_snapshot())
    assert not any("SOLD_WITH" in edge_type[1] for edge_type in data.edge_types)
    assert "Voucher" not in data.node_types
    assert ("User", "FOLLOWS", "User") in data.edge_types
