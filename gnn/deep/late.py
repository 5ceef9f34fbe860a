"""Torch halves, imported when a model is fitted: the request path has no torch."""

import importlib
from types import ModuleType

from shopgraph.errors import DependencyMissing


def torch_half(name: str) -> ModuleType:
    """The module of this name.

    Raises:
        DependencyMissing: torch or torch-geometric is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        raise DependencyMissing(f"training needs {exc.name}; install shopgraph[train]") from exc
