"""The state of a training after an epoch, in one safetensors file: a training that was cut off goes on.

The file is named after what was asked: settings, data, start and random state. Another training in the
same folder has a file of its own; the same one, finished, is not done again.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnn.tensors import read_tensors, write_tensors
from gnn.training.config import TrainingConfig
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import Heldout, Histories

_PLACE = {"device", "threads", "checkpoints"}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What an uninterrupted training would hold after `epoch`.

    `tensors` are by name, groups before a slash; `rng` is numpy's state, `figures` what JSON can hold.
    """

    epoch: int
    tensors: Mapping[str, Tensor]
    rng: Mapping[str, Any]
    figures: Mapping[str, Any]


def fingerprint(
    config: TrainingConfig,
    module: torch.nn.Module,
    rng: np.random.Generator,
    histories: Histories,
    validation: Heldout | None,
) -> str:
    """What tells one training from another, as hexadecimal digits; where it runs doesn't matter."""
    digest = hashlib.sha256(type(module).__qualname__.encode())
    digest.update(config.model_dump_json(exclude=_PLACE).encode())
    digest.update(json.dumps(rng.bit_generator.state, default=str).encode())
    arrays: list[NDArray[Any]] = [histories.indptr, histories.item_idx, histories.type_code]
    arrays += [histories.value, histories.time]
    if validation is not None:
        arrays += [validation.user_idx, validation.indptr, validation.item_idx]
    arrays += [
        tensor.detach().cpu().numpy()
        for tensor in (*module.parameters(), *module.buffers())
        if tensor.layout == torch.strided
    ]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def write_checkpoint(path: Path, state: Checkpoint) -> None:
    """Put the state in the file's place, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in state.tensors.items()}
    rest = {"epoch": state.epoch, "rng": state.rng, "figures": state.figures}
    draft = path.with_suffix(f".{os.getpid()}")
    write_tensors(draft, tensors, json.dumps(rest))
    draft.replace(path)


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The state in the file, None where there is no file.

    Raises:
        ArtefactDamaged: the file is not readable.
    """
    if not path.exists():
        return None
    tensors, rest_json = read_tensors(path)
    try:
        rest = json.loads(rest_json)
        found = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
        return Checkpoint(rest["epoch"], found, rest["rng"], rest["figures"])
    except (KeyError, ValueError, TypeError) as exc:
        raise ArtefactDamaged(f"{path}: not a checkpoint ({exc}); remove it to train from the start") from exc
