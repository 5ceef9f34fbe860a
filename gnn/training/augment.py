"""What is left out at random while a model learns: nodes, edges, parts of histories."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shopgraph.types import BoolVector


def kept_edges(n_edges: int, dropped: float, generator: torch.Generator) -> Tensor:
    """A factor for each edge: 0 where it is dropped, else 1 / (share kept), so that sums keep their mean.

    Args:
        n_edges: number of edges.
        dropped: share of them that is dropped, in [0, 1).
        generator: draws, on its own device.
    """
    drawn = torch.rand(n_edges, generator=generator, device=generator.device)
    return (drawn >= dropped).float() / (1.0 - dropped)


def kept_nodes(n_nodes: int, dropped: float, generator: torch.Generator) -> Tensor:
    """A factor for each node, shape (n_nodes, 1): 0 where all it sends is dropped, else 1 / (share kept)."""
    return kept_edges(n_nodes, dropped, generator)[:, None]


def cropped(
    indptr: NDArray[np.integer], share: float, rng: np.random.Generator, *, ordered: bool = True
) -> BoolVector:
    """Which events of histories in CSR form remain of a crop to `share` of each, at least one.

    Where their order means something they are one run that starts at random, the crop of CL4SRec
    (Xie et al. 2022, section 3.2), else drawn one by one.
    """
    lengths = np.diff(indptr)
    n_kept = np.maximum(np.ceil(lengths * share), np.minimum(lengths, 1)).astype(np.int64)
    first = (rng.random(len(lengths)) * (lengths - n_kept + 1)).astype(np.int64)
    place = np.arange(indptr[-1]) - np.repeat(indptr[:-1], lengths)
    if not ordered:
        rows = np.repeat(np.arange(len(lengths)), lengths)
        place = place[np.lexsort((rng.random(len(rows)), rows))]
    start = np.repeat(first, lengths)
    kept: BoolVector = (place >= start) & (place < start + np.repeat(n_kept, lengths))
    return kept
