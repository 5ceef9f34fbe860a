"""The hybrid as it would be without some of the graph's facts; what was learned from shoppers stays.

Renewed are the graph models that are sums of paths, the near items that are made of their vectors, and the
features that count shared nodes. The other item–item models (and graph models that are no such sums) stay as
trained: what they learned lies in their matrices, and only a training could take a relation out of these.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gnn.linear.model import LinearKG
from gnn.linear.near import NearItems
from gnn.linear.without import without_edges, without_relations
from gnn.registry import SavedModel
from ranking.feature_fitting import item_labels
from ranking.features import AFFINITY, FeatureSet
from ranking.hybrid import Hybrid
from ranking.models import LINEAR
from shopgraph.types import ITEM, Edges, EdgeType, GraphEdge, Histories, NodeRef, Path, PathEdge

Relations = Mapping[EdgeType, Edges]
_Pairs = Mapping[EdgeType, Collection[tuple[int, int]]]
"""(source, target) of edges by their type."""


@dataclass(frozen=True)
class GraphFacts:
    """Facts of the graph that are taken out: all edges of some names, and single ones."""

    relations: frozenset[str] = frozenset()
    edges: frozenset[GraphEdge] = field(default_factory=frozenset)

    def __bool__(self) -> bool:
        return bool(self.relations or self.edges)


def hybrid_without(hybrid: Hybrid, gone: GraphFacts, relations: Relations) -> Hybrid:
    """The hybrid without these facts; `relations` are all that the shop has."""
    if not gone:
        return hybrid
    models: dict[str, SavedModel] = {}
    for name, model in hybrid.models.items():
        models[name] = model
        if isinstance(model, LinearKG):
            models[name] = without_edges(without_relations(model, gone.relations), gone.edges)
    linear = models.get(LINEAR)
    for name, model in hybrid.models.items():
        if isinstance(model, NearItems) and isinstance(linear, LinearKG):
            models[name] = model.over(linear)
    labels = labels_without(hybrid.features, gone, relations)
    return replace(hybrid, models=models, features=replace(hybrid.features, labels=labels))


def kept_as_trained(hybrid: Hybrid) -> tuple[str, ...]:
    """Names of the models that `hybrid_without` leaves as they are."""
    linear = hybrid.models.get(LINEAR)
    return tuple(
        name
        for name, model in hybrid.models.items()
        if not isinstance(model, LinearKG)
        and not (
            isinstance(model, NearItems) and isinstance(linear, LinearKG) and model.over(linear) is not model
        )
    )


def edges_of(path: Path) -> tuple[GraphEdge, ...]:
    """The edges that a path walks, as they point, from its start to its end."""
    found = []
    for start, step, end in zip(path[:-2:2], path[1:-1:2], path[2::2], strict=True):
        if not isinstance(start, NodeRef) or not isinstance(step, PathEdge) or not isinstance(end, NodeRef):
            raise TypeError(f"a path is node, edge, node, …; got {path}")
        found.append(
            GraphEdge(start, step.relation, end) if step.forward else GraphEdge(end, step.relation, start)
        )
    return tuple(found)


def has_edge(relations: Relations, edge: GraphEdge) -> bool:
    """Whether the shop's graph holds the edge."""
    found = relations.get(EdgeType(edge.src.label, edge.relation, edge.dst.label))
    return found is not None and edge.dst.idx in _targets(found, edge.src.idx)


def without_events(history: Histories, gone: NDArray[np.bool_]) -> Histories:
    """The history (batch of one) without some of its events; it is no user's that a model knows."""
    kept = ~gone
    return Histories(
        np.array([0, int(kept.sum())], np.int64),
        history.item_idx[kept],
        history.type_code[kept],
        history.value[kept],
        history.time[kept],
        history.now,
        None if history.user_idx is None else np.full(1, -1, np.int32),
    )


def labels_without(
    features: FeatureSet, gone: GraphFacts, relations: Relations
) -> dict[str, sparse.csr_array]:
    """The features' item × node matrices without these facts."""
    left: dict[str, sparse.csr_array] = {}
    removed: dict[EdgeType, set[tuple[int, int]]] = {}
    for edge in gone.edges:
        edge_type = EdgeType(edge.src.label, edge.relation, edge.dst.label)
        removed.setdefault(edge_type, set()).add((edge.src.idx, edge.dst.idx))
    types = {
        AFFINITY + edge_type.relation: edge_type
        for edge_type in relations
        if edge_type.src == ITEM and edge_type.dst != ITEM
    }
    for name, matrix in features.labels.items():
        edge_type = types[name]
        if edge_type.relation in gone.relations:
            continue
        above = {each: edges for each, edges in relations.items() if each.src == each.dst == edge_type.dst}
        if not _counts_ancestors(matrix, relations[edge_type]):
            above = {}
        if any(each.relation in gone.relations for each in above):
            above = {each: edges for each, edges in above.items() if each.relation not in gone.relations}
            matrix = item_labels(relations[edge_type], above, matrix.shape)
        rows = _changed_rows(matrix, edge_type, above, removed)
        left[name] = _with_rows(
            matrix, {row: _labels_of(row, edge_type, relations[edge_type], above, removed) for row in rows}
        )
    return left


def _counts_ancestors(matrix: sparse.csr_array, direct: Edges) -> bool:
    """Whether a matrix of labels holds more than the direct ones."""
    return bool(matrix.nnz > len(direct))


def _changed_rows(
    matrix: sparse.csr_array, edge_type: EdgeType, above: Relations, removed: _Pairs
) -> list[int]:
    """The items whose labels the removed edges change, ascending."""
    rows = {src for src, _ in removed.get(edge_type, ())}
    for node in {src for each in above for src, _ in removed.get(each, ())}:
        place = np.flatnonzero(matrix.indices == node)
        rows.update((np.searchsorted(matrix.indptr, place, side="right") - 1).tolist())
    return sorted(rows)


def _labels_of(
    item_idx: int, edge_type: EdgeType, direct: Edges, above: Relations, removed: _Pairs
) -> list[int]:
    """The labels of an item, those above them included, without what is gone."""
    found: set[int] = set()
    frontier = _left_targets(direct, item_idx, removed.get(edge_type, frozenset()))
    while frontier:
        found |= frontier
        further = [
            _left_targets(edges, node, removed.get(each, frozenset()))
            for node in frontier
            for each, edges in above.items()
        ]
        frontier = set().union(*further) - found
    return sorted(found)


def _left_targets(edges: Edges, src: int, removed: Collection[tuple[int, int]]) -> set[int]:
    return {dst for dst in _targets(edges, src).tolist() if (src, dst) not in removed}


def _with_rows(matrix: sparse.csr_array, changed: Mapping[int, Iterable[int]]) -> sparse.csr_array:
    """The matrix of ones with other columns in some rows, which are given ascending."""
    if not changed:
        return matrix
    pieces, lengths, done = [], np.diff(matrix.indptr), 0
    for row, columns in changed.items():
        own = np.array(list(columns), matrix.indices.dtype)
        pieces += [matrix.indices[done : matrix.indptr[row]], own]
        lengths[row], done = len(own), int(matrix.indptr[row + 1])
    indices = np.concatenate([*pieces, matrix.indices[done:]])
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_array((np.ones(len(indices), np.float32), indices, indptr), shape=matrix.shape)


def _targets(edges: Edges, src: int) -> NDArray[np.int32]:
    """Where the edges of a node lead; they are ordered by their source."""
    start, end = np.searchsorted(edges.src, [src, src + 1])
    return edges.dst[start:end]
