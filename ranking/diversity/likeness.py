"""How alike items are, by the vectors at hand: the graph model's and the texts'."""

from typing import Protocol, Self, runtime_checkable

import numpy as np

from ranking.hybrid import Hybrid
from shopgraph.types import FloatMatrix, FloatVector, IntVector

_TINY = np.float32(1e-12)


@runtime_checkable
class HasItemVectors(Protocol):
    """A model that has a vector for each item."""

    @property
    def item_vectors(self) -> FloatMatrix:
        """Shape (n_items, dim)."""
        ...


class ItemLikeness:
    """Unit vectors of items, so that the likeness of two is (1 + their inner product) / 2, in [0, 1].

    The inner product is the mean cosine over the sources of vectors, each measured from its mean item: 1 for
    an item and itself, 1/2 for two that have nothing to do with each other. Without any source all are
    equally alike.
    """

    def __init__(self, sources: list[tuple[FloatMatrix, FloatVector]]) -> None:
        """Each source is (vectors, shape (n_items, dim), and their mean); nothing is copied."""
        self._sources = sources

    @classmethod
    def of(cls, hybrid: Hybrid) -> Self:
        """By the weightiest graph model, if it has item vectors, and by the texts, if there are any."""
        sources = []
        graph: object = hybrid.graph_model
        if isinstance(graph, HasItemVectors):
            sources.append((graph.item_vectors, graph.item_vectors.mean(axis=0)))
        features = hybrid.features
        if features.text is not None and features.text_mean is not None:
            sources.append((features.text, features.text_mean))
        return cls(sources)

    def vectors(self, item_idx: IntVector) -> FloatMatrix:
        """Vectors of some items, shape (len(item_idx), dims of all sources).

        Of length 1, or less where a source knows nothing of the item.
        """
        parts = [_units(vectors[item_idx] - mean) for vectors, mean in self._sources]
        if not parts:
            return np.zeros((len(item_idx), 0), np.float32)
        scale = np.float32(len(parts) ** -0.5)
        found: FloatMatrix = np.concatenate([part * scale for part in parts], axis=1)
        return found


def likeness_to(vectors: FloatMatrix, place: int) -> FloatVector:
    """Likeness of every row to the one at `place`, shape (len(vectors),)."""
    found: FloatVector = (vectors @ vectors[place] + np.float32(1)) * np.float32(0.5)
    return found


def _units(vectors: FloatMatrix) -> FloatMatrix:
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    found: FloatMatrix = vectors / np.maximum(lengths, _TINY)[:, None]
    return found
