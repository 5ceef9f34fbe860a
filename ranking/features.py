"""Named features f_k(u, j) of a shopper's history and an item; each is one share of the score.

Which features exist depends on the data alone: no price, no `price_fit`. Every value is divided by a
constant found in training (the feature's root mean square over histories × items), never by anything
of the candidate list. An empty history gives 0 for all that is personal.

| name | value before scaling |
| --- | --- |
| `popularity` | log(1 + weighted events of the item), centred |
| `trending` | the same with events halved every `trend_half_life_days`, centred |
| `newness` | 0.5 ** (age / `newness_half_life_days`), 0 where the age is unknown |
| `affinity:RELATION` | mean over the item's nodes of the share of the history that has the node |
| `price_fit` | exp(-|log price - mean log price of the history| / spread), 0 where unknown |
| `text_profile` | mean text vector of the history · the item's (both centred on the shop's mean) |
| `seen_before` | log(1 + weight of the item's own events in the history) |
| `bought_again` | log(1 + undecayed weight of those events) + log(1 + weight of the late ones) |
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gnn.history import OfLast, event_weights
from gnn.tensors import read_tensors, write_tensors
from shopgraph.errors import ArtefactMissing
from shopgraph.types import (
    FloatMatrix,
    FloatVector,
    Histories,
    IntVector,
)

AFFINITY = "affinity:"
POPULARITY, TRENDING, NEWNESS = "popularity", "trending", "newness"
PRICE_FIT, TEXT_PROFILE, SEEN_BEFORE = "price_fit", "text_profile", "seen_before"
BOUGHT_AGAIN = "bought_again"

_FILE = "features.safetensors"
_CSR_PARTS = ("data", "indices", "indptr")
_TINY = np.float32(1e-12)


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """Fitted features.

    Attributes:
        scales: what each raw value is divided by; its keys are the features' names, in order.
        event_weights: weight of each event type, as `gnn.history.type_weight_vector` gives it.
        half_life_days: halves the weight of a past event; events without a time keep theirs.
        columns: the impersonal features' raw values, each shape (n_items,).
        labels: item × node matrices by feature name, 1 where the item has the node.
        log_price: NaN where unknown, shape (n_items,); None without prices.
        price_spread: standard deviation of `log_price`.
        text: unit text vectors, shape (n_items, dim_text); None without texts.
        text_mean: their mean, shape (dim_text,).
        repeats: whether `seen_before` exists: there are events other than the main one.
        repeat_half_life_days: halves an event for what is late in `bought_again`; None: nothing is bought
            again, and the feature does not exist.
        counts: how many nodes an item counts as having, by feature name, where `labels` no longer holds
            them all: what is banned is gone from the sum, not from the mean.
    """

    scales: Mapping[str, float]
    event_weights: FloatMatrix
    half_life_days: float | None
    columns: Mapping[str, FloatVector]
    labels: Mapping[str, sparse.csr_array]
    log_price: FloatVector | None
    price_spread: float
    text: FloatMatrix | None
    text_mean: FloatVector | None
    repeats: bool
    repeat_half_life_days: float | None = None
    counts: Mapping[str, IntVector] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names, in the order of `values`."""
        return tuple(self.scales)

    def values(
        self,
        histories: Histories,
        item_idx: IntVector | None = None,
        names: Collection[str] | None = None,
    ) -> Iterator[tuple[str, FloatMatrix]]:
        """Each feature's name and values, shape (len(histories), n_items or len(item_idx)).

        One matrix at a time, so that a batch never holds all features; `names` computes some alone.
        """
        for name, raw in self.raw_values(histories, item_idx, names):
            yield name, raw * np.float32(1 / self.scales[name])

    def raw_values(
        self,
        histories: Histories,
        item_idx: IntVector | None = None,
        names: Collection[str] | None = None,
    ) -> Iterator[tuple[str, FloatMatrix]]:
        """As `values`, before scaling."""
        weights, profile = self._past_of_last(histories)
        chosen = slice(None) if item_idx is None else item_idx
        for name in self._available() if names is None else names:
            if name in self.columns:
                column = self.columns[name][chosen]
                yield name, np.broadcast_to(column, (len(histories), len(column)))
            elif name in self.labels:
                yield name, _affinity(profile, self.labels[name], self.counts.get(name), item_idx)
            elif name == PRICE_FIT:
                yield name, self._price_fit(profile, item_idx)
            elif name == TEXT_PROFILE:
                yield name, self._text_profile(profile, item_idx)
            elif name == SEEN_BEFORE:
                yield name, _log_of(weights, item_idx)
            elif name == BOUGHT_AGAIN:
                often = self._weights(histories, None)
                lately = self._weights(histories, self.repeat_half_life_days)
                yield name, _log_of(often, item_idx) + _log_of(lately, item_idx)

    def text_of(self, item_idx: IntVector | None = None) -> FloatMatrix:
        """The items' text vectors, shape (n_items or len(item_idx), dim_text).

        Raises:
            ArtefactMissing: the model was trained without texts.
        """
        if self.text is None:
            raise ArtefactMissing("this model was trained without text vectors; train again with an encoder")
        return self.text if item_idx is None else self.text[item_idx]

    def likeness(self, query_vectors: FloatMatrix, item_idx: IntVector | None = None) -> FloatMatrix:
        """⟨q, t_j − t̄⟩: how much nearer than the mean text an item's text is to each query.

        Args:
            query_vectors: unit vectors, shape (n_queries, dim_text).
            item_idx: of these items; None: of all.

        Returns:
            Shape (n_queries, n_items or len(item_idx)).

        Raises:
            ArtefactMissing: the artefact has no text vectors.
        """
        text = self.text_of(item_idx)
        assert self.text_mean is not None  # comes with the text vectors
        centred: FloatMatrix = query_vectors @ text.T - (query_vectors @ self.text_mean)[:, None]
        return centred

    def save(self, folder: Path) -> None:
        """Write `features.safetensors` into an existing folder."""
        tensors: dict[str, NDArray[np.generic]] = {"event_weights": self.event_weights}
        tensors |= {f"column/{name}": column for name, column in self.columns.items()}
        for name, matrix in self.labels.items():
            tensors |= {f"{part}/{name}": getattr(matrix, part) for part in _CSR_PARTS}
        optional = {"log_price": self.log_price, "text": self.text, "text_mean": self.text_mean}
        tensors |= {name: tensor for name, tensor in optional.items() if tensor is not None}
        constants = {
            "scales": dict(self.scales),
            "half_life_days": self.half_life_days,
            "price_spread": self.price_spread,
            "repeats": self.repeats,
            "repeat_half_life_days": self.repeat_half_life_days,
            "columns": list(self.columns),
            "label_shapes": {name: matrix.shape for name, matrix in self.labels.items()},
        }
        write_tensors(folder / _FILE, tensors, json.dumps(constants))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        tensors, text = read_tensors(folder / _FILE)
        constants = json.loads(text)
        labels = {
            name: sparse.csr_array(tuple(tensors[f"{part}/{name}"] for part in _CSR_PARTS), shape=shape)
            for name, shape in constants["label_shapes"].items()
        }
        return cls(
            scales=constants["scales"],
            event_weights=tensors["event_weights"],
            half_life_days=constants["half_life_days"],
            columns={name: tensors[f"column/{name}"] for name in constants["columns"]},
            labels=labels,
            log_price=tensors.get("log_price"),
            price_spread=constants["price_spread"],
            text=tensors.get("text"),
            text_mean=tensors.get("text_mean"),
            repeats=constants["repeats"],
            repeat_half_life_days=constants.get("repeat_half_life_days"),
        )

    @cached_property
    def _past_of_last(self) -> OfLast[tuple[sparse.csr_array, sparse.csr_array]]:
        """The weights of past items, and the same with each row's sum 1."""

        def past(histories: Histories) -> tuple[sparse.csr_array, sparse.csr_array]:
            weights = self._weights(histories, self.half_life_days)
            return weights, _rows_to_one(weights)

        return OfLast(past)

    def _available(self) -> list[str]:
        names = [*self.columns, *self.labels]
        names += [PRICE_FIT] if self.log_price is not None else []
        names += [TEXT_PROFILE] if self.text is not None else []
        names += [SEEN_BEFORE] if self.repeats else []
        return names + ([] if self.repeat_half_life_days is None else [BOUGHT_AGAIN])

    def _weights(self, histories: Histories, half_life_days: float | None) -> sparse.csr_array:
        """Summed weight of each past item, shape (len(histories), n_items)."""
        weights = event_weights(histories, self.event_weights, half_life_days)
        shape = (len(histories), len(self.columns[POPULARITY]))
        return sparse.csr_array((weights, (histories.owners(), histories.item_idx)), shape=shape)

    def _price_fit(self, profile: sparse.csr_array, item_idx: IntVector | None) -> FloatMatrix:
        assert self.log_price is not None  # the name exists only with prices
        paid = self.log_price[profile.indices]
        known = np.isfinite(paid)
        rows = np.repeat(np.arange(profile.shape[0]), np.diff(profile.indptr))[known]
        share = profile.data[known]
        weight = np.bincount(rows, share, profile.shape[0])
        mean = np.bincount(rows, share * paid[known], profile.shape[0]) / np.maximum(weight, _TINY)
        price = self.log_price if item_idx is None else self.log_price[item_idx]
        there = np.isfinite(price)
        away = np.abs(np.where(there, price, np.float32(0))[None, :] - mean.astype(np.float32)[:, None])
        fit: FloatMatrix = np.exp(-away / np.float32(self.price_spread))
        fit[:, ~there] = 0
        fit[weight == 0] = 0
        return fit

    def _text_profile(self, profile: sparse.csr_array, item_idx: IntVector | None) -> FloatMatrix:
        assert self.text_mean is not None  # comes with the text vectors
        text = self.text_of(item_idx)
        known = profile.sum(axis=1) > 0
        liked = (profile @ self.text_of() - self.text_mean) * known[:, None]
        centred: FloatMatrix = liked @ text.T - (liked @ self.text_mean)[:, None]
        return centred


