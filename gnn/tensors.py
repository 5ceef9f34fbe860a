"""Safetensors files that carry their model's configuration; a broken file becomes one clear error."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from shopgraph.errors import ArtefactDamaged

_CONFIG = "config"


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]], config: str) -> None:
    """Write arrays and the configuration (JSON) into one safetensors file."""
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    save_file(contiguous, path, metadata={_CONFIG: config})


def read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], str]:
    """(arrays by name, configuration as JSON) of a file that `write_tensors` wrote.

    Raises:
        ArtefactDamaged: the file is missing or not readable.
    """
    try:
        with safe_open(path, framework="np") as file:
            config = (file.metadata() or {})[_CONFIG]
            return {name: file.get_tensor(name) for name in file.keys()}, config  # noqa: SIM118  # no dict
    except (OSError, SafetensorError, KeyError) as exc:
        raise ArtefactDamaged(f"{path}: not readable as a trained model ({exc}); train again") from exc
