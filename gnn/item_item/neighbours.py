"""Item–item neighbours by cosine, for catalogues whose dense item × item matrix would not fit."""

import numpy as np

from gnn.history import FloatCsr
from gnn.item_item.past import largest_of_rows, stacked
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
    blocks = []
    for block in iter_batches(items.shape[0], _ROWS_AT_ONCE):
        pairs = items[block] @ interactions
        past = np.repeat(np.arange(block.start, block.stop), np.diff(pairs.indptr))
        pairs.data /= norms[past] * norms[pairs.indices] + shrinkage
        blocks.append(largest_of_rows(pairs, top_k, first_row=block.start))
    return stacked(blocks, items.shape[0])