def _log_of(weights: sparse.csr_array, item_idx: IntVector | None) -> FloatMatrix:
    """log(1 + weight) of all or some items; of a single history without sparse indexing, which is slow."""
    if item_idx is None or weights.shape[0] > 1:
        picked = weights if item_idx is None else weights[:, item_idx]
        logs: FloatMatrix = np.log1p(picked.toarray())
        return logs
    found = np.zeros((1, len(item_idx)), np.float32)
    order = np.argsort(weights.indices)
    past = weights.indices[order]
    place = np.minimum(np.searchsorted(past, item_idx), len(past) - 1)
    if len(past):
        met = past[place] == item_idx
        found[0, met] = np.log1p(weights.data[order[place[met]]])
    return found


def _rows_to_one(weights: sparse.csr_array) -> sparse.csr_array:
    """Each row divided by its sum; an empty row stays empty."""
    totals = np.repeat(np.maximum(weights.sum(axis=1), _TINY), np.diff(weights.indptr))
    return sparse.csr_array((weights.data / totals, weights.indices, weights.indptr), shape=weights.shape)


def _affinity(
    profile: sparse.csr_array,
    labels: sparse.csr_array,
    counts: IntVector | None,
    item_idx: IntVector | None,
) -> FloatMatrix:
    """Mean, over the nodes of each item, of the node's share in the profile; `counts` as in FeatureSet."""
    if counts is None:
        counts = np.diff(labels.indptr).astype(np.int32)
    over = np.maximum(counts if item_idx is None else counts[item_idx], 1).astype(np.float32)
    if profile.shape[0] == 1:
        return _sum_of_one(profile, labels, item_idx) / over
    picked = labels if item_idx is None else labels[item_idx]
    mean: FloatMatrix = (profile @ labels @ picked.T).toarray() / over
    return mean


def _sum_of_one(
    profile: sparse.csr_array, labels: sparse.csr_array, item_idx: IntVector | None
) -> FloatMatrix:
    """The sums of a single history, for which an answer waits: no sparse products."""
    place, nodes = _entries(labels, profile.indices)
    liked = np.bincount(nodes, profile.data[place], labels.shape[1])
    if item_idx is None:
        return np.asarray(labels @ liked.astype(np.float32), np.float32)[None, :]
    place, nodes = _entries(labels, item_idx)
    return np.bincount(place, liked[nodes], len(item_idx)).astype(np.float32)[None, :]


def _entries(
    matrix: sparse.csr_array, rows: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """(place in `rows`, column) of the entries of some rows of a matrix of ones."""
    start = matrix.indptr[rows].astype(np.int64)
    count = matrix.indptr[rows + 1] - start
    place = np.repeat(np.arange(len(rows)), count)
    at = np.arange(len(place)) + np.repeat(start - (np.cumsum(count) - count), count)
    return place, matrix.indices[at]
