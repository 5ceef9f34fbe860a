"""The int8 text encoder with its inner layers let out: one pass gives the vector and what tags need."""

from collections.abc import Sequence
from pathlib import Path

import onnx

from nlu.tagger.tagger import STATES
from shopgraph.errors import BadSettings


def write_tapped(source: Path, target: Path, layers: Sequence[int]) -> None:
    """Copies a graph that `nlu.onnx_export` wrote and adds the output `states`.

    `states` are the outputs of `layers` (from 1) side by side, shape (batch, length, len(layers) · width).
    Nothing that leads to the vectors is changed. A layer's output is its second layer norm: the graph's
    first one follows the embeddings, then come two a layer.

    Raises:
        BadSettings: the graph isn't made of that many such layers.
    """
    model = onnx.load(str(source))
    norms = [node.output[0] for node in model.graph.node if node.op_type == "LayerNormalization"]
    n_layers = (len(norms) - 1) // 2
    if len(norms) % 2 == 0 or not layers or max(layers) > n_layers or min(layers) < 1:
        raise BadSettings(
            f"text encoder {source.parent.name!r}: {len(norms)} layer norms found, so it has no layers "
            f"{', '.join(map(str, layers))} of BERT's kind; set nlu.layers or choose another encoder"
        )
    taps = [norms[2 * layer] for layer in layers]
    model.graph.node.append(onnx.helper.make_node("Concat", taps, [STATES], axis=2))
    shape = ["batch", "length", None]
    model.graph.output.append(onnx.helper.make_tensor_value_info(STATES, onnx.TensorProto.FLOAT, shape))
    onnx.save(model, str(target))
