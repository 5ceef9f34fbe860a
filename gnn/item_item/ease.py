"""EASE with side information: an item–item matrix in closed form.

H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019), eq. 8: with P = (XᵀX + λI)⁻¹,
`B_ij = -P_ij / P_jj` and an empty diagonal. Departures: the Gram matrix also takes the items × entities
matrices of the graph's relations, as if each entity were one more shopper of weight √w whose basket holds
all of its items; and of each row of B only the largest positive entries are kept. On Amazon Beauty 300 of
12,101 entries a row rank better on validation than all of them (NDCG@10 0.0804 against 0.0797): the many
small and the negative ones are noise.
"""

from collections.abc import Iterable

import numpy as np
from scipy.linalg import lapack

from gnn.history import FloatCsr, float_csr, float_csr_of_pairs
from gnn.item_item.past import largest_entries
from shopgraph.types import ITEM, USER, EdgeType, FloatMatrix, GraphSnapshot, iter_batches

_ROWS_AT_ONCE = 512


def item_memberships(snapshot: GraphSnapshot) -> list[tuple[EdgeType, FloatCsr]]:
    """Items × entities of every relation that touches an item, float32, by edge weight.

    Between items, an item is a member of its own basket too: then "j was bought with i" links the two
    directly, not only through a third item that both point to.
    """
    n_items = snapshot.n_items
    memberships = []
    for edge_type, edges in snapshot.relations.items():
        src, _, dst = edge_type
        if not len(edges) or USER in (src, dst) or ITEM not in (src, dst):
            continue
        rows, columns, other = (edges.src, edges.dst, dst) if src == ITEM else (edges.dst, edges.src, src)
        weights = edges.weight
        if src == dst:
            rows, columns = (np.concatenate([found, np.arange(n_items)]) for found in (rows, columns))
            weights = np.concatenate([weights, np.ones(n_items, np.float32)])
        members = float_csr_of_pairs(weights, rows, columns, (n_items, len(snapshot.nodes[other])))
        memberships.append((edge_type, members))
    return memberships


def ease_similarity(
    interactions: FloatCsr,
    sides: Iterable[tuple[float, FloatCsr]],
    l2: float,
    top_k: int,
) -> FloatCsr:
    """B of the module's formula, float32 CSR (n_items, n_items), at most `top_k` entries a row, all > 0.

    Peak memory: one dense float32 matrix n_items × n_items, and blocks of 512 rows beside it.

    Args:
        interactions: users × items, the weight of each.
        sides: (w, items × entities) of each relation; w >= 0.
        l2: λ > 0.
        top_k: entries kept in a row, the largest.

    Raises:
        ValueError: l2 is too small for float32: the Gram matrix has no Cholesky factor.
    """
    gram = np.zeros((interactions.shape[1], interactions.shape[1]), np.float32)
    _add_gram(gram, interactions.T.tocsr(), 1.0)
    for weight, members in sides:
        if weight:
            _add_gram(gram, members, weight)
    gram.flat[:: len(gram) + 1] += l2
    _invert(gram)
    return _pruned(gram, top_k)


def _add_gram(gram: FloatMatrix, rows: FloatCsr, weight: float) -> None:
    """Add weight · rows·rowsᵀ to `gram`, a block of rows at a time."""
    columns = rows.T.tocsr()
    for block in iter_batches(len(gram), _ROWS_AT_ONCE):
        gram[block] += weight * (rows[block] @ columns).toarray()


def _invert(gram: FloatMatrix) -> None:
    """Replace a symmetric positive definite matrix by its inverse, in place."""
    if not len(gram):
        return
    factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise ValueError("the item–item Gram matrix is not positive definite in float32; raise l2")
    lapack.spotri(factor, lower=1, overwrite_c=1)
    # LAPACK filled the lower triangle of the transposed view: the upper one of `gram`
    for block in iter_batches(len(gram), _ROWS_AT_ONCE):
        corner = gram[block, block]
        gram[block, block] = np.triu(corner) + np.triu(corner, 1).T
        gram[block.stop :, block] = gram[block, block.stop :].T


def _pruned(inverse: FloatMatrix, top_k: int) -> FloatCsr:
    """-P_ij / P_jj without the diagonal, the `top_k` largest positive ones of each row."""
    n_items = len(inverse)
    diagonal = inverse.diagonal().copy()
    kept = min(top_k, n_items)
    data, indices = np.empty((n_items, kept), np.float32), np.empty((n_items, kept), np.int32)
    for block in iter_batches(n_items, _ROWS_AT_ONCE):
        rows = inverse[block] / -diagonal
        rows[np.arange(len(rows)), np.arange(block.start, block.stop)] = 0
        data[block], indices[block] = largest_entries(rows, kept)
    indptr = np.arange(n_items + 1, dtype=np.int64) * kept
    similarity = float_csr(data.ravel(), indices.ravel(), indptr, n_items)
    similarity.eliminate_zeros()
    return similarity
