"""Near items: the linear model's vectors as an item–item matrix in which what is near counts most.

`B_ij = (⟨z_i, z_j − z̄⟩⁺ / m)^power · c_j^q / c_i^p`, of each row the `top_k` largest and no diagonal: z the
item vectors of a linear model (gnn/linear/model.py), given or of its own, z̄ their mean, m the mean of what
is kept, c an item's weighted count, at least 1. The linear model adds inner products up as they are, so that
many loosely related past items outvote one that is close; here they don't. A sum over past items like
EASE's, with a share for each.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gnn.history import FloatCsr, float_csr, snapshot_matrix, type_weight_vector
from gnn.item_item.past import (
    HistoryConfig,
    SparseModel,
    block_of,
    largest_entries,
    matrix_of_tensors,
    matrix_tensors,
)
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from gnn.tensors import read_tensors, write_tensors
from shopgraph.types import FloatMatrix, FloatVector, GraphSnapshot, Heldout, IntVector, iter_batches

if TYPE_CHECKING:
    from gnn.training.board import EpochReport

_FILE = "near.safetensors"
_ROWS_AT_ONCE = 512
_TINY = 1e-30


class NearConfig(LinearKGConfig):
    """Settings of the near items: those of the linear model, and what its vectors become."""

    power: float = Field(default=4.0, gt=0)
    """Power that inner products are raised to: above 1, what is near counts more."""
    past_popularity_power: float = Field(default=0.5, ge=0)
    """p: power of a past item's weighted count that what it says is divided by."""
    popularity_power: float = Field(default=0.3, ge=0)
    """q: power of an item's weighted count that its scores are multiplied by."""
    top_k: int = Field(default=300, ge=1)
    """Nearest items kept for each past item."""
    max_items: int = Field(default=100_000, ge=0)
    """Largest catalogue that a hybrid tries it on by itself: all items are compared with all."""


class NearItems(SparseModel):
    """The model; takes the vectors of `linear`, else trains as that does, for as long."""

    name = "near"

    def __init__(
        self,
        config: NearConfig | None = None,
        *,
        linear: LinearKG | None = None,
        validation: Heldout | None = None,
        on_epoch: "Callable[[EpochReport], None]" = lambda _: None,
        log_dir: Path | None = None,
    ) -> None:
        """With a fitted `linear` its weighing of a shopper's past holds, not that of `config`."""
        self.config = config or NearConfig()
        if linear is not None:
            weighing = {name: getattr(linear.config, name) for name in HistoryConfig.model_fields}
            self.config = self.config.model_copy(update=weighing)
        super().__init__(
            HistoryConfig(
                type_weights=self.config.type_weights,
                half_life_days=self.config.half_life_days,
                history_power=self.config.history_power,
            )
        )
        self.best_epoch = 0
        self._counts, self._mean, self._is_of_linear = np.zeros(0, np.float32), 1.0, False
        self._linear = linear
        self._validation, self._on_epoch, self._log_dir = validation, on_epoch, log_dir

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Train the linear model if none was given, then keep what is near; raises what that one does."""
        linear = self._linear
        if linear is None:
            linear = LinearKG(
                self.config, validation=self._validation, on_epoch=self._on_epoch, log_dir=self._log_dir
            )
            linear.fit(snapshot, rng)
        self.best_epoch = linear.best_epoch
        self._type_weights = type_weight_vector(snapshot.event_types, self.config.type_weights)
        interactions = snapshot_matrix(snapshot, self._type_weights, self.config.half_life_days)
        self._counts = np.maximum(np.asarray(interactions.sum(axis=0), np.float32).ravel(), 1)
        self._similarity, self._mean = near_items(linear.item_vectors, self._counts, self.config)
        self._is_of_linear = self._linear is not None

    def save(self, folder: Path) -> None:
        """Write `near.safetensors` into an existing folder."""
        own = {
            "type_weights": self._type_weights,
            "best_epoch": np.array(self.best_epoch),
            "counts": self._counts,
            "mean": np.array(self._mean),
            "is_of_linear": np.array(self._is_of_linear),
        }
        write_tensors(folder / _FILE, matrix_tensors(self._similarity) | own, self.config.model_dump_json())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        tensors, config = read_tensors(folder / _FILE)
        model = cls(NearConfig.model_validate_json(config))
        model._similarity = matrix_of_tensors(tensors)
        model._type_weights = tensors["type_weights"]
        model.best_epoch = int(tensors["best_epoch"].item())
        if "counts" in tensors:  # files of earlier versions have none
            model._counts, model._mean = tensors["counts"], float(tensors["mean"].item())
            model._is_of_linear = bool(tensors["is_of_linear"].item())
        return model

    def over(self, linear: LinearKG) -> "NearItems":
        """The model with the vectors of another linear model, itself where it is not made of given ones.

        Which items are near, and how near, is found anew for each past item as it is asked for; m and the
        counts stay.
        """
        return _NearOver(self, linear) if self._is_of_linear else self


class _NearOver(NearItems):
    """Near items whose rows are computed as they are asked for."""

    def __init__(self, near: NearItems, linear: LinearKG) -> None:
        super().__init__(near.config)
        self.best_epoch, self._type_weights = near.best_epoch, near._type_weights
        self._counts, self._mean, self._is_of_linear = near._counts, near._mean, True
        self._vectors = linear.vectors

    @property
    def n_items(self) -> int:
        return len(self._counts)

    @property
    def similarity(self) -> FloatCsr:
        """B of all items: as dear as a training."""
        return self._rows(np.arange(self.n_items))

    def _all_items(self, weights: FloatCsr) -> FloatMatrix:
        past, place = np.unique(weights.indices, return_inverse=True)
        over_past = float_csr(weights.data, place, weights.indptr, len(past))
        scores: FloatMatrix = (over_past @ self._rows(past)).toarray()
        return scores

    def _block(self, past: NDArray[np.integer], item_idx: IntVector) -> FloatMatrix:
        return block_of(self._rows(past), np.arange(len(past)), item_idx)

    def _rows(self, past: NDArray[np.integer]) -> FloatCsr:
        """B's rows of some past items."""
        kept = min(self.config.top_k, self.n_items)
        found = [
            _nearest(self._vectors.scores(self._vectors.rows(past[block])), past[block], kept)
            for block in iter_batches(len(past), _ROWS_AT_ONCE)
        ]
        empty = np.zeros((0, kept), np.float32)
        data = np.concatenate([empty, *(values for values, _ in found)])
        columns = np.concatenate([empty.astype(np.int32), *(columns for _, columns in found)])
        return _similarity_of(data, columns, past, self._mean, self._counts, self.config)


