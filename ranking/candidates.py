"""Who is scored: each source names items, their union gets every part of the score.

A source only chooses; what it found an item by never enters the score.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ranking.features import POPULARITY, TRENDING
from ranking.scorer import Scorer
from shopgraph.types import BoolVector, FloatMatrix, FloatVector, Histories, IntVector, VectorIndex


class CandidateConfig(BaseModel):
    """How many items each source names; 0 turns it off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score_all_below: int = Field(default=5_000, ge=0)
    """Up to so many eligible items all are scored: exact, and as fast as choosing."""
    graph: int = Field(default=500, ge=0)
    """Items nearest to the shopper's vector."""
    item_item: int = Field(default=500, ge=0)
    """Best items of the item–item part."""
    text: int = Field(default=500, ge=0)
    """Items whose text is nearest to the query in meaning."""
    letters: int = Field(default=500, ge=0)
    """Items whose words are those of the query, misspelt or not."""
    popular: int = Field(default=100, ge=0)
    """Items with most events."""
    trending: int = Field(default=100, ge=0)
    """Items with most events lately."""
    own: int = Field(default=0, ge=0)
    """Items that the shopper met last: for shops where the same is bought again."""


@runtime_checkable
class VectorModel(Protocol):
    """A model whose score is the inner product of a shopper's vector with the items'."""

    def profiles(self, histories: Histories) -> FloatMatrix:
        """Vectors of shoppers, shape (len(histories), dim)."""
        ...


class Candidates:
    """The sources of one trained hybrid, as its scorer weighs it."""

    def __init__(
        self,
        scorer: Scorer,
        graph_index: VectorIndex | None = None,
        text_index: VectorIndex | None = None,
        config: CandidateConfig | None = None,
    ) -> None:
        """`graph_index` holds the item vectors of the hybrid's `graph_model`, `text_index` the text vectors.

        A source without its index is off.
        """
        self.config = config or CandidateConfig()
        hybrid, self._scorer = scorer.hybrid, scorer
        self._n_items = hybrid.n_items
        graph = hybrid.graph_model
        self._graph: VectorModel | None = graph if isinstance(graph, VectorModel) else None
        self._graph_index, self._text_index = graph_index, text_index
        columns = hybrid.features.columns
        self._popular = np.argsort(-columns[POPULARITY], kind="stable").astype(np.int32)
        self._trending = np.argsort(-columns.get(TRENDING, columns[POPULARITY]), kind="stable").astype(
            np.int32
        )

    def gather(
        self,
        history: Histories,
        eligible: BoolVector,
        query_vector: FloatVector | None = None,
        letters: FloatVector | None = None,
    ) -> IntVector:
        """Item indices to be scored, ascending; all are eligible.

        Args:
            history: batch of one; the personal sources are silent when it is empty.
            eligible: which items may be shown, shape (n_items,).
            query_vector: unit vector of a query.
            letters: how far its letters are in each item's texts, shape (n_items,).
        """
        if np.count_nonzero(eligible) <= self.config.score_all_below:
            return np.flatnonzero(eligible).astype(np.int32)
        chosen = np.zeros(self._n_items, np.bool_)
        for found in self._sources(history, eligible, query_vector):
            chosen[found] = True
        if letters is not None and self.config.letters:
            chosen[_best(letters, eligible, self.config.letters)] = True
        return np.flatnonzero(chosen & eligible).astype(np.int32)

    def _sources(
        self, history: Histories, eligible: BoolVector, query_vector: FloatVector | None
    ) -> Sequence[IntVector]:
        config = self.config
        found = [
            _first(self._popular, eligible, config.popular),
            _first(self._trending, eligible, config.trending),
        ]
        if len(history.item_idx):
            if self._graph is not None and self._graph_index is not None and config.graph:
                vectors = self._graph.profiles(history)
                found.append(_nearest(self._graph_index, vectors, eligible, config.graph))
            if config.item_item and (scores := self._scorer.item_item(history)) is not None:
                found.append(_best(scores, eligible, config.item_item))
            if config.own:
                latest_first = history.item_idx[::-1]
                first = np.sort(np.unique(latest_first, return_index=True)[1])
                found.append(_first(latest_first[first], eligible, config.own))
        if query_vector is not None and self._text_index is not None and config.text:
            found.append(_nearest(self._text_index, query_vector[None, :], eligible, config.text))
        return found


def _nearest(index: VectorIndex, vectors: FloatMatrix, eligible: BoolVector, k: int) -> IntVector:
    """The k nearest eligible rows; fewer where the filters take most of a search four times as wide."""
    share = np.count_nonzero(eligible) / len(eligible)
    wide = min(len(eligible), int(np.ceil(k / max(share, 0.25))))
    rows: IntVector = index.search(vectors, wide)[1][0]
    found: IntVector = rows[rows >= 0]
    return _first(found, eligible, k)


def _best(scores: FloatVector, eligible: BoolVector, k: int) -> IntVector:
    """The k eligible items with the largest scores above 0, in no order."""
    items = np.flatnonzero(eligible & (scores > 0)).astype(np.int32)
    if len(items) > k:
        items = items[np.argpartition(-scores[items], k - 1)[:k]]
    return items


def _first(order: IntVector, eligible: BoolVector, k: int) -> IntVector:
    return order[eligible[order]][:k]
