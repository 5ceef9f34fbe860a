"""Trains an adapter for the text encoder, merges it, and writes what serves.

folder/adapter/adapter_model.safetensors, adapter_config.json     LoRA, as `peft` opens it
folder/serving/model.onnx, tokenizer.json, config.json            int8, as `open_encoder` opens it
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from nlu.batching import Batcher
from nlu.encoder import EncoderConfig, prefixes_of
from nlu.model_files import ModelSource, find_source
from nlu.onnx_encoder import MODEL, TOKENIZER, write_serving_config
from nlu.onnx_export import export_int8
from nlu.torch_encoder import MeanPooled, load_model, load_tokenizer, pick_device
from nlu.tuning.config import TuningConfig
from nlu.tuning.halves import Halves
from nlu.tuning.masked import fit_masked
from nlu.tuning.pairs import TextPairs
from nlu.tuning.siamese import TuningReport, fit_pairs

ADAPTER, SERVING = "adapter", "serving"


@dataclass(frozen=True)
class Tuned:
    """What was written: `encoder` is the folder that the setting `encoder` may name."""

    encoder: Path
    pairs: TuningReport
    masked_losses: tuple[float, ...]
    n_parameters: int


def tune_encoder(
    encoder: EncoderConfig,
    config: TuningConfig,
    item_texts: Sequence[str],
    pairs: Sequence[TextPairs],
    folder: Path,
    rng: np.random.Generator,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Tuned:
    """Trains on the texts and pairs, and fills an existing folder.

    Where no measurement beats what training on pairs began with, the adapter keeps that: without masked
    words it then changes nothing.

    Raises:
        BadSettings: the model can't be used or trained.
    """
    source = find_source(encoder.encoder, encoder.cache_dir)
    model, tokenizer = load_model(source.model), load_tokenizer(source.model)
    device = torch.device(pick_device(encoder.device))
    transformer = model.to(device).transformer
    batcher = Batcher(tokenizer, prefixes_of(encoder), config.max_tokens)
    halves = Halves(transformer, config.layers, batcher, device)
    with torch.random.fork_rng():  # peft draws the adapter's first values from torch's own generator
        torch.manual_seed(int(rng.integers(2**31)))
        adapted = _with_adapter(transformer, halves.first_upper, config, source.key)
    learned = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    masked: tuple[float, ...] = ()
    if config.masked_steps:
        masked = fit_masked(halves, learned, item_texts, tokenizer, config, rng, on_progress)
    report = fit_pairs(halves, learned, item_texts, pairs, config, rng, on_progress)
    del halves  # and the states that it keeps
    on_progress("writing the merged encoder")
    _save_adapter(adapted, folder / ADAPTER)
    n_parameters = sum(parameter.numel() for parameter in learned)
    merged = MeanPooled(adapted.merge_and_unload().cpu(), model.dim).eval()
    _write_serving(merged, source, encoder, folder / SERVING)
    return Tuned(folder / SERVING, report, masked, n_parameters)


def _with_adapter(
    transformer: PreTrainedModel, first_layer: int, config: TuningConfig, base: str
) -> PeftModel:
    """LoRA on query and value of the layers from `first_layer` on; everything else is frozen.

    Hu et al. 2021, eq. 3, with alpha = 2 · rank and no dropout: few steps, and validation stops them.
    """
    n_layers = transformer.config.num_hidden_layers
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=2 * config.rank,
        target_modules=["query", "value"],
        layers_to_transform=list(range(first_layer, n_layers)),
        layers_pattern="layer",
    )
    with warnings.catch_warnings():
        # transformers 5 renamed what peft 0.21 asks a model for.
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        adapted = get_peft_model(transformer, lora)
    adapted.eval()  # without dropout, as it serves
    adapted.peft_config["default"].base_model_name_or_path = base
    return adapted


def _save_adapter(adapted: PeftModel, folder: Path) -> None:
    adapted.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # an empty form that peft adds


def _write_serving(merged: MeanPooled, source: ModelSource, encoder: EncoderConfig, folder: Path) -> None:
    folder.mkdir()
    export_int8(merged, folder / MODEL)
    load_tokenizer(source.model).save(str(folder / TOKENIZER))
    name = f"{source.key}:tuned:onnx-int8"
    write_serving_config(folder, name, merged.dim, encoder.max_tokens, prefixes_of(encoder))
