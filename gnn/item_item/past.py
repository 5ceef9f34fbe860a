"""What every model shares whose score is a sum over the shopper's past items.

`score(u, j) = n_u · Σ_{i∈H(u)} a_i · B_ij`, with `a_i` the weight of what u did with i and `n_u = |H(u)|^-p`.
A model says what `a_i` is and what B's rows are; so a share per past item is exact whatever B is made of.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from gnn.history import FloatCsr, OfLast, float_csr, history_matrix
from shopgraph.types import Exactness, FloatMatrix, FloatVector, Histories, IntVector, Share

_DENSE_SHARE = 0.1


class HistoryConfig(BaseModel):
    """How a shopper's past is weighed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type_weights: dict[str, float] = {}
    """Weight of an event by its name; the registry's default weight where unnamed."""
    half_life_days: float | None = Field(default=None, gt=0)
    """Days after which an event counts half; None: time does not matter."""
    history_power: float = Field(default=0.5, ge=0)
    """p of `n_u = |H(u)|^-p`; it changes no order within one list, only its scale beside other parts."""


class PastItemModel(ABC):
    """Scoring and shares of a model that is linear in the past items."""

    name = "item_item"
    exactness = Exactness.PAST_ITEM

    def __init__(self, weighting: HistoryConfig) -> None:
        self._weighting = weighting
        self._type_weights: FloatMatrix = np.zeros((0, 2), np.float32)
        self._weights_of_last = OfLast(self._weigh)

    @property
    @abstractmethod
    def n_items(self) -> int:
        """Rows and columns of B."""

    def score(self, histories: Histories) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items); 0 for an empty history."""
        return self._all_items(self._weights(histories))

    def score_items(self, history: Histories, item_idx: IntVector) -> FloatVector:
        """Scores of some items for one history, shape (len(item_idx),)."""
        weights = self._weights(history)
        scores: FloatVector = weights.data @ self._block(weights.indices, item_idx)
        return scores

    def shares(self, history: Histories, item_idx: int) -> Sequence[Share]:
        """One share for each past item that speaks for or against the item, largest first."""
        return self.shares_of_items(history, np.array([item_idx], np.int32))[0]

    def shares_of_items(
        self, history: Histories, item_idx: IntVector, top: int | None = None
    ) -> list[list[Share]]:
        """The `shares` of several items, a list for each; with `top` only so many each, the largest."""
        return past_item_shares(*self.contributions(history, item_idx), top)

    def contributions(self, history: Histories, item_idx: IntVector) -> tuple[IntVector, FloatMatrix]:
        """The past items of one history, ascending, and what each adds to each score.

        Returns:
            (past item_idx, values of shape (len(past), len(item_idx))); the columns sum to `score_items`.
        """
        weights = self._weights(history)
        return weights.indices, weights.data[:, None] * self._block(weights.indices, item_idx)

    @abstractmethod
    def _all_items(self, weights: FloatCsr) -> FloatMatrix:
        """The product weights · B, shape (n_histories, n_items)."""

    @abstractmethod
    def _block(self, past: NDArray[np.integer], item_idx: IntVector) -> FloatMatrix:
        """B_ij of past items i and some items j, shape (len(past), len(item_idx))."""

    def _events(self, histories: Histories) -> FloatCsr:
        """a_i, shape (len(histories), n_items)."""
        half_life_days = self._weighting.half_life_days
        return history_matrix(histories, self.n_items, self._type_weights, half_life_days)

    def _weights(self, histories: Histories) -> FloatCsr:
        """n_u · a_i, shape (len(histories), n_items); not to be changed."""
        return self._weights_of_last(histories, self._type_weights)

    def _weigh(self, histories: Histories) -> FloatCsr:
        weights = self._events(histories)
        lengths = np.diff(weights.indptr)
        scale = np.maximum(lengths, 1).astype(np.float32) ** -self._weighting.history_power
        weights.data *= np.repeat(scale, lengths)
        return weights


class SparseModel(PastItemModel):
    """A model whose B is one sparse matrix."""

    def __init__(self, weighting: HistoryConfig) -> None:
        super().__init__(weighting)
        self._similarity = float_csr(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64), 0)

    @property
    def similarity(self) -> FloatCsr:
        """B, float32 (n_items, n_items), row = past item, diagonal empty, columns in order."""
        return self._similarity

    @property
    def n_items(self) -> int:
        return int(self._similarity.shape[0])

    def _all_items(self, weights: FloatCsr) -> FloatMatrix:
        scores: FloatMatrix = (weights @ self._similarity).toarray()
        return scores

    def _block(self, past: NDArray[np.integer], item_idx: IntVector) -> FloatMatrix:
        return block_of(self._similarity, past, item_idx)


def past_item_shares(
    past: IntVector, values: FloatMatrix, top: int | None = None, name: str = ""
) -> list[list[Share]]:
    """One share for each past item that adds something, largest first, a list for each column of `values`."""
    items: list[int] = past.tolist()
    found = []
    for column in values.T:
        order = np.argsort(-np.abs(column), kind="stable")[:top].tolist()
        shares = [Share("item_item", float(column[n]), items[n], name=name) for n in order if column[n] != 0]
        found.append(shares)
    return found


def matrix_tensors(similarity: FloatCsr) -> dict[str, NDArray[Any]]:
    """B as arrays for a file; `matrix_of_tensors` reads them."""
    return {
        "data": similarity.data,
        "indices": similarity.indices.astype(np.int32),
        "indptr": similarity.indptr.astype(np.int64),
    }


def matrix_of_tensors(tensors: Mapping[str, NDArray[Any]]) -> FloatCsr:
    """B of the arrays that `matrix_tensors` made."""
    return float_csr(tensors["data"], tensors["indices"], tensors["indptr"], len(tensors["indptr"]) - 1)


def largest_of_rows(similarity: FloatCsr, top_k: int, first_row: int = 0) -> FloatCsr:
    """The `top_k` largest entries of each row, less the diagonal; columns in order.

    Args:
        similarity: rows `first_row`, `first_row` + 1, … of a square matrix.
        top_k: entries kept in a row.
        first_row: where the diagonal of the first row is.
    """
    if similarity.nnz > _DENSE_SHARE * similarity.shape[0] * similarity.shape[1]:
        return _largest_of_dense(similarity, top_k, first_row)
    rows = np.repeat(np.arange(similarity.shape[0]), np.diff(similarity.indptr))
    order = np.lexsort((similarity.indices, -similarity.data, rows))
    order = order[rows[order] + first_row != similarity.indices[order]]
    first = np.searchsorted(rows[order], rows[order])
    order = order[np.arange(len(order)) - first < top_k]
    indptr = np.searchsorted(rows[order], np.arange(similarity.shape[0] + 1))
    kept = float_csr(similarity.data[order], similarity.indices[order], indptr, similarity.shape[1])
    kept.sort_indices()
    return kept


def largest_entries(rows: FloatMatrix, kept: int) -> tuple[FloatMatrix, NDArray[np.integer]]:
    """(values, columns) of the `kept` largest entries of each row, by column; negative ones become 0."""
    columns = np.sort(np.argpartition(-rows, kept - 1, axis=1)[:, :kept], axis=1)
    return np.maximum(np.take_along_axis(rows, columns, 1), 0), columns


def _largest_of_dense(similarity: FloatCsr, top_k: int, first_row: int) -> FloatCsr:
    """The same where most entries are there: no sorting of them all."""
    n_rows, n_items = similarity.shape
    dense = similarity.toarray()
    dense[np.arange(n_rows), np.arange(n_rows) + first_row] = 0
    values, columns = largest_entries(dense, min(top_k, n_items))
    indptr = np.arange(n_rows + 1, dtype=np.int64) * values.shape[1]
    kept = float_csr(values.ravel(), columns.ravel(), indptr, n_items)
    kept.eliminate_zeros()
    return kept


def stacked(blocks: Iterable[FloatCsr], n_items: int) -> FloatCsr:
    """Blocks of rows, one below the other, as one matrix with n_items columns."""
    empty = float_csr(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64), n_items)
    whole = sparse.vstack([empty, *blocks], format="csr")
    return float_csr(whole.data.astype(np.float32, copy=False), whole.indices, whole.indptr, n_items)


def block_of(similarity: FloatCsr, past: NDArray[np.integer], item_idx: IntVector) -> FloatMatrix:
    """Entries of some rows and some columns; many times faster than scipy's own indexing."""
    indptr = similarity.indptr
    start = indptr[past].astype(np.int64)
    count = indptr[past + 1] - start
    row = np.repeat(np.arange(len(past)), count)
    at = np.arange(len(row)) + np.repeat(start - (np.cumsum(count) - count), count)
    place = np.full(similarity.shape[1], -1)
    place[item_idx] = np.arange(len(item_idx))
    column = place[similarity.indices[at]]
    wanted = column >= 0
    block = np.zeros((len(past), len(item_idx)), np.float32)
    block[row[wanted], column[wanted]] = similarity.data[at[wanted]]
    return block
