"""How a linear score splits over graph paths: pairs of routes that meet in one node.

A *route* leads from an item to a node that its vector holds: to itself (own), over one step, or over two.
An item's vector is Σ_routes coefficient · x_node + its text, so ⟨z_i, z_j⟩ holds, for each pair of routes
of i and j to the same node v, the term coefficient · coefficient · ⟨x_v, x_v⟩: that is the path's share.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnn.history import FloatCsr
from gnn.linear.parts import LinearParameters
from gnn.linear.walks import RelationGraph
from shopgraph.types import IntVector, NodeRef, Path, PathEdge

_NONE = -1


@dataclass(frozen=True, eq=False)
class Routes:
    """Routes of some items, all arrays shape (n_routes,); -1 stands for no step and no node between.

    Attributes:
        place: which of the items, as its place in the list that was asked for.
        node: row of the node where the route ends.
        coefficient: factor of the node's base vector.
        first: step of the first hop.
        between: row of the node after the first of two hops.
        second: step of the second hop.
    """

    place: NDArray[np.int64]
    node: NDArray[np.int64]
    coefficient: NDArray[np.float64]
    first: NDArray[np.int64]
    between: NDArray[np.int64]
    second: NDArray[np.int64]

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> "Routes":
        """The chosen routes, in that order."""
        return Routes(
            self.place[chosen],
            self.node[chosen],
            self.coefficient[chosen],
            self.first[chosen],
            self.between[chosen],
            self.second[chosen],
        )


def routes_of(items: IntVector, parameters: LinearParameters, graph: RelationGraph) -> Routes:
    """All routes of the items: own, one hop, and two hops where the model has them."""
    n = len(items)
    none = np.full(n, _NONE, np.int64)
    own = np.full(n, parameters.own_weight, np.float64)
    found = [Routes(np.arange(n), items.astype(np.int64), own, none, none, none)]
    for first in graph.first_hop:
        hop = _hop(first, items, float(parameters.first_hop[first]), graph)
        found.append(hop)
        found.extend(
            _onward(hop, second, float(weight), graph)
            for second, weight in enumerate(parameters.second_hop)
            if weight
        )
    return _joined(found)


@dataclass(frozen=True, eq=False)
class MeetingRoutes:
    """Pairs of a past item's route and the target's route that end in the same node.

    `value` is coefficient · coefficient · ⟨x_v, x_v⟩, without the past item's weight.
    """

    past: Routes
    target: Routes
    value: NDArray[np.float64]


def meeting_routes(past: Routes, target: Routes, squared_lengths: NDArray[np.float64]) -> MeetingRoutes:
    """Every pair of routes to one node; `squared_lengths` is ⟨x_v, x_v⟩ of each node."""
    target = target.take(np.argsort(target.node, kind="stable"))
    start = np.searchsorted(target.node, past.node, "left")
    count = np.searchsorted(target.node, past.node, "right") - start
    left = np.repeat(np.arange(len(past.node)), count)
    right = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(start, count)
    past, target = past.take(left), target.take(right)
    return MeetingRoutes(past, target, past.coefficient * target.coefficient * squared_lengths[past.node])


def path_of(
    pairs: MeetingRoutes, n: int, past_node: NodeRef, target_node: NodeRef, graph: RelationGraph
) -> Path:
    """The n-th pair as a path from the past item over the shared node to the target item."""
    there = _steps_of(pairs.past, n, graph)
    back = _steps_of(pairs.target, n, graph)
    path: list[NodeRef | PathEdge] = [past_node]
    for step, node in there:
        path += [graph.steps[step].edge(onward=True), node]
    before = [target_node, *(node for _, node in back)]
    for (step, _), node in zip(reversed(back), reversed(before[:-1]), strict=True):
        path += [graph.steps[step].edge(onward=False), node]
    return tuple(path)


def _steps_of(routes: Routes, n: int, graph: RelationGraph) -> list[tuple[int, NodeRef]]:
    """(step, node reached) of a route, in walking order."""
    first, second, node = int(routes.first[n]), int(routes.second[n]), graph.node(int(routes.node[n]))
    if first == _NONE:
        return []
    if second == _NONE:
        return [(first, node)]
    return [(first, graph.node(int(routes.between[n]))), (second, node)]


def _hop(step: int, rows: IntVector, weight: float, graph: RelationGraph) -> Routes:
    """The routes of one step from each row."""
    place, nodes, means = entries_of(graph.means[step], rows)
    none = np.full(len(nodes), _NONE, np.int64)
    return Routes(place, nodes, weight * means, np.full_like(none, step), none, none)


def _onward(hop: Routes, step: int, weight: float, graph: RelationGraph) -> Routes:
    """The routes of `hop`, one step further."""
    came, nodes, means = entries_of(graph.means[step], hop.node)
    coefficient = hop.coefficient[came] * weight * means
    return Routes(
        hop.place[came], nodes, coefficient, hop.first[came], hop.node[came], np.full_like(nodes, step)
    )


def entries_of(
    matrix: FloatCsr, rows: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(place in `rows`, column, value) of their entries; five times faster than scipy's own indexing."""
    start = matrix.indptr[rows].astype(np.int64)
    count = matrix.indptr[rows + 1] - start
    place = np.repeat(np.arange(len(rows)), count)
    at = np.arange(len(place)) + np.repeat(start - (np.cumsum(count) - count), count)
    return place, matrix.indices[at].astype(np.int64), matrix.data[at].astype(np.float64)


def _joined(parts: list[Routes]) -> Routes:
    return Routes(
        np.concatenate([part.place for part in parts]),
        np.concatenate([part.node for part in parts]),
        np.concatenate([part.coefficient for part in parts]),
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.between for part in parts]),
        np.concatenate([part.second for part in parts]),
    )
