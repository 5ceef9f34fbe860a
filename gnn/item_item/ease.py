"""EASE with side information: an item–item matrix in closed form.

H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data" (WWW 2019), eq. 8: with P = (XᵀX + λI)⁻¹,
`B_ij = -P_ij / P_jj` and an empty diagonal. Departures: the Gram matrix also takes the items × entities
matrices of the graph's relations, as if each entity were one more shopper of weight √w whose basket holds
all of its items; words of titles and texts may be entities too, by their rarity; the ridge may grow with
an item's count as dropout would have it (H. Steck, "Autoencoders that don't overfit towards the Identity",
NeurIPS 2020: `λ_i = λ + p/(1-p)·(XᵀX)_ii`); each column is multiplied by a power of the item's
weighted count; each entry is then raised to a power, and each row divided by a power of its item's count
(docs/decisions/sharper-item-item.md); and of each row of B only the largest positive entries are kept. On
Amazon Beauty 300 of 12,101 entries a row rank better on validation than all of them (NDCG@10 0.0804 against
0.0797): the many small and the negative ones are noise.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from gnn.history import FloatCsr, float_csr, float_csr_of_pairs
from gnn.item_item.past import largest_entries
from shopgraph.types import (
    ITEM,
    USER,
    EdgeType,
    FloatMatrix,
    FloatVector,
    GraphSnapshot,
    ItemTable,
    iter_batches,
)

_ROWS_AT_ONCE = 512
_WORD = re.compile(r"\w+")
_COMMON_SHARE = 0.1


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


def word_memberships(items: ItemTable) -> FloatCsr:
    """Items × words of their titles and texts, float32: log(n_items / n_items_with_it) where a word occurs.

    Words that only one item has link nothing, those that more than a tenth has mean nothing: both are
    left out.
    """
    texts = [f"{title} {text}".casefold() for title, text in zip(items.title, items.text, strict=True)]
    found = [sorted(set(_WORD.findall(text))) for text in texts]
    column: dict[str, int] = {}
    columns = np.array([column.setdefault(word, len(column)) for words in found for word in words], np.int32)
    rows = np.repeat(np.arange(len(found)), [len(words) for words in found])
    n_with = np.bincount(columns, minlength=len(column))
    kept = ((n_with > 1) & (n_with <= max(_COMMON_SHARE * len(found), 2)))[columns]
    rows, columns = rows[kept], columns[kept]
    weights = np.log(len(found) / n_with[columns]).astype(np.float32)
    return float_csr_of_pairs(weights, rows, columns, (len(found), len(column)))


@dataclass(frozen=True, eq=False)
class EaseSystem:
    """The matrix that is inverted, in its sparse parts: `G = XᵀX + Σ w·M·Mᵀ + diag(ridge)`.

    Attributes:
        interactions: X, users × items.
        sides: (w > 0, M: items × entities) of each relation.
        ridge: λ_i of each item.
        column_scale: what each item's column of B is multiplied by.
        power: what each entry is then raised to.
        row_scale: what each item's row is multiplied by in the end.
    """

    interactions: FloatCsr
    sides: tuple[tuple[float, FloatCsr], ...]
    ridge: FloatVector
    column_scale: FloatVector
    power: float
    row_scale: FloatVector

    def shaped(self, entries: FloatMatrix, row_scale: FloatMatrix) -> FloatMatrix:
        """What entries of B become in the end; negative ones 0. `row_scale` is broadcast to them."""
        shaped: FloatMatrix = np.maximum(entries, 0) ** np.float32(self.power) * row_scale
        return shaped


def ease_system(
    interactions: FloatCsr,
    sides: Iterable[tuple[float, FloatCsr]],
    l2: float,
    dropout: float = 0.0,
    popularity_power: float = 0.0,
    power: float = 1.0,
    past_popularity_power: float = 0.0,
) -> EaseSystem:
    """The system of the module's formula.

    Args:
        interactions: users × items, the weight of each.
        sides: (w, items × entities) of each relation; w >= 0.
        l2: λ > 0.
        dropout: p in [0, 1); item i's ridge grows by p / (1 − p) · (XᵀX)_ii.
        popularity_power: each column is multiplied by the item's weighted count to this power.
        power: each entry is then raised to this.
        past_popularity_power: each row is divided by the item's weighted count to this power.
    """
    squares = np.asarray(interactions.multiply(interactions).sum(axis=0), np.float32).ravel()
    # an item nobody touched counts as one that was touched once: side information still speaks for it
    counts = np.maximum(np.asarray(interactions.sum(axis=0), np.float32).ravel(), 1)
    return EaseSystem(
        interactions,
        tuple((weight, members) for weight, members in sides if weight),
        l2 + np.float32(dropout / (1 - dropout)) * squares,
        counts ** np.float32(popularity_power),
        power,
        counts ** np.float32(-past_popularity_power),
    )


def ease_similarity(system: EaseSystem, top_k: int) -> tuple[FloatCsr, FloatVector]:
    """B of the module's formula, and what its columns were divided by: `P_jj / column_scale_j`.

    Peak memory: one dense float32 matrix n_items × n_items, and blocks of 512 rows beside it.

    Returns:
        (float32 CSR (n_items, n_items), at most `top_k` entries a row, all > 0; shape (n_items,)).

    Raises:
        ValueError: l2 is too small for float32: the Gram matrix has no Cholesky factor.
    """
    n_items = system.interactions.shape[1]
    gram = np.zeros((n_items, n_items), np.float32)
    _add_gram(gram, system.interactions.T.tocsr(), 1.0)
    for weight, members in system.sides:
        _add_gram(gram, members, weight)
    gram.flat[:: n_items + 1] += system.ridge
    _invert(gram)
    divisor = gram.diagonal() / system.column_scale
    similarity = _pruned(gram, divisor, top_k)
    row_scale = np.repeat(system.row_scale, np.diff(similarity.indptr))
    similarity.data = system.shaped(similarity.data, row_scale)
    return similarity, divisor


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


def _pruned(inverse: FloatMatrix, divisor: FloatVector, top_k: int) -> FloatCsr:
    """-P_ij / divisor_j without the diagonal, the `top_k` largest positive ones of each row."""
    n_items = len(inverse)
    kept = min(top_k, n_items)
    data, indices = np.empty((n_items, kept), np.float32), np.empty((n_items, kept), np.int32)
    for block in iter_batches(n_items, _ROWS_AT_ONCE):
        rows = inverse[block] / -divisor
        rows[np.arange(len(rows)), np.arange(block.start, block.stop)] = 0
        data[block], indices[block] = largest_entries(rows, kept)
    indptr = np.arange(n_items + 1, dtype=np.int64) * kept
    similarity = float_csr(data.ravel(), indices.ravel(), indptr, n_items)
    similarity.eliminate_zeros()
    return similarity
