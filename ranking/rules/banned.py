"""The score without what is banned: the hybrid's graph models and features as sums, less some terms.

A ban reaches whatever is a sum over the graph: the linear graph models, and the features that count shared
nodes. What an item–item model or a deep one learned from relations lies in its numbers and stays until the
next training.
"""

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock

import numpy as np
from scipy import sparse

from gnn.linear.bans import Bans, without_banned
from gnn.linear.model import LinearKG
from gnn.registry import SavedModel
from ranking.catalogue import Catalogue
from ranking.feature_fitting import item_labels
from ranking.features import AFFINITY, FeatureSet
from ranking.hybrid import Hybrid
from ranking.scorer import Scorer
from shopgraph.types import ITEM, Edges, EdgeType, IntVector

_KEPT = 8


class BannedScorers:
    """Scorers without what is banned; the last few are kept, as making one takes a while."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._relations = catalogue.relations
        self._known: dict[tuple[Scorer, Bans], Scorer] = {}
        self._lock = Lock()

    def of(self, scorer: Scorer, bans: Bans) -> Scorer:
        """The scorer less every term that uses what is banned."""
        key = scorer, bans
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = scorer.over(hybrid_banned(scorer.hybrid, bans, self._relations))
                self._known[key] = found
                while len(self._known) > _KEPT:
                    del self._known[next(iter(self._known))]
        return found


def hybrid_banned(hybrid: Hybrid, bans: Bans, relations: Mapping[EdgeType, Edges]) -> Hybrid:
    """The hybrid less every term that uses what is banned, all normalisers as they were.

    `relations` are all that the shop has.
    """
    models: dict[str, SavedModel] = {
        name: without_banned(model, bans) if isinstance(model, LinearKG) else model
        for name, model in hybrid.models.items()
    }
    return replace(hybrid, models=models, features=_features_banned(hybrid.features, bans, relations))


def _features_banned(features: FeatureSet, bans: Bans, relations: Mapping[EdgeType, Edges]) -> FeatureSet:
    labels: dict[str, sparse.csr_array] = {}
    counts: dict[str, IntVector] = dict(features.counts)
    for edge_type, edges in relations.items():
        name = AFFINITY + edge_type.relation
        if edge_type.src != ITEM or name not in features.labels or edge_type.relation in bans.relations:
            continue
        before = features.labels[name]
        after = _without_ancestors(before, edge_type, edges, bans, relations)
        after = _without_columns(after, [node.idx for node in bans.entities if node.label == edge_type.dst])
        labels[name] = after
        if after.nnz < before.nnz:
            counts.setdefault(name, np.diff(before.indptr).astype(np.int32))
    return replace(features, labels=labels, counts=counts)


def _without_ancestors(
    labels: sparse.csr_array,
    edge_type: EdgeType,
    edges: Edges,
    bans: Bans,
    relations: Mapping[EdgeType, Edges],
) -> sparse.csr_array:
    """The labels that are reached without a banned relation between nodes of one label."""
    above = {each: found for each, found in relations.items() if each.src == each.dst == edge_type.dst}
    if not any(each.relation in bans.relations for each in above):
        return labels
    kept = {each: found for each, found in above.items() if each.relation not in bans.relations}
    return sparse.csr_array(labels.multiply(item_labels(edges, kept, labels.shape)))


def _without_columns(labels: sparse.csr_array, columns: list[int]) -> sparse.csr_array:
    kept = ~np.isin(labels.indices, columns)
    if kept.all():
        return labels
    before = np.concatenate([[0], np.cumsum(kept)])
    csr = (labels.data[kept], labels.indices[kept], before[labels.indptr])
    return sparse.csr_array(csr, shape=labels.shape)
