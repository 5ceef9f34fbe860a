"""GF-CF: a graph filter in closed form, all of the low frequencies of what shoppers share.

Y. Shen et al., "How Powerful is Graph Convolution for Recommendation?" (CIKM 2021), the filter GF-CF:
with `R̃ = D_U^-½ R D_I^-½` and V the `rank` leading right singular vectors of R̃,
`B = R̃ᵀR̃ + α · D_I^-½ V Vᵀ D_I^½`: a linear filter and an ideal low-pass.

Departures: R holds event weights; of an item's degree the power `item_power` is divided out, not ½ (on Amazon
Beauty 0.2 ranks much better); the entities of the graph's relations are rows of R too, each as one more
shopper, of weight w, whose basket holds all of its items; of each row of R̃ᵀR̃ only the `top_k` largest
entries are kept and its diagonal is empty (an item doesn't recommend itself); V comes from a randomised
subspace iteration (N. Halko et al., SIAM Review 2011, algorithm 4.4), which draws from `rng`. B stays a
sparse matrix and two n_items × rank factors, so it holds catalogues that EASE can't.
"""

from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gnn.history import FloatCsr, snapshot_matrix, type_weight_vector
from gnn.item_item.ease import item_memberships
from gnn.item_item.past import (
    HistoryConfig,
    SparseModel,
    largest_of_rows,
    matrix_of_tensors,
    matrix_tensors,
    stacked,
)
from gnn.tensors import read_tensors, write_tensors
from shopgraph.types import FloatMatrix, FloatVector, GraphSnapshot, IntVector, iter_batches

_FILE = "spectral.safetensors"
_OVERSAMPLING, _POWER_ITERATIONS = 16, 6
_ROWS_AT_ONCE = 512


class SpectralConfig(HistoryConfig):
    """Settings of the spectral filter; the defaults were chosen on validation data cut from train."""

    rank: int = Field(default=256, ge=1)
    """Singular vectors that the low-pass lets through."""
    alpha: float = Field(default=0.3, ge=0)
    """α: weight of the ideal low-pass beside the linear filter."""
    item_power: float = Field(default=0.2, ge=0, le=0.5)
    """Power of an item's degree that is divided out; 0.5 is the paper's, less ranks popular items higher."""
    relation_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={"ALSO_BOUGHT": 0.3, "ALSO_VIEWED": 0.3}
    )
    """w of a relation's entities by its name; 0 leaves it out."""
    default_relation_weight: float = Field(default=1.0, ge=0)
    """w of a relation that `relation_weights` does not name."""
    top_k: int = Field(default=300, ge=1)
    """Entries of the linear filter kept for each past item."""


class Spectral(SparseModel):
    """GF-CF: a sparse linear filter and a low-pass of low rank, both linear in the past items."""

    name = "spectral"

    def __init__(self, config: SpectralConfig | None = None) -> None:
        self.config = config or SpectralConfig()
        super().__init__(self.config)
        self._left: FloatMatrix = np.zeros((0, 0), np.float32)
        self._right: FloatMatrix = self._left

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Compute both filters; `rng` starts the search for the singular vectors."""
        self._type_weights = type_weight_vector(snapshot.event_types, self.config.type_weights)
        adjacency, item_degrees = self._adjacency(snapshot)
        self._similarity = _linear_filter(adjacency, self.config.top_k)
        vectors = leading_vectors(adjacency, self.config.rank, rng)
        root = item_degrees[:, None] ** np.float32(self.config.item_power)
        self._left = self.config.alpha * vectors / root
        self._right = vectors * root

    def save(self, folder: Path) -> None:
        """Write `spectral.safetensors` into an existing folder."""
        own = {"type_weights": self._type_weights, "left": self._left, "right": self._right}
        tensors = matrix_tensors(self._similarity) | own
        write_tensors(folder / _FILE, tensors, self.config.model_dump_json())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        tensors, config = read_tensors(folder / _FILE)
        model = cls(SpectralConfig.model_validate_json(config))
        model._similarity = matrix_of_tensors(tensors)
        model._type_weights = tensors["type_weights"]
        model._left, model._right = tensors["left"], tensors["right"]
        return model

    def _all_items(self, weights: FloatCsr) -> FloatMatrix:
        scores: FloatMatrix = super()._all_items(weights) + (weights @ self._left) @ self._right.T
        return scores

    def _block(self, past: NDArray[np.integer], item_idx: IntVector) -> FloatMatrix:
        block: FloatMatrix = super()._block(past, item_idx) + self._left[past] @ self._right[item_idx].T
        return block

    def _adjacency(self, snapshot: GraphSnapshot) -> tuple[FloatCsr, FloatVector]:
        """R̃, shape (n_users + n_entities, n_items), and the items' degrees in R."""
        config = self.config
        rows = [snapshot_matrix(snapshot, self._type_weights, config.half_life_days)]
        for edge_type, members in item_memberships(snapshot):
            weight = config.relation_weights.get(edge_type.relation, config.default_relation_weight)
            if weight:
                rows.append((np.float32(weight) * members.T).tocsr())
        adjacency = stacked(rows, snapshot.n_items)
        row_degrees = np.asarray(adjacency.sum(axis=1), np.float32).ravel()
        item_degrees = np.asarray(adjacency.sum(axis=0), np.float32).ravel()
        owners = np.repeat(np.arange(adjacency.shape[0]), np.diff(adjacency.indptr))
        # an entity whose edges all weigh 0 has degree 0
        row_degrees, item_degrees = (np.maximum(found, 1e-9) for found in (row_degrees, item_degrees))
        adjacency.data /= np.sqrt(row_degrees)[owners] * item_degrees[adjacency.indices] ** config.item_power
        return adjacency, item_degrees


def leading_vectors(matrix: FloatCsr, rank: int, rng: np.random.Generator) -> FloatMatrix:
    """The right singular vectors of the largest singular values, shape (n_columns, min(rank, all)).

    A random subspace is multiplied by AᵀA and made orthonormal six times, then turned to the vectors
    inside of it; 16 more columns than asked for make the last ones good.
    """
    n_columns = matrix.shape[1]
    transposed = matrix.T.tocsr()
    width = min(rank + _OVERSAMPLING, n_columns)
    basis = np.linalg.qr(rng.standard_normal((n_columns, width)).astype(np.float32))[0]
    for _ in range(_POWER_ITERATIONS):
        basis = np.linalg.qr(transposed @ (matrix @ basis))[0]
    image = matrix @ basis
    turned = np.linalg.eigh(image.T @ image)[1][:, ::-1]
    vectors: FloatMatrix = (basis @ turned[:, :rank]).astype(np.float32)
    return vectors


def _linear_filter(adjacency: FloatCsr, top_k: int) -> FloatCsr:
    """R̃ᵀR̃ without its diagonal, the `top_k` largest entries of each row."""
    items = adjacency.T.tocsr()
    blocks = iter_batches(items.shape[0], _ROWS_AT_ONCE)
    rows = (largest_of_rows(items[block] @ adjacency, top_k, block.start) for block in blocks)
    return stacked(rows, items.shape[0])
