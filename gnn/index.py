"""Nearest vectors by inner product, behind the `VectorIndex` Protocol: every row is compared, by FAISS.

`ExactIndex` holds float32. `CompactIndex` holds a half (float16) or a quarter (sq8: 8 bits a dimension, the
range of each dimension learned from the rows) of its bytes and compares with what they decode to; queries
stay float32.
"""

from pathlib import Path
from typing import ClassVar, Literal, Self

import faiss
import numpy as np

from shopgraph.errors import ArtefactDamaged
from shopgraph.types import FloatMatrix, IntVector

Storage = Literal["float32", "float16", "sq8"]
"""How an index holds a vector: in 4, 2 or 1 bytes a dimension."""

_SCALAR_TYPES = {"float16": faiss.ScalarQuantizer.QT_fp16, "sq8": faiss.ScalarQuantizer.QT_8bit}


class FlatIndex:
    """Compares a query with every row; opened by `load_index`, made by its two kinds."""

    _kinds: ClassVar[tuple[type, ...]] = (faiss.IndexFlat, faiss.IndexScalarQuantizer)

    def __init__(self, index: faiss.Index) -> None:
        """Takes over a FAISS index of the inner product."""
        self._index = index

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def row_bytes(self) -> int:
        """Bytes that one row takes."""
        return int(self._index.sa_code_size())

    def search(self, queries: FloatMatrix, k: int) -> tuple[FloatMatrix, IntVector]:
        """(scores, rows), both shape (n_queries, k), best first; row -1 and score -inf past the last row.

        Raises:
            ValueError: k < 1, or the queries have another dimension than the index.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise ValueError(f"queries must have shape (n, {self.dim}), got {queries.shape}")
        faiss.omp_set_num_threads(1)  # holds for the calling thread alone, so it is set where it is used
        scores, rows = self._index.search(np.ascontiguousarray(queries, np.float32), k)
        scores[rows < 0] = -np.inf
        return scores, rows.astype(np.int32)

    def save(self, path: Path) -> None:
        """Write the index to one `.faiss` file."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> Self:
        """The index that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing, truncated or holds another kind of index.
        """
        try:
            loaded = faiss.read_index(str(path))
        except RuntimeError as exc:
            raise ArtefactDamaged(f"{path}: not readable as a vector index; train again") from exc
        if not isinstance(loaded, cls._kinds) or loaded.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise ArtefactDamaged(f"{path}: holds another kind of index; train again")
        index = cls.__new__(cls)
        FlatIndex.__init__(index, loaded)
        return index


class ExactIndex(FlatIndex):
    """float32: 12k rows of 64 dimensions take about 0.1 ms on one thread."""

    _kinds = (faiss.IndexFlat,)

    def __init__(self, vectors: FloatMatrix) -> None:
        """Copies `vectors`, float32 (n_rows, dim); row numbers are what `search` returns."""
        super().__init__(_filled(faiss.IndexFlatIP(_dim(vectors)), vectors))


class CompactIndex(FlatIndex):
    """float16 or 8 bits a dimension; what that loses is in docs/decisions/compact-vectors.md."""

    _kinds = (faiss.IndexScalarQuantizer,)

    def __init__(self, vectors: FloatMatrix, storage: Literal["float16", "sq8"]) -> None:
        """Encodes `vectors`, float32 (n_rows, dim); row numbers are what `search` returns."""
        index = faiss.IndexScalarQuantizer(_dim(vectors), _SCALAR_TYPES[storage], faiss.METRIC_INNER_PRODUCT)
        super().__init__(_filled(index, vectors))


def build_index(vectors: FloatMatrix, storage: Storage) -> FlatIndex:
    """The index of that kind."""
    return ExactIndex(vectors) if storage == "float32" else CompactIndex(vectors, storage)


def load_index(path: Path) -> FlatIndex:
    """The index of either kind that `save` wrote.

    Raises:
        ArtefactDamaged: the file is missing, truncated or no index of the inner product.
    """
    return FlatIndex.load(path)


def _dim(vectors: FloatMatrix) -> int:
    if vectors.ndim != 2:
        raise ValueError(f"vectors must have shape (n_rows, dim), got {vectors.shape}")
    return int(vectors.shape[1])


def _filled(index: faiss.Index, vectors: FloatMatrix) -> faiss.Index:
    rows = np.ascontiguousarray(vectors, np.float32)
    # A quantiser can't learn ranges from no rows; it is never asked for any then.
    index.train(rows if len(rows) else np.zeros((1, rows.shape[1]), np.float32))
    index.add(rows)
    return index
