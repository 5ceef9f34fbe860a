"""A linear model without what is banned: relations, entities or kinds of path, and all else as it was.

Removal, frozen: every term that uses what is banned is gone from every score, while the normalisers (means
over neighbours, c_j, gates, n_u) stay as they were trained. So a score drops by exactly the sum of those
terms. Of a relation or an entity these are all terms with a route over it, those that meet in no node
included; of a kind of path the paths themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gnn.history import FloatCsr, float_csr
from gnn.linear.file import LinearState
from gnn.linear.model import LinearKG
from gnn.linear.parts import TEXT, item_components, sum_components
from gnn.linear.paths import MeetingRoutes
from gnn.linear.vectors import ItemVectors
from gnn.linear.walks import RelationGraph
from shopgraph.types import (
    ITEM,
    USER,
    FloatMatrix,
    FloatVector,
    Histories,
    IntVector,
    NodeRef,
    PathEdge,
)

PathType = tuple[PathEdge, ...]
"""What all paths of one kind have in common: their steps, from the past item on."""

_NONE = -1


@dataclass(frozen=True)
class Bans:
    """What must not count; entities are nodes that are neither items nor users."""

    relations: frozenset[str] = frozenset()
    entities: frozenset[NodeRef] = frozenset()
    path_types: frozenset[PathType] = frozenset()

    def __or__(self, other: "Bans") -> "Bans":
        """What either bans."""
        return Bans(
            self.relations | other.relations,
            self.entities | other.entities,
            self.path_types | other.path_types,
        )

    def __bool__(self) -> bool:
        return bool(self.relations or self.entities or self.path_types)


def without_banned(model: LinearKG, bans: Bans) -> LinearKG:
    """The model less every term that uses what is banned; what it does not know changes nothing.

    Raises:
        ValueError: an entity is an item or a user.
    """
    if wrong := sorted(node for node in bans.entities if node.label in (ITEM, USER)):
        raise ValueError(f"{wrong[0]} is no entity: items and users are not walked over, they are met")
    state = model.state
    rows = [row for node in bans.entities if (row := state.graph.row_of(node)) is not None]
    known = {step.edge_type.relation for step in state.graph.steps}
    if rows or bans.relations & known:
        state = _cut(state, bans.relations, np.array(rows, np.int64))
        gates = model.vectors.gates(np.arange(state.graph.n_items))
        model = model.changed(state, ItemVectors(sum_components(state.components), gates))
    pairs = _pairs_of_types(state, bans.path_types)
    return _WithoutPaths(model, pairs) if pairs else model


def path_types(model: LinearKG) -> list[PathType]:
    """Every kind of path that the model may know, the shortest first."""
    found = {_type_of(past, target, model.state.graph) for past, target in _meeting(model.state)}
    return sorted(found, key=lambda steps: (len(steps), steps))


def _cut(state: LinearState, relations: frozenset[str], rows: NDArray[np.int64]) -> LinearState:
    """The state without the steps of these relations and without steps onto these nodes."""
    graph = state.graph
    means = tuple(
        _keeping(mean, np.zeros(mean.nnz, np.bool_))
        if step.edge_type.relation in relations
        else _keeping(mean, ~np.isin(mean.indices, rows))
        for step, mean in zip(graph.steps, graph.means, strict=True)
    )
    cut = replace(graph, means=means)
    raw, _ = item_components(state.parameters, cut, None, norm_power=0)
    components = {name: component * state.constants[:, None] for name, component in raw.items()}
    if TEXT in state.components:
        components[TEXT] = state.components[TEXT]
    return replace(state, graph=cut, components=components)


def _keeping(matrix: FloatCsr, kept: NDArray[np.bool_]) -> FloatCsr:
    """The matrix with these entries alone, their values as they were."""
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
    return float_csr(matrix.data[kept], matrix.indices[kept], before[matrix.indptr], matrix.shape[1])


@dataclass(frozen=True)
class _RouteType:
    """Steps of a route; -1 stands for none."""

    first: int = _NONE
    second: int = _NONE

    def steps(self) -> list[int]:
        return [step for step in (self.first, self.second) if step != _NONE]

    def end(self, graph: RelationGraph) -> str:
        steps = self.steps()
        return graph.steps[steps[-1]].end if steps else ITEM


def _route_types(state: LinearState) -> Iterator[_RouteType]:
    graph = state.graph
    yield _RouteType()
    for first in graph.first_hop:
        yield _RouteType(first)
        for second, weight in enumerate(state.parameters.second_hop):
            if weight and graph.steps[second].start == graph.steps[first].end:
                yield _RouteType(first, second)


def _meeting(state: LinearState) -> Iterator[tuple[_RouteType, _RouteType]]:
    """Kinds of routes of a past item and of a target that may end in one node."""
    kinds = list(_route_types(state))
    for past in kinds:
        for target in kinds:
            if past.end(state.graph) == target.end(state.graph) and (past.steps() or target.steps()):
                yield past, target


def _type_of(past: _RouteType, target: _RouteType, graph: RelationGraph) -> PathType:
    there = [graph.steps[step].edge(onward=True) for step in past.steps()]
    back = [graph.steps[step].edge(onward=False) for step in reversed(target.steps())]
    return (*there, *back)


def _pairs_of_types(state: LinearState, banned: frozenset[PathType]) -> list[tuple[_RouteType, _RouteType]]:
    return [pair for pair in _meeting(state) if _type_of(*pair, state.graph) in banned]


class _WithoutPaths(LinearKG):
    """The model less the paths of some kinds.

    The paths of a past item's routes A and a target's routes B add up to `A · diag(⟨x_v, x_v⟩) · Bᵀ`, with
    A and B sparse, items × nodes, their constants c_j in them.
    """

    def __init__(self, model: LinearKG, pairs: list[tuple[_RouteType, _RouteType]]) -> None:
        super().__init__(model.config)
        self.best_epoch, self.state, self.vectors = model.best_epoch, model.state, model.vectors
        self._pairs = pairs
        kinds = {kind for pair in pairs for kind in pair}
        routes = {kind: _coefficients(model.state, kind) for kind in kinds}
        base = model.state.parameters.base
        lengths = np.einsum("nd,nd->n", base, base, dtype=np.float64).astype(np.float32)
        self._products: list[tuple[FloatCsr, FloatCsr]] = []
        self._itself = np.zeros(len(model.vectors), np.float32)
        for past, target in pairs:
            weighted = float_csr(
                routes[past].data * lengths[routes[past].indices],
                routes[past].indices,
                routes[past].indptr,
                len(lengths),
            )
            self._products.append((weighted, sparse.csr_array(routes[target].T)))
            self._itself += np.asarray(weighted.multiply(routes[target]).sum(axis=1)).ravel()

    def score(self, histories: Histories) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items)."""
        scores: FloatMatrix = super().score(histories) - self._banned(histories)
        return scores

    def score_items(self, history: Histories, item_idx: IntVector) -> FloatVector:
        """Scores of some items for one history, shape (len(item_idx),)."""
        scores: FloatVector = super().score_items(history, item_idx) - self._banned(history)[0, item_idx]
        return scores

    def _banned(self, histories: Histories) -> FloatMatrix:
        """What the banned paths add to each score; an item of the history leaves itself out."""
        weights = self._weights(histories)
        found = np.zeros(weights.shape, np.float32)
        for past, target in self._products:
            found += ((weights @ past) @ target).toarray()
        owners = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
        found[owners, weights.indices] -= weights.data * self._itself[weights.indices]
        return found

    def _counted(self, pairs: MeetingRoutes, values: NDArray[np.float64]) -> NDArray[np.float64]:
        banned = np.zeros(len(values), np.bool_)
        there, back = pairs.past, pairs.target
        for past, target in self._pairs:
            banned |= (
                (there.first == past.first)
                & (there.second == past.second)
                & (back.first == target.first)
                & (back.second == target.second)
            )
        return np.where(banned, 0.0, values)


def _coefficients(state: LinearState, kind: _RouteType) -> FloatCsr:
    """Each item's coefficients of the nodes where its routes of a kind end, shape (n_items, n_nodes)."""
    graph, parameters, n_items = state.graph, state.parameters, state.graph.n_items
    if kind.first == _NONE:
        rows = np.arange(n_items + 1)
        data = np.full(n_items, parameters.own_weight, np.float32)
        found = float_csr(data, rows[:-1], rows, graph.n_nodes)
    else:
        found = parameters.first_hop[kind.first] * graph.means[kind.first][:n_items]
        if kind.second != _NONE:
            found = found @ (parameters.second_hop[kind.second] * graph.means[kind.second])
    scaled = sparse.csr_array(found)
    constants = np.repeat(state.constants, np.diff(scaled.indptr))
    data = (scaled.data * constants).astype(np.float32)
    return float_csr(data, scaled.indices, scaled.indptr, graph.n_nodes)
