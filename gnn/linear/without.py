"""A linear model as it would be without some of the graph's facts: the counterfactual of DESIGN's removal.

Nothing is learned anew: base vectors, weights of relations and the gate stay. All that follows from them is
renewed: means over fewer neighbours, component by component the item vectors, their constants c_j, gates and
the mean item. So the score of the result is no old score less some shares.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gnn.history import FloatCsr, float_csr
from gnn.linear.model import LinearKG
from gnn.linear.parts import (
    NORM_FLOOR,
    OWN,
    TEXT,
    LinearParameters,
    relation_components,
    sum_components,
)
from gnn.linear.paths import entries_of
from gnn.linear.vectors import ItemVectors, LazyComponents, PatchedVectors, patched
from gnn.linear.walks import RelationGraph
from shopgraph.types import EdgeType, FloatMatrix, FloatVector, GraphEdge


def without_relations(model: LinearKG, relations: Collection[str]) -> LinearKG:
    """The model without every edge type of these names; names that it does not know change nothing."""
    state, graph = model.state, model.state.graph
    gone = np.array([step.edge_type.relation in relations for step in graph.steps])
    if not gone.any():
        return model
    kept = (~gone).astype(np.float32)
    parameters = replace(
        state.parameters,
        first_hop=state.parameters.first_hop * kept,
        second_hop=state.parameters.second_hop * kept,
    )
    removed = [graph.steps[n].name for n in graph.first_hop if gone[n]]
    names = [name for name in state.components if name not in removed]
    if state.parameters.second_hop.any():  # a relation may be the second step of the others
        raw = _raw_components(model, parameters)
        rest = sum_components({name: raw[name] for name in names}) * state.constants[:, None]
    else:
        raw = None
        rest = model.item_vectors - sum_components({name: state.components[name] for name in removed})
    constants = _constants(rest / state.constants[:, None], model.config.norm_power)
    renewed = (constants / state.constants)[:, None]
    vectors: FloatMatrix = rest * renewed

    def component(name: str) -> FloatMatrix:
        found: FloatMatrix
        found = state.components[name] * renewed if raw is None else raw[name] * constants[:, None]
        return found

    changed = replace(
        state,
        parameters=parameters,
        components=LazyComponents(names, component),
        constants=constants,
    )
    return model.changed(changed, ItemVectors(vectors, parameters.gates(vectors)))


def without_edges(model: LinearKG, edges: Collection[GraphEdge]) -> LinearKG:
    """The model without these edges; edges that it does not walk change nothing.

    An entity stays known to the model however few edges are left to it.
    """
    state = model.state
    graph, changed_nodes = _graph_without(state.graph, edges)
    if not len(changed_nodes):
        return model
    rows = _items_that_see(graph, state.parameters, changed_nodes)
    raw = _raw_rows(model, graph, rows)
    total = sum_components(raw)
    constants = _constants(total, model.config.norm_power)
    vectors: FloatMatrix = total * constants[:, None]
    before = state.components

    def component(name: str) -> FloatMatrix:
        return patched(before[name], rows, raw[name] * constants[:, None])

    all_constants = state.constants.copy()
    all_constants[rows] = constants
    changed = replace(
        state, graph=graph, components=LazyComponents(before, component), constants=all_constants
    )
    gates = state.parameters.gates(vectors)
    return model.changed(changed, PatchedVectors(model.vectors, rows, vectors, gates))


def _graph_without(
    graph: RelationGraph, edges: Collection[GraphEdge]
) -> tuple[RelationGraph, NDArray[np.intp]]:
    """(the graph, whose means go on without the edges, the nodes with other means, ascending)."""
    gone: dict[int, list[tuple[int, int]]] = {}
    for edge in edges:
        src, dst = graph.row_of(edge.src), graph.row_of(edge.dst)
        if src is None or dst is None:
            continue  # reached by too few edges: it was never in the graph
        edge_type = EdgeType(edge.src.label, edge.relation, edge.dst.label)
        for n, step in enumerate(graph.steps):
            if step.edge_type == edge_type:
                gone.setdefault(n, []).append((src, dst) if step.forward else (dst, src))
    means = list(graph.means)
    changed: set[int] = set()
    for n, pairs in gone.items():
        means[n], rows = _mean_without(graph.means[n], pairs)
        changed |= rows
    return replace(graph, means=tuple(means)), np.array(sorted(changed), np.intp)


def _mean_without(mean: FloatCsr, pairs: Collection[tuple[int, int]]) -> tuple[FloatCsr, set[int]]:
    """(the means over the neighbours that are left, the rows that changed); what is gone weighs 0."""
    data = mean.data.copy()
    changed: set[int] = set()
    for row, column in pairs:
        own = slice(int(mean.indptr[row]), int(mean.indptr[row + 1]))
        met = mean.indices[own] == column
        if met.any() and (data[own][met] != 0).all():
            data[own][met] = 0
            left = np.count_nonzero(data[own])
            data[own] = np.where(data[own] != 0, np.float32(1 / max(int(left), 1)), np.float32(0))
            changed.add(row)
    return float_csr(data, mean.indices, mean.indptr, mean.shape[1]), changed


def _items_that_see(
    graph: RelationGraph, parameters: LinearParameters, nodes: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The items whose vectors depend on the means of these nodes, ascending."""
    found = [nodes[nodes < graph.n_items]]
    if parameters.second_hop.any():
        for n in graph.first_hop:
            mean = graph.means[n]
            place = np.flatnonzero(np.isin(mean.indices, nodes))
            owners = np.searchsorted(mean.indptr, place, side="right") - 1
            found.append(owners[owners < graph.n_items])
    return np.unique(np.concatenate(found))


