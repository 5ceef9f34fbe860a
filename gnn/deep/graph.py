"""A snapshot's interactions and relations as sparse matrices, edges without repeats."""

from dataclasses import dataclass

import numpy as np

from gnn.history import FloatCsr, float_csr_of_pairs, history_matrix
from shopgraph.types import ITEM, USER, EdgeType, GraphSnapshot


@dataclass(frozen=True, eq=False)
class Relation:
    """An edge type in one direction, over one space of nodes: items first, then each label's.

    `mean` has shape (n_nodes, n_nodes), rows are where messages arrive; an entry is 1 / the number of edges,
    of all relations, that reach its row's node.
    """

    edge_type: EdgeType
    forward: bool
    mean: FloatCsr


def distinct_interactions(snapshot: GraphSnapshot) -> FloatCsr:
    """Users × items, 1 where there was any event."""
    alike = np.tile(np.array([1, 0], np.float32), (len(snapshot.event_types), 1))
    return history_matrix(snapshot.histories, snapshot.n_items, alike)


def knowledge_relations(snapshot: GraphSnapshot) -> list[Relation]:
    """Every relation that has edges and touches no user, both ways."""
    used = {
        edge_type: edges
        for edge_type, edges in sorted(snapshot.relations.items())
        if len(edges) and USER not in (edge_type.src, edge_type.dst)
    }
    labels = list(dict.fromkeys([ITEM, *(label for et in used for label in (et.src, et.dst))]))
    sizes = [len(snapshot.nodes[label]) for label in labels]
    starts = dict(zip(labels, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
    found = []
    for edge_type, edges in used.items():
        ends = (starts[edge_type.src] + edges.src, starts[edge_type.dst] + edges.dst)
        for forward in (True, False):
            to, come_from = ends if forward else ends[::-1]
            ones = np.ones(len(edges), np.float32)
            links = float_csr_of_pairs(ones, to, come_from, (sum(sizes), sum(sizes)))
            links.data[:] = 1
            found.append(Relation(edge_type, forward, links))
    degree = np.sum([np.diff(relation.mean.indptr) for relation in found], axis=0) if found else np.ones(1)
    for relation in found:
        counts = np.diff(relation.mean.indptr)
        relation.mean.data[:] = 1 / np.repeat(np.maximum(degree, 1), counts)
    return found
