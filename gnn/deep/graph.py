"""A snapshot's interactions and relations as sparse matrices, edges without repeats."""

from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from gnn.history import FloatCsr, float_csr_of_pairs, history_matrix
from shopgraph.types import ITEM, USER, Edges, EdgeType, GraphSnapshot, NodeTable


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


def pruned(snapshot: GraphSnapshot, min_degree: int) -> GraphSnapshot:
    """The snapshot without the entities that fewer edges reach; all users and items stay.

    An entity of one edge joins no two items, and a shop may name many: Amazon Beauty's related items that it
    does not sell are nine times as many as its own, and half of them are of that kind.
    """
    degree = {label: np.zeros(len(table), np.int64) for label, table in snapshot.nodes.items()}
    for (src, _, dst), edges in snapshot.relations.items():
        degree[src] += np.bincount(edges.src, minlength=len(degree[src]))
        degree[dst] += np.bincount(edges.dst, minlength=len(degree[dst]))
    kept = {label: (counts >= min_degree) | (label in (USER, ITEM)) for label, counts in degree.items()}
    row = {label: (np.cumsum(mask) - 1).astype(np.int32) for label, mask in kept.items()}
    relations = {}
    for edge_type, edges in snapshot.relations.items():
        src, dst = edge_type.src, edge_type.dst
        both = kept[src][edges.src] & kept[dst][edges.dst]
        ends = row[src][edges.src[both]], row[dst][edges.dst[both]]
        relations[edge_type] = Edges(*ends, edges.weight[both], edges.time[both])
    nodes = {
        label: NodeTable(tuple(compress(table.ids, kept[label])), tuple(compress(table.names, kept[label])))
        for label, table in snapshot.nodes.items()
    }
    return replace(snapshot, nodes=nodes, relations=relations)


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
