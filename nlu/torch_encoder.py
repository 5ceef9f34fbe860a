"""The text encoder as `transformers` runs it: the reference, the source of the export, and for a GPU."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as transformers_logging

from nlu.batching import Batcher, Kind
from shopgraph.errors import BadSettings
from shopgraph.types import FloatMatrix

_POOLER_CAN_GO = ("bert", "roberta", "xlm-roberta")


class MeanPooled(torch.nn.Module):
    """A transformer whose output is the mean over the tokens, of length 1; shape (batch, dim)."""

    def __init__(self, transformer: PreTrainedModel, dim: int) -> None:
        super().__init__()
        self.transformer = transformer
        self.dim = dim

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        kept = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return torch.nn.functional.normalize((hidden * kept).sum(1) / kept.sum(1), dim=1)


class TorchEncoder:
    """`TextEncoder` on torch, float32."""

    def __init__(self, name: str, model: MeanPooled, batcher: Batcher, batch_size: int, device: str) -> None:
        self.name = name
        self._device = torch.device(pick_device(device))
        self._model = model.to(self._device)
        self._batcher = batcher
        self._batch_size = batch_size
        self.dim = model.dim

    def encode(self, texts: Sequence[str], kind: Kind) -> FloatMatrix:
        """Unit vectors, shape (len(texts), dim)."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        with torch.inference_mode():
            for batch in self._batcher.batches(texts, kind, self._batch_size):
                token_ids = torch.from_numpy(batch.token_ids).to(self._device)
                mask = torch.from_numpy(batch.mask).to(self._device)
                vectors[batch.rows] = self._model(token_ids, mask).cpu().numpy()
        return vectors


def load_model(model: str) -> MeanPooled:
    """The model of a hub id or `transformers` folder, float32, in evaluation mode, weights from safetensors.

    Raises:
        BadSettings: there is no such model, or `transformers` can't open it.
    """
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # theirs has no types
    try:
        config = AutoConfig.from_pretrained(model)
        options = {"add_pooling_layer": False} if config.model_type in _POOLER_CAN_GO else {}
        loaded = AutoModel.from_pretrained(model, dtype=torch.float32, use_safetensors=True, **options)
    except (OSError, ValueError) as exc:
        raise _unusable(model, exc) from exc
    return MeanPooled(loaded, config.hidden_size).eval()


def load_tokenizer(model: str) -> Tokenizer:
    """The fast tokenizer of a hub id or local folder.

    Raises:
        BadSettings: there is none.
    """
    file = Path(model) / "tokenizer.json"
    if file.is_file():
        return Tokenizer.from_file(str(file))
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError) as exc:
        raise _unusable(model, exc) from exc
    if not isinstance(getattr(tokenizer, "backend_tokenizer", None), Tokenizer):
        raise BadSettings(
            f"text encoder {model!r}: it has no fast tokenizer; choose a model with tokenizer.json"
        )
    fast: Tokenizer = tokenizer.backend_tokenizer
    return fast


def pick_device(device: str) -> str:
    """`device`, or what there is where it says auto."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def _unusable(model: str, exc: Exception) -> BadSettings:
    reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
    return BadSettings(
        f"text encoder {model!r}: not a usable model ({reason}); give a hub id such as "
        "'intfloat/multilingual-e5-small' or a folder with config.json, model.safetensors and tokenizer.json"
    )
