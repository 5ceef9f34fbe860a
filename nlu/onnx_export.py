"""A model → ONNX with int8 weights and activations, made once, served without torch.

The graph ends in unit vectors (mean over the tokens, divided by the length). Matrices are quantised per
output channel, to 7 bits: without VNNI an x86-64 adds two 8-bit products in 16 bits and would overflow
unseen; the eighth bit is worth 0.0004 of cosine. Activations are quantised as they come (dynamic), one scale
a tensor. Word embeddings are quantised per row before the export, so that no step holds several copies of
them in float32.
"""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from nlu.torch_encoder import MeanPooled


class Int8Embedding(torch.nn.Module):
    """An embedding table in 8 bits with one scale a row; gives float32."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        scale = table.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        self.register_buffer("rows", torch.round(table / scale).to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        rows, scale = self.get_buffer("rows"), self.get_buffer("scale")
        return torch.nn.functional.embedding(token_ids, rows).float() * torch.nn.functional.embedding(
            token_ids, scale
        )


def export_int8(model: MeanPooled, target: Path) -> None:
    """Writes the quantised graph to `target`: input_ids, attention_mask (int64) → vectors (float32).

    The model's own embedding table is replaced: it can't be used in float32 afterwards.
    """
    table = model.transformer.get_input_embeddings().get_parameter("weight")
    model.transformer.set_input_embeddings(Int8Embedding(table.detach()))
    del table
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch, _quiet():
        exported = Path(scratch) / "exported.onnx"
        token_ids = torch.ones((2, 8), dtype=torch.int64)
        sizes = {0: "batch", 1: "length"}
        inputs = {"input_ids": (token_ids, sizes), "attention_mask": (torch.ones_like(token_ids), sizes)}
        export_graph(model, inputs, ["vectors"], exported)
        quantize_dynamic(
            exported,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )


def export_graph(
    module: torch.nn.Module,
    inputs: Mapping[str, tuple[torch.Tensor, Mapping[int, str]]],
    outputs: Sequence[str],
    target: Path,
) -> None:
    """Writes a module as it is; `inputs` gives for each name an example and the names of what may vary."""
    with _quiet():
        program = torch.onnx.export(
            module.cpu().eval(),
            tuple(example for example, _ in inputs.values()),
            dynamo=True,
            verbose=False,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple(dict(sizes) for _, sizes in inputs.values()),
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    program.save(str(target), external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the tools' known remarks from the user: none of them asks for anything."""
    exporter = logging.getLogger(
        "torch.onnx._internal.exporter._registration"
    )  # "torchvision is not installed"
    quantiser = (
        logging.getLogger()
    )  # "consider to run pre-processing": onnxruntime logs it on the root logger
    levels = exporter.level, quantiser.level
    with warnings.catch_warnings():
        # Both inputs have the same two sizes, so the second pair of names is dropped: as intended.
        warnings.filterwarnings(
            "ignore", message="# The axis name: .* will not be used", category=UserWarning
        )
        try:
            exporter.setLevel(logging.ERROR)
            quantiser.setLevel(logging.ERROR)
            yield
        finally:
            exporter.setLevel(levels[0])
            quantiser.setLevel(levels[1])
