"""Lack of memory, said as what to lower."""

import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from shopgraph.errors import BadSettings


@contextmanager
def memory_advice(device: torch.device, sizes: Mapping[str, int]) -> Iterator[None]:
    """Turns what torch and numpy raise without memory into BadSettings that names settings to lower.

    Args:
        device: where the memory was asked for.
        sizes: settings by name that memory grows with.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as exc:
        if isinstance(exc, RuntimeError) and "memory" not in str(exc):
            raise
        named = [f"{name} (now {value})" for name, value in sizes.items()] or ["the model's sizes"]
        listed = " or ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
        elsewhere = ", or set device to cpu" if device.type == "cuda" else ""
        raise BadSettings(f"training ran out of memory on {device}: lower {listed}{elsewhere}") from exc


def peak_memory_mb(device: torch.device) -> float:
    """The most memory in use so far: torch's on CUDA, else the whole process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
