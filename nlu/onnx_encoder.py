"""The text encoder that serves: onnxruntime and tokenizers, no torch.

Its folder holds `model.onnx` (token ids and mask → unit vectors), `tokenizer.json`, and `config.json` with
name, dim, the prefixes, max_tokens and the sha256 of the other two.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from pydantic import BaseModel, ConfigDict, ValidationError
from tokenizers import Tokenizer

from nlu.batching import Batcher, Kind, Prefixes, TokenBatch
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import FloatMatrix

MODEL, TOKENIZER, CONFIG = "model.onnx", "tokenizer.json", "config.json"
VECTORS = "vectors"
"""The graph's output that every serving folder has."""


class ServingConfig(BaseModel):
    """What config.json of a serving folder says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Names the vectors: same name, same vectors."""
    dim: int
    max_tokens: int
    query_prefix: str
    passage_prefix: str
    sha256: dict[str, str]
    """Of model.onnx and tokenizer.json."""


class OnnxEncoder:
    """`TextEncoder` on onnxruntime's CPU provider, int8."""

    def __init__(self, folder: Path, batch_size: int, threads: int) -> None:
        """Opens a serving folder.

        Raises:
            ArtefactDamaged: a file is missing or is not the one that was written.
        """
        config = read_serving_config(folder)
        _verify(folder, config)
        self.folder = folder
        self.name = config.name
        self.dim = config.dim
        self.batch_size = batch_size
        self.batcher = Batcher(
            Tokenizer.from_file(str(folder / TOKENIZER)),
            Prefixes(config.query_prefix, config.passage_prefix),
            config.max_tokens,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / MODEL), options, providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str], kind: Kind) -> FloatMatrix:
        """Unit vectors, shape (len(texts), dim)."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for batch in self.batcher.batches(texts, kind, self.batch_size):
            vectors[batch.rows] = self.run(batch, [VECTORS])[0]
        return vectors

    def run(self, batch: TokenBatch, outputs: Sequence[str]) -> list[FloatMatrix]:
        """The graph's outputs of those names for one batch."""
        feeds = {"input_ids": batch.token_ids, "attention_mask": batch.mask}
        found: list[FloatMatrix] = self._session.run(list(outputs), feeds)
        return found


def is_serving_folder(folder: Path) -> bool:
    """Whether the folder was written for serving."""
    return (folder / MODEL).is_file() and (folder / CONFIG).is_file()


def read_serving_config(folder: Path) -> ServingConfig:
    """The folder's config.json.

    Raises:
        ArtefactDamaged: missing or broken.
    """
    try:
        return ServingConfig.model_validate_json((folder / CONFIG).read_bytes())
    except (OSError, ValidationError) as exc:
        raise ArtefactDamaged(f"{folder / CONFIG}: can't be read: {exc}") from exc


def write_serving_config(folder: Path, name: str, dim: int, max_tokens: int, prefixes: Prefixes) -> None:
    """Writes config.json beside the folder's finished model and tokenizer; `name` gets hashes behind it."""
    hashes = {file: _sha256(folder / file) for file in (MODEL, TOKENIZER)}
    config = ServingConfig(
        name=f"{name}:{prefixes.digest(max_tokens)}:{hashes[MODEL][:12]}",
        dim=dim,
        max_tokens=max_tokens,
        query_prefix=prefixes.query,
        passage_prefix=prefixes.passage,
        sha256=hashes,
    )
    (folder / CONFIG).write_text(json.dumps(config.model_dump(), indent=2), encoding="utf-8")


def rewrite_hashes(folder: Path) -> None:
    """Writes config.json anew after a change of the files that leaves the vectors, and so their name."""
    hashes = {file: _sha256(folder / file) for file in (MODEL, TOKENIZER)}
    config = read_serving_config(folder).model_copy(update={"sha256": hashes})
    (folder / CONFIG).write_text(json.dumps(config.model_dump(), indent=2), encoding="utf-8")


def _verify(folder: Path, config: ServingConfig) -> None:
    for file in (MODEL, TOKENIZER):
        path = folder / file
        if not path.is_file():
            raise ArtefactDamaged(f"{path}: missing; delete {folder} and let it be made again")
        if (found := _sha256(path)) != config.sha256.get(file):
            raise ArtefactDamaged(
                f"{path}: sha256 is {found}, expected {config.sha256.get(file)}; "
                f"delete {folder} and let it be made again"
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
