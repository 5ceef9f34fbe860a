"""Finding the features' constants in a training snapshot."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy import sparse

from gnn.history import event_weights, type_weight_vector
from ranking.config import FeatureConfig
from ranking.features import AFFINITY, NEWNESS, POPULARITY, TRENDING, FeatureSet
from ranking.holdout import main_event
from shopgraph.types import (
    ITEM,
    NO_TIME,
    USER,
    Edges,
    EdgeType,
    FloatMatrix,
    FloatVector,
    GraphSnapshot,
    Histories,
    iter_batches,
)

_SCALE_USERS = 512
_MAX_LEVELS = 8
_DAY_S = 86_400.0


def fit_features(
    snapshot: GraphSnapshot, config: FeatureConfig, rng: np.random.Generator, *, repeats: bool = False
) -> FeatureSet:
    """The features that the snapshot's data allow, scaled on a sample of its histories.

    With `repeats` there is `bought_again`: how often and how lately the shopper bought the item.
    """
    by_type = type_weight_vector(snapshot.event_types, {})
    prices = snapshot.items.price
    log_price, spread = None, 1.0
    if (priced := prices > 0).any():
        log_price = np.where(priced, np.log(np.where(priced, prices, 1)), np.nan).astype(np.float32)
        spread = max(float(np.nanstd(log_price)), 1e-3)
    text = snapshot.text_vectors
    names = {snapshot.event_types[code].name for code in np.unique(snapshot.interactions.type_code)}
    unscaled = FeatureSet(
        scales={},
        event_weights=by_type,
        half_life_days=config.half_life_days,
        columns=_columns(snapshot, config, by_type),
        labels=_labels(snapshot),
        log_price=log_price,
        price_spread=spread,
        text=text,
        text_mean=None if text is None else text.mean(axis=0),
        repeats=bool(names - {main_event(snapshot)}),
        repeat_half_life_days=config.repeat_half_life_days if repeats else None,
    )
    return replace(unscaled, scales=_scales(unscaled, snapshot.histories, rng))


def _columns(
    snapshot: GraphSnapshot, config: FeatureConfig, by_type: FloatMatrix
) -> Mapping[str, FloatVector]:
    histories, n_items = snapshot.histories, snapshot.n_items
    columns = {POPULARITY: np.log1p(_weighted_events(histories, by_type, None, n_items))}
    if (histories.time != NO_TIME).any():
        recent = _weighted_events(histories, by_type, config.trend_half_life_days, n_items)
        columns[TRENDING] = np.log1p(recent)
    columns = {name: column - column.mean() for name, column in columns.items()}
    created = snapshot.items.created_at
    if (known := created != NO_TIME).any():
        age_days = (snapshot.now.timestamp() - np.where(known, created, 0)) / _DAY_S
        fresh = np.exp2(-np.maximum(age_days, 0) / config.newness_half_life_days)
        columns[NEWNESS] = np.where(known, fresh, 0)
    return {name: column.astype(np.float32) for name, column in columns.items()}


def _weighted_events(
    histories: Histories, by_type: FloatMatrix, half_life_days: float | None, n_items: int
) -> np.ndarray:
    weights = event_weights(histories, by_type, half_life_days)
    return np.bincount(histories.item_idx, weights, minlength=n_items)


def item_labels(edges: Edges, above: Mapping[EdgeType, Edges], shape: tuple[int, int]) -> sparse.csr_array:
    """Item × node, 1 where an edge links them, or one to a node that is below it by the relations `above`."""
    matrix = _binary(edges.src, edges.dst, shape)
    n = shape[1]
    for found in above.values():
        if not len(found):
            continue
        parents, reached = _binary(found.src, found.dst, (n, n)), matrix
        for _ in range(_MAX_LEVELS):
            reached = reached @ parents
            if not reached.nnz:
                break
            matrix = matrix + reached
        matrix.data[:] = 1
    matrix.sort_indices()
    return matrix


def _labels(snapshot: GraphSnapshot) -> dict[str, sparse.csr_array]:
    """Item × node of each relation from items to another label, its ancestors included."""
    matrices = {}
    for edge_type, edges in snapshot.relations.items():
        label = edge_type.dst
        if edge_type.src != ITEM or label in (ITEM, USER) or not len(edges):
            continue
        above = {each: found for each, found in snapshot.relations.items() if each.src == each.dst == label}
        shape = (snapshot.n_items, len(snapshot.nodes[label]))
        matrices[AFFINITY + edge_type.relation] = item_labels(edges, above, shape)
    return matrices


def _binary(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    matrix = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.data[:] = 1
    return matrix


def _scales(features: FeatureSet, histories: Histories, rng: np.random.Generator) -> dict[str, float]:
    """Root mean square of each raw feature over a sample of non-empty histories × all items."""
    active = np.flatnonzero(np.diff(histories.indptr))
    sample = histories.take(rng.permutation(active)[:_SCALE_USERS])
    squares: dict[str, float] = {}
    for rows in iter_batches(len(sample), 128):
        batch = sample.take(np.arange(rows.start, rows.stop))
        for name, raw in features.raw_values(batch):
            squares[name] = squares.get(name, 0.0) + float(
                np.square(raw, dtype=np.float64).mean(axis=1).sum()
            )
    return {name: max((total / len(sample)) ** 0.5, 1e-6) for name, total in squares.items()}
