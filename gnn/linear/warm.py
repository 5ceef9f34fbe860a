"""Going on from an earlier linear model: nodes are known again by label and id, relations by name."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gnn.linear.file import LinearState
from gnn.linear.parts import LinearParameters
from gnn.linear.walks import RelationGraph, Step
from shopgraph.errors import BadSettings
from shopgraph.types import FloatVector, GraphSnapshot


def node_ids(snapshot: GraphSnapshot, graph: RelationGraph) -> NDArray[np.uint8]:
    """The ids of the node space's rows as UTF-8 with a line break between (no id holds one)."""
    tables = [snapshot.nodes[label].ids for label in graph.labels]
    rows = zip(graph.label_code.tolist(), graph.node_idx.tolist(), strict=True)
    joined = "\n".join(tables[code][idx] for code, idx in rows)
    return np.frombuffer(joined.encode(), np.uint8)


def warm_parameters(
    graph: RelationGraph, ids: NDArray[np.uint8], earlier: LinearState, fresh: LinearParameters
) -> LinearParameters:
    """The earlier model's parameters in the new node space.

    A new node starts from the mean of its label's known ones, or at random where none is known; a new
    relation, and a projection of texts of another length, start afresh.

    Args:
        graph: the new node space.
        ids: its `node_ids`.
        earlier: the fitted model to go on from.
        fresh: a random start in the new node space.

    Raises:
        BadSettings: the models' vectors differ in length.
    """
    old, dim = earlier.parameters, fresh.base.shape[1]
    if old.base.shape[1] != dim:
        raise BadSettings(
            f"dim is {dim}, that of the model to start from {old.base.shape[1]}; set it to that"
        )
    base = fresh.base.copy()
    row_of = dict(zip(_keys(earlier.graph, earlier.ids), range(len(old.base)), strict=True))
    rows = np.array([row_of.get(key, -1) for key in _keys(graph, ids)], np.int64)
    for code in range(len(graph.labels)):
        mine = graph.label_code == code
        known, new = mine & (rows >= 0), mine & (rows < 0)
        if known.any():
            base[known] = old.base[rows[known]]
            base[new] = base[known].mean(axis=0)
    steps = {step: n for n, step in enumerate(earlier.graph.steps)}
    projection = fresh.projection
    if projection is not None and old.projection is not None and old.projection.shape == projection.shape:
        projection = old.projection
    return replace(
        old,
        base=base,
        first_hop=_by_step(fresh.first_hop, old.first_hop, graph, steps),
        second_hop=_by_step(fresh.second_hop, old.second_hop, graph, steps),
        projection=projection,
        text_mean=fresh.text_mean,
    )


def _keys(graph: RelationGraph, ids: NDArray[np.uint8]) -> list[tuple[str, str]]:
    """(label, id) of each row."""
    labels = (graph.labels[code] for code in graph.label_code.tolist())
    return list(zip(labels, ids.tobytes().decode().split("\n"), strict=True)) if len(graph.label_code) else []


def _by_step(
    fresh: FloatVector, old: FloatVector, graph: RelationGraph, steps: Mapping[Step, int]
) -> FloatVector:
    """Each step's weight in the earlier model, the fresh one where it is new or had none."""
    known = [steps.get(step) for step in graph.steps]
    found = [fresh[n] if was is None or not old[was] else old[was] for n, was in enumerate(known)]
    return np.array(found, np.float32)