def near_items(vectors: FloatMatrix, counts: FloatVector, config: NearConfig) -> tuple[FloatCsr, float]:
    """(B of the module's formula, m); a block of rows at a time is dense.

    Args:
        vectors: z, shape (n_items, dim).
        counts: c >= 1, shape (n_items,).
        config: powers and `top_k`.
    """
    n_items = len(vectors)
    kept = min(config.top_k, n_items)
    centred = vectors - vectors.mean(axis=0)
    data, indices = np.empty((n_items, kept), np.float32), np.empty((n_items, kept), np.int32)
    for block in iter_batches(n_items, _ROWS_AT_ONCE):
        rows = np.arange(block.start, block.stop)
        data[block], indices[block] = _nearest(vectors[block] @ centred.T, rows, kept)
    mean = max(float(data.mean()), _TINY)
    return _similarity_of(data, indices, np.arange(n_items), mean, counts, config), mean


def _nearest(
    products: FloatMatrix, rows: NDArray[np.integer], kept: int
) -> tuple[FloatMatrix, NDArray[np.integer]]:
    """(values, columns) of the nearest items of each row, which is not near to itself."""
    products[np.arange(len(rows)), rows] = 0
    return largest_entries(products, kept)


def _similarity_of(
    data: FloatMatrix,
    indices: NDArray[np.integer],
    rows: NDArray[np.integer],
    mean: float,
    counts: FloatVector,
    config: NearConfig,
) -> FloatCsr:
    """B's rows of what is near to each."""
    # only their order and ratios mean something; about 1 no power overflows
    data = (data / mean) ** np.float32(config.power)
    data *= counts[indices] ** np.float32(config.popularity_power)
    data /= counts[rows, None] ** np.float32(config.past_popularity_power)
    indptr = np.arange(len(rows) + 1, dtype=np.int64) * indices.shape[1]
    similarity = float_csr(data.ravel(), indices.ravel(), indptr, len(counts))
    similarity.eliminate_zeros()
    return similarity
