"""Frozen removal by plain dense algebra: the slow reference that path shares are held against."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gnn.linear.model import LinearKG
from shopgraph.types import EdgeType, Histories, NodeRef, Path, PathEdge


class Edge(NamedTuple):
    """One edge of the graph."""

    src: NodeRef
    relation: str
    dst: NodeRef


def edges_of(path: Path) -> set[Edge]:
    """The edges that a path walks."""
    found = set()
    for start, step, end in zip(path[:-2:2], path[1:-1:2], path[2::2], strict=True):
        assert isinstance(start, NodeRef)
        assert isinstance(step, PathEdge)
        assert isinstance(end, NodeRef)
        found.add(Edge(start, step.relation, end) if step.forward else Edge(end, step.relation, start))
    return found


def score_without(model: LinearKG, history: Histories, item_idx: int, edge: Edge) -> float:
    """The score less every same-node term that needs the edge; all norms are kept."""
    score = float(model.score(history)[0, item_idx])
    weights = model._weights(history).toarray()[0].astype(np.float64)
    weights[item_idx] = 0
    lost = _same_node_terms(model, item_idx) - _same_node_terms(model, item_idx, edge)
    return score - float(weights @ lost)


def _same_node_terms(model: LinearKG, item_idx: int, without: Edge | None = None) -> NDArray[np.float64]:
    """Σ_v C[i, v] · C[j, v] · ⟨x_v, x_v⟩ of every item i with j = item_idx, C the nodes' factors in z."""
    parameters, graph = model.state.parameters, model.state.graph
    means = [mean.toarray().astype(np.float64) for mean in graph.means]
    if without is not None:
        src, dst = graph.row_of(without.src), graph.row_of(without.dst)
        for step, mean in zip(graph.steps, means, strict=True):
            if step.edge_type == EdgeType(without.src.label, without.relation, without.dst.label):
                mean[(src, dst) if step.forward else (dst, src)] = 0
    onward = np.eye(graph.n_nodes) + sum(
        weight * mean for weight, mean in zip(parameters.second_hop, means, strict=True)
    )
    factors = parameters.own_weight * np.eye(graph.n_nodes)
    for n in graph.first_hop:
        factors += parameters.first_hop[n] * means[n] @ onward
    factors = factors[: graph.n_items] * model.state.constants.astype(np.float64)[:, None]
    lengths = np.square(parameters.base.astype(np.float64)).sum(axis=1)
    terms: NDArray[np.float64] = factors @ (lengths * factors[item_idx])
    return terms