def _raw_rows(model: LinearKG, graph: RelationGraph, rows: NDArray[np.intp]) -> dict[str, FloatMatrix]:
    """The components of some items before their constants, by name."""
    state, parameters = model.state, model.state.parameters
    raw = {OWN: np.float32(parameters.own_weight) * parameters.base[rows]}
    if TEXT in state.components:
        raw[TEXT] = state.components[TEXT][rows] / state.constants[rows, None]
    for n in graph.first_hop:
        mean = _rows_of(graph.means[n], rows)
        nodes = np.unique(mean.indices)
        near = float_csr(mean.data, np.searchsorted(nodes, mean.indices), mean.indptr, len(nodes))
        neighbours = parameters.base[nodes]
        for weight, onward in zip(parameters.second_hop, graph.means, strict=True):
            if weight:
                neighbours = neighbours + weight * (_rows_of(onward, nodes) @ parameters.base)
        raw[graph.steps[n].name] = parameters.first_hop[n] * (near @ neighbours)
    return raw


def _raw_components(model: LinearKG, parameters: LinearParameters) -> Mapping[str, FloatMatrix]:
    """The components of all items before their constants, by other weights of the relations."""
    state = model.state
    raw = {OWN: np.float32(parameters.own_weight) * parameters.base[: state.graph.n_items]}
    if TEXT in state.components:
        raw[TEXT] = state.components[TEXT] / state.constants[:, None]
    return raw | relation_components(parameters, state.graph)


def _rows_of(matrix: FloatCsr, rows: NDArray[np.integer]) -> FloatCsr:
    """Some rows of the matrix."""
    place, columns, values = entries_of(matrix, rows)
    indptr = np.searchsorted(place, np.arange(len(rows) + 1))
    return float_csr(values.astype(np.float32), columns, indptr, matrix.shape[1])


def _constants(raw: FloatMatrix, norm_power: float) -> FloatVector:
    """c_j of items whose vectors these are before it."""
    squared = np.einsum("nd,nd->n", raw, raw, dtype=np.float64)
    constants: FloatVector = ((squared + NORM_FLOOR) ** (-norm_power / 2)).astype(np.float32)
    return constants
