"""The linear model as one safetensors file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnn.history import float_csr
from gnn.linear.config import LinearKGConfig
from gnn.linear.parts import LinearParameters
from gnn.linear.walks import RelationGraph, Step
from gnn.tensors import read_tensors, write_tensors
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import EdgeType, FloatMatrix, FloatVector

_FILE = "linear.safetensors"
_COMPONENT = "component/"


@dataclass(frozen=True, eq=False)
class LinearState:
    """All that a fitted model is; `constants` is c_j of each item, shape (n_items,).

    `ids` are those of the node space's rows, UTF-8 with a line break between; `gnn.linear.warm` reads them.
    """

    config: LinearKGConfig
    parameters: LinearParameters
    graph: RelationGraph
    ids: NDArray[np.uint8]
    components: Mapping[str, FloatMatrix]
    constants: FloatVector
    type_weights: FloatMatrix
    best_epoch: int


def write_linear(folder: Path, model: LinearState) -> None:
    """Write `linear.safetensors` into an existing folder."""
    parameters, graph = model.parameters, model.graph
    tensors: dict[str, NDArray[Any]] = {
        "base": parameters.base,
        "first_hop": parameters.first_hop,
        "second_hop": parameters.second_hop,
        "gate": parameters.gate,
        "label_code": graph.label_code,
        "node_idx": graph.node_idx,
        "ids": model.ids,
        "constants": model.constants,
        "type_weights": model.type_weights,
    }
    if parameters.projection is not None and parameters.text_mean is not None:
        tensors |= {"projection": parameters.projection, "text_mean": parameters.text_mean}
    for name, component in model.components.items():
        tensors[_COMPONENT + name] = component
    for n, mean in enumerate(graph.means):
        tensors |= {f"mean/{n}/data": mean.data, f"mean/{n}/indices": mean.indices.astype(np.int32)}
        tensors[f"mean/{n}/indptr"] = mean.indptr.astype(np.int64)
    rest = {
        "config": model.config.model_dump(mode="json"),
        "own_weight": parameters.own_weight,
        "gate_bias": parameters.gate_bias,
        "scale": parameters.scale,
        "n_items": graph.n_items,
        "labels": graph.labels,
        "steps": [[*step.edge_type, step.forward] for step in graph.steps],
        "components": list(model.components),
        "best_epoch": model.best_epoch,
    }
    write_tensors(folder / _FILE, tensors, json.dumps(rest))


def read_linear(folder: Path) -> LinearState:
    """What `write_linear` wrote.

    Raises:
        ArtefactDamaged: the file is missing or not readable.
    """
    path = folder / _FILE
    tensors, rest_json = read_tensors(path)
    try:
        return _restored(tensors, json.loads(rest_json))
    except (KeyError, ValueError, TypeError) as exc:
        raise ArtefactDamaged(f"{path}: not a linear model ({exc}); train again") from exc


def _restored(tensors: Mapping[str, NDArray[Any]], rest: Mapping[str, Any]) -> LinearState:
    n_nodes = len(tensors["base"])
    means = []
    for n in range(len(rest["steps"])):
        data, indices, indptr = (tensors[f"mean/{n}/{part}"] for part in ("data", "indices", "indptr"))
        means.append(float_csr(data, indices, indptr, n_nodes))
    graph = RelationGraph(
        n_items=rest["n_items"],
        labels=tuple(rest["labels"]),
        label_code=tensors["label_code"],
        node_idx=tensors["node_idx"],
        steps=tuple(Step(EdgeType(*edge_type), forward) for *edge_type, forward in rest["steps"]),
        means=tuple(means),
    )
    parameters = LinearParameters(
        base=tensors["base"],
        own_weight=rest["own_weight"],
        first_hop=tensors["first_hop"],
        second_hop=tensors["second_hop"],
        projection=tensors.get("projection"),
        text_mean=tensors.get("text_mean"),
        gate=tensors["gate"],
        gate_bias=rest["gate_bias"],
        scale=rest["scale"],
    )
    return LinearState(
        config=LinearKGConfig.model_validate(rest["config"]),
        parameters=parameters,
        graph=graph,
        ids=tensors["ids"],
        components={name: tensors[_COMPONENT + name] for name in rest["components"]},
        constants=tensors["constants"],
        type_weights=tensors["type_weights"],
        best_epoch=rest["best_epoch"],
    )
