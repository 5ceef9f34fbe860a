"""The relations that an item's vector is built from, as row-normalised sparse matrices over one node space.

Rows of the node space: the items (row = item_idx), then each entity that enough edges reach. A *step* is
an edge type and the direction it is walked in; `means[s] @ x` is the mean of x over each node's neighbours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gnn.history import FloatCsr, float_csr
from shopgraph.types import ITEM, USER, EdgeType, GraphSnapshot, IntVector, NodeRef, PathEdge


class Step(NamedTuple):
    """An edge type walked along (`forward`) or against its direction."""

    edge_type: EdgeType
    forward: bool

    @property
    def start(self) -> str:
        """The label that the step leaves."""
        return self.edge_type.src if self.forward else self.edge_type.dst

    @property
    def end(self) -> str:
        """The label that the step reaches."""
        return self.edge_type.dst if self.forward else self.edge_type.src

    @property
    def name(self) -> str:
        """`Item-MADE_BY->Brand`, or `Item<-ALSO_BOUGHT-Item` when walked backwards."""
        relation = self.edge_type.relation
        return (
            f"{self.start}-{relation}->{self.end}" if self.forward else f"{self.start}<-{relation}-{self.end}"
        )

    def edge(self, *, onward: bool) -> PathEdge:
        """The step in a path: `onward` as walked, else from its end back to its start."""
        return PathEdge(self.edge_type.relation, self.forward == onward)


@dataclass(frozen=True, eq=False)
class RelationGraph:
    """Node space and steps; `means[s]` has shape (n_nodes, n_nodes), its rows sum to 1 or are empty.

    Node n is `(labels[label_code[n]], node_idx[n])`.
    """

    n_items: int
    labels: tuple[str, ...]
    label_code: NDArray[np.int16]
    node_idx: IntVector
    steps: tuple[Step, ...]
    means: tuple[FloatCsr, ...]

    @property
    def n_nodes(self) -> int:
        return len(self.node_idx)

    @property
    def first_hop(self) -> tuple[int, ...]:
        """The steps that leave an item."""
        return tuple(n for n, step in enumerate(self.steps) if step.start == ITEM)

    def node(self, row: int) -> NodeRef:
        """The node in a row of the node space."""
        return NodeRef(self.labels[self.label_code[row]], int(self.node_idx[row]))

    def row_of(self, node: NodeRef) -> int | None:
        """The row of a node, None where it was left out."""
        if node.label == ITEM:
            return node.idx  # no item is ever left out
        if node.label not in self.labels:
            return None
        found = np.flatnonzero(
            (self.label_code == self.labels.index(node.label)) & (self.node_idx == node.idx)
        )
        return int(found[0]) if len(found) else None


def relation_graph(snapshot: GraphSnapshot, min_degree: int) -> RelationGraph:
    """The snapshot's relations as steps; those that touch users and those without edges are left out.

    Relations between items are walked both ways; entity → item is not walked. Several edges between
    two nodes count once. Entities with fewer than `min_degree` edges are dropped before the means.
    """
    usable = {
        edge_type: found
        for edge_type, found in sorted(snapshot.relations.items())
        if USER not in (edge_type.src, edge_type.dst) and edge_type.dst in snapshot.nodes and len(found)
    }
    labels = tuple(dict.fromkeys([ITEM, *(label for et in usable for label in (et.src, et.dst))]))
    sizes = [len(snapshot.nodes[label]) for label in labels]
    starts = dict(zip(labels, np.concatenate([[0], np.cumsum(sizes)[:-1]]).tolist(), strict=True))
    pairs = {
        edge_type: _distinct(starts[edge_type.src] + found.src, starts[edge_type.dst] + found.dst, sum(sizes))
        for edge_type, found in usable.items()
    }
    kept = _kept_nodes(pairs, sizes[0], sum(sizes), min_degree)
    new_row = np.cumsum(kept) - 1
    steps, means = [], []
    for edge_type, (src, dst) in pairs.items():
        both = kept[src] & kept[dst]
        for step in _steps(edge_type):
            ends = (new_row[src[both]], new_row[dst[both]])
            if both.any():
                steps.append(step)
                means.append(_mean_matrix(*(ends if step.forward else ends[::-1]), int(kept.sum())))
    label_code = np.repeat(np.arange(len(labels), dtype=np.int16), sizes)[kept]
    node_idx = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])[kept]
    return RelationGraph(sizes[0], labels, label_code, node_idx, tuple(steps), tuple(means))


def _steps(edge_type: EdgeType) -> Iterator[Step]:
    """The ways an edge type is walked."""
    yield Step(edge_type, forward=True)
    if edge_type.src == edge_type.dst == ITEM:
        yield Step(edge_type, forward=False)


def _distinct(
    src: NDArray[np.integer], dst: NDArray[np.integer], n_nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct (src, dst) pairs, without loops onto the same node."""
    keys = np.unique(src.astype(np.int64) * n_nodes + dst)
    pairs = keys // n_nodes, keys % n_nodes
    real = pairs[0] != pairs[1]
    return pairs[0][real], pairs[1][real]


def _kept_nodes(
    pairs: Mapping[EdgeType, tuple[NDArray[np.int64], NDArray[np.int64]]],
    n_items: int,
    n_nodes: int,
    min_degree: int,
) -> NDArray[np.bool_]:
    """All items, and the entities with at least `min_degree` edges."""
    degree = np.zeros(n_nodes, np.int64)
    for src, dst in pairs.values():
        degree += np.bincount(src, minlength=n_nodes) + np.bincount(dst, minlength=n_nodes)
    return (degree >= min_degree) | (np.arange(n_nodes) < n_items)


def _mean_matrix(rows: NDArray[np.int64], columns: NDArray[np.int64], n_nodes: int) -> FloatCsr:
    """Row-normalised matrix of distinct (row, column) pairs."""
    order = np.lexsort((columns, rows))
    degree = np.bincount(rows, minlength=n_nodes)
    indptr = np.concatenate([[0], np.cumsum(degree)])
    data = (1.0 / degree[rows[order]]).astype(np.float32)
    return float_csr(data, columns[order], indptr, n_nodes)
