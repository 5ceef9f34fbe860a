"""A snapshot as PyG's `HeteroData`: one node type a label, one edge type a relation, each also in reverse."""

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from shopgraph.types import ITEM, USER, EdgeType, GraphSnapshot

with warnings.catch_warnings():
    # torch 2.15 warns of torch.jit, which torch-geometric 2.8 still decorates its functions with.
    warnings.filterwarnings("ignore", category=FutureWarning)
    from torch_geometric.data import HeteroData

REVERSED = "rev_"
"""Stands before a relation's name where its edges run the other way."""


def hetero_data(snapshot: GraphSnapshot) -> HeteroData:
    """The graph as `HeteroData`: `num_nodes` of each label, `edge_index` of each edge type, sorted by target.

    Users' interactions are one edge type an event type. Repeated edges count once; edge types without edges
    are left out, and labels, but for users and items, that none reaches. Items have `x`, their text vectors,
    where the snapshot has any.
    """
    data = HeteroData()
    data[USER].num_nodes, data[ITEM].num_nodes = snapshot.n_users, snapshot.n_items
    if snapshot.text_vectors is not None:
        data[ITEM].x = torch.from_numpy(snapshot.text_vectors.astype(np.float32))
    for edge_type, src, dst in _edges(snapshot):
        for label in (edge_type.src, edge_type.dst):
            data[label].num_nodes = len(snapshot.nodes[label])
        reverse = (edge_type.dst, REVERSED + edge_type.relation, edge_type.src)
        data[tuple(edge_type)].edge_index = _edge_index(src, dst)
        data[reverse].edge_index = _edge_index(dst, src)
    return data


def _edges(snapshot: GraphSnapshot) -> Iterator[tuple[EdgeType, NDArray[np.int32], NDArray[np.int32]]]:
    x = snapshot.interactions
    for code, event in enumerate(snapshot.event_types):
        mine = x.type_code == code
        if mine.any():
            yield EdgeType(USER, event.relation, ITEM), x.user_idx[mine], x.item_idx[mine]
    for edge_type, edges in sorted(snapshot.relations.items()):
        if len(edges):
            yield edge_type, edges.src, edges.dst


def _edge_index(src: NDArray[np.int32], dst: NDArray[np.int32]) -> torch.Tensor:
    """Distinct edges by target, then source, int64, shape (2, n_edges)."""
    pairs = np.unique(np.stack([dst, src]), axis=1)[::-1].astype(np.int64)
    return torch.from_numpy(pairs.copy())
