"""The item vectors of a linear model as scoring needs them: as they are, or changed in a few rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from gnn.history import FloatCsr
from shopgraph.types import FloatMatrix, FloatVector


class ItemVectors:
    """z of every item, z less their mean z̄, and the items' gates."""

    def __init__(self, vectors: FloatMatrix, gates: FloatVector) -> None:
        """`vectors` has shape (n_items, dim), `gates` (n_items,); both are kept."""
        self._vectors, self._gates = vectors, gates
        self.mean: FloatVector = vectors.mean(axis=0)
        self._centred = vectors - self.mean

    def __len__(self) -> int:
        return len(self._vectors)

    @property
    def matrix(self) -> FloatMatrix:
        """z, shape (n_items, dim)."""
        return self._vectors

    def rows(self, item_idx: NDArray[np.integer]) -> FloatMatrix:
        """The vectors z of some items."""
        found: FloatMatrix = self._vectors[item_idx]
        return found

    def centred(self, item_idx: NDArray[np.integer]) -> FloatMatrix:
        """The vectors z − z̄ of some items."""
        found: FloatMatrix = self._centred[item_idx]
        return found

    def gates(self, item_idx: NDArray[np.integer]) -> FloatVector:
        """The gates of some items."""
        found: FloatVector = self._gates[item_idx]
        return found

    def profiles(self, weights: FloatCsr) -> FloatMatrix:
        """The product weights · z, shape (n, dim)."""
        products: FloatMatrix = weights @ self._vectors
        return products

    def scores(self, profiles: FloatMatrix) -> FloatMatrix:
        """⟨profile, z_j − z̄⟩ of every item, shape (n, n_items)."""
        scores: FloatMatrix = profiles @ self._centred.T
        return scores


class PatchedVectors(ItemVectors):
    """The vectors of `before` with other rows for a few items, and the mean that follows.

    Costs a few rows, not a copy of the whole.
    """

    def __init__(
        self, before: ItemVectors, rows: NDArray[np.intp], vectors: FloatMatrix, gates: FloatVector
    ) -> None:
        """`rows` are the changed items, ascending; `vectors` and `gates` are theirs."""
        self._before, self._rows = before, rows
        self._changed, self._changed_gates = vectors, gates
        self._difference = vectors - before.rows(rows)
        self._moved = (self._difference.sum(axis=0, dtype=np.float64) / len(before)).astype(np.float32)
        self.mean = before.mean + self._moved

    def __len__(self) -> int:
        return len(self._before)

    @property
    def matrix(self) -> FloatMatrix:
        return patched(self._before.matrix, self._rows, self._changed)

    def rows(self, item_idx: NDArray[np.integer]) -> FloatMatrix:
        return self._patched(self._before.rows(item_idx), item_idx, self._changed)

    def centred(self, item_idx: NDArray[np.integer]) -> FloatMatrix:
        found = self._before.centred(item_idx) - self._moved
        return self._patched(found, item_idx, self._changed - self.mean)

    def gates(self, item_idx: NDArray[np.integer]) -> FloatVector:
        return self._patched(self._before.gates(item_idx), item_idx, self._changed_gates)

    def profiles(self, weights: FloatCsr) -> FloatMatrix:
        products: FloatMatrix = self._before.profiles(weights)
        place = self._places(weights.indices)
        met = np.flatnonzero(place >= 0)
        owners = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
        np.add.at(products, owners[met], weights.data[met, None] * self._difference[place[met]])
        return products

    def scores(self, profiles: FloatMatrix) -> FloatMatrix:
        scores: FloatMatrix = self._before.scores(profiles) - (profiles @ self._moved)[:, None]
        scores[:, self._rows] = profiles @ (self._changed - self.mean).T
        return scores

    def _patched(
        self, found: NDArray[np.float32], item_idx: NDArray[np.integer], changed: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        place = self._places(item_idx)
        met = place >= 0
        found[met] = changed[place[met]]
        return found

    def _places(self, item_idx: NDArray[np.integer]) -> NDArray[np.intp]:
        """Which of the changed rows each item is, -1 for none."""
        if not len(self._rows):
            return np.full(len(item_idx), -1)
        place = np.minimum(np.searchsorted(self._rows, item_idx), len(self._rows) - 1)
        return np.where(self._rows[place] == item_idx, place, -1)


class LazyComponents(Mapping[str, FloatMatrix]):
    """Components that are computed when somebody looks: scoring needs their sum alone."""

    def __init__(self, names: Iterable[str], compute: Callable[[str], FloatMatrix]) -> None:
        self._names, self._compute = tuple(names), compute
        self._found: dict[str, FloatMatrix] = {}

    def __getitem__(self, name: str) -> FloatMatrix:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._found:
            self._found[name] = self._compute(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def patched(matrix: FloatMatrix, rows: NDArray[np.integer], changed: FloatMatrix) -> FloatMatrix:
    """A copy of the matrix with other rows."""
    copy = matrix.copy()
    copy[rows] = changed
    return copy
