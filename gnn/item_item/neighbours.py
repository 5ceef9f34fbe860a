"""Item–item neighbours by cosine, for catalogues whose dense item × item matrix would not fit."""

import numpy as np

from gnn.history import FloatCsr, float_csr
from shopgraph.types import iter_batches

_ROWS_AT_ONCE = 2048


def cosine_similarity(interactions: FloatCsr, shrinkage: float, top_k: int) -> FloatCsr:
    """`⟨x_i, x_j⟩ / (|x_i|·|x_j| + shrinkage)`, i ≠ j, the `top_k` largest of each row.

    Args:
        interactions: users × items, float32, the weight of each.
        shrinkage: >= 0; pairs met by few shoppers fall towards 0.
        top_k: neighbours kept for each item.

    Returns:
        float32 CSR (n_items, n_items); memory grows with the pairs that occur, a block at a time.
    """
    items = interactions.T.tocsr()
    norms = np.sqrt(np.asarray(items.multiply(items).sum(axis=1)).ravel())
    columns, values = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    lengths = [np.zeros(1, np.int64)]
    for block in iter_batches(items.shape[0], _ROWS_AT_ONCE):
        pairs = items[block] @ interactions
        past = np.repeat(np.arange(block.start, block.stop), np.diff(pairs.indptr))
        cosine = pairs.data / (norms[past] * norms[pairs.indices] + shrinkage)
        order = np.lexsort((pairs.indices, -cosine, past))
        order = order[past[order] != pairs.indices[order]]
        first = np.searchsorted(past[order], past[order])
        order = order[np.arange(len(order)) - first < top_k]
        columns.append(pairs.indices[order])
        values.append(cosine[order])
        lengths.append(np.bincount(past[order] - block.start, minlength=block.stop - block.start))
    indptr = np.cumsum(np.concatenate(lengths))
    similarity = float_csr(np.concatenate(values), np.concatenate(columns), indptr, items.shape[0])
    similarity.sort_indices()
    return similarity
