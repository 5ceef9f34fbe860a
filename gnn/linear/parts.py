"""What training learns of the linear model, and the item vectors that follow from it (numpy alone)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gnn.history import FloatCsr
from gnn.linear.walks import RelationGraph
from shopgraph.types import BoolVector, FloatMatrix, FloatVector, GraphSnapshot, iter_batches

OWN, TEXT = "own", "text"
NORM_FLOOR = 1e-12
"""Added to an item vector's squared length before its norm is taken."""

_LENDERS, _LIKENESS_POWER = 10, 4
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class LinearParameters:
    """The learned numbers.

    Attributes:
        base: x_v of every node, shape (n_nodes, dim).
        own_weight: factor of an item's own base vector in its vector.
        first_hop: w_r of each step, shape (n_steps,); counts where the step leaves an item.
        second_hop: w_q of each step as a second hop, shape (n_steps,); 0 in a model of one hop.
        projection: P, shape (dim_text, dim), None without texts.
        text_mean: the mean text vector, from which texts are measured, shape (dim_text,); None likewise.
        gate: direction of the gate, shape (dim,), and `gate_bias`: sigmoid(⟨gate, z_i⟩ + gate_bias).
        scale: factor of every score, a part of n_u.
    """

    base: FloatMatrix
    own_weight: float
    first_hop: FloatVector
    second_hop: FloatVector
    projection: FloatMatrix | None
    text_mean: FloatVector | None
    gate: FloatVector
    gate_bias: float
    scale: float

    def gates(self, item_vectors: FloatMatrix) -> FloatVector:
        """The gate of each item, in (0, 1), shape (n_items,)."""
        logits = item_vectors @ self.gate + np.float32(self.gate_bias)
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float32)


def item_components(
    parameters: LinearParameters,
    graph: RelationGraph,
    text_vectors: FloatMatrix | None,
    norm_power: float,
) -> tuple[dict[str, FloatMatrix], FloatVector]:
    """(m_c of each component by name, the constant c_j of each item).

    Components have shape (n_items, dim), c_j included; an item's vector is their sum. Their names: `own`,
    `text` where there are texts, and the first step's name for each relation.
    """
    components = {OWN: np.float32(parameters.own_weight) * parameters.base[: graph.n_items]}
    if parameters.projection is not None and parameters.text_mean is not None and text_vectors is not None:
        components[TEXT] = text_differences(text_vectors, parameters.text_mean) @ parameters.projection
    components |= relation_components(parameters, graph)
    squared = np.square(sum_components(components)).sum(axis=1, dtype=np.float64)
    constants = ((squared + NORM_FLOOR) ** (-norm_power / 2)).astype(np.float32)
    return {name: component * constants[:, None] for name, component in components.items()}, constants


def relation_components(parameters: LinearParameters, graph: RelationGraph) -> dict[str, FloatMatrix]:
    """w_r · the mean of each relation's neighbours by its first step's name, without c_j; (n_items, dim)."""
    neighbours = parameters.base
    for weight, mean in zip(parameters.second_hop, graph.means, strict=True):
        if weight:
            neighbours = neighbours + weight * (mean @ parameters.base)
    return {
        graph.steps[n].name: parameters.first_hop[n] * (graph.means[n][: graph.n_items] @ neighbours)
        for n in graph.first_hop
    }


def with_borrowed_vectors(
    parameters: LinearParameters,
    graph: RelationGraph,
    text_vectors: FloatMatrix | None,
    met: BoolVector,
    share: float,
) -> LinearParameters:
    """The same with a vector for each item that has none of its own, from those most like it.

    It is `share` times the mean of the base vectors of the ten met items whose text and relations are
    nearest by cosine, weighted by cosine⁴; it serves, and is never trained. On a validation cut of Amazon
    Beauty ten or twenty lenders, and other powers, made no difference.
    """
    base = parameters.base
    without, lenders = np.flatnonzero(~base[: graph.n_items].any(axis=1)), np.flatnonzero(met)
    if not share or not len(without) or not len(lenders):
        return parameters
    components, _ = item_components(parameters, graph, text_vectors, norm_power=0)
    own = components.pop(OWN)
    known = np.sum([np.zeros_like(own), *components.values()], axis=0, dtype=np.float32)
    known /= np.maximum(np.linalg.norm(known, axis=1, keepdims=True), NORM_FLOOR)
    base, n_near = base.copy(), min(_LENDERS, len(lenders))
    for block in iter_batches(len(without), _ROWS_AT_ONCE):
        rows = without[block]
        cosines = known[rows] @ known[lenders].T
        near = np.argpartition(-cosines, n_near - 1, axis=1)[:, :n_near]
        weights = np.maximum(np.take_along_axis(cosines, near, 1), 0) ** _LIKENESS_POWER
        weights *= share / np.maximum(weights.sum(axis=1, keepdims=True), NORM_FLOOR)
        base[rows] = np.einsum("nk,nkd->nd", weights, base[lenders[near]])
    return replace(parameters, base=base)


def sum_components(components: Mapping[str, FloatMatrix]) -> FloatMatrix:
    """z: the item vectors, shape (n_items, dim)."""
    total: FloatMatrix = np.sum(list(components.values()), axis=0, dtype=np.float32)
    return total


def text_differences(text_vectors: FloatMatrix, mean: FloatVector) -> FloatMatrix:
    """Unit vectors of how each text differs from the mean one: e5's vectors all lie in one narrow cone."""
    differences = text_vectors - mean
    lengths = np.linalg.norm(differences, axis=1, keepdims=True)
    units: FloatMatrix = (differences / np.maximum(lengths, 1e-6)).astype(np.float32)
    return units


def history_norms(weights: FloatCsr, history_power: float) -> FloatVector:
    """n_u = (sum of the row's event weights)^-p for each row, 0 for an empty one."""
    sums = np.asarray(weights.sum(axis=1), np.float64).ravel()
    norms = np.where(sums > 0, np.maximum(sums, 1e-30) ** -history_power, 0.0)
    return norms.astype(np.float32)


def checked_text_vectors(snapshot: GraphSnapshot) -> FloatMatrix | None:
    """The snapshot's text vectors, if it has any.

    Raises:
        ValueError: they are not finite, or not one row per item.
    """
    vectors = snapshot.text_vectors
    if vectors is None:
        return None
    if vectors.ndim != 2 or len(vectors) != snapshot.n_items:
        raise ValueError(
            f"text_vectors has shape {vectors.shape}; expected one row for each of {snapshot.n_items} items"
        )
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ValueError(
            f"text_vectors holds NaN or infinity in {len(bad)} rows, first in that of item {bad[0]}; "
            "encode the texts again"
        )
    return vectors.astype(np.float32, copy=False)
