"""Sequence neighbours: what shoppers take after an item, and how soon.

S. Latifi et al., "Session-aware recommendation" (Information Sciences 2021), sequential rules: i → j
counts more the fewer places lie between. With `C_ij = Σ_{i before j in a history} decay^(places between)`,
`B_ij = (C_ij + β·C_ji) / (c_i^p · c_j^q + shrinkage)`, c the weighted events of an item.
Departures: j before i speaks too, with weight β <= 1; the decay is exponential in places where the paper has
1/places; the counts are divided by powers of the popularities (on a validation cut of Amazon video games
p = 0.5 and q = 0.1 gave NDCG@10 0.083 where the cosine's 0.5 and 0.5 gave 0.062). Histories are taken in the
snapshot's order: the order inside of one basket means nothing, and β is what makes it harmless.

An answer weighs the past by places alone, `a_i = w_i·2^(−places before the last / half_life_events)`: what a
shopper took last says most of what comes next, however long ago it was.
"""

from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field

from gnn.history import (
    FloatCsr,
    event_weights,
    float_csr,
    float_csr_of_pairs,
    history_matrix,
    type_weight_vector,
)
from gnn.item_item.past import (
    HistoryConfig,
    SparseModel,
    largest_of_rows,
    matrix_of_tensors,
    matrix_tensors,
)
from gnn.tensors import read_tensors, write_tensors
from shopgraph.types import NO_TIME, FloatVector, GraphSnapshot, Histories

_FILE = "sequence.safetensors"


class SequenceConfig(HistoryConfig):
    """Settings of the sequence neighbours; the defaults were chosen on validation data cut from train."""

    decay: float = Field(default=0.8, gt=0, le=1)
    """Factor for each further place between two items of a history."""
    max_places: int = Field(default=10, ge=1)
    """Furthest two items of a history may be apart to count as neighbours."""
    backward: float = Field(default=0.5, ge=0, le=1)
    """β: weight of "taken before" beside "taken after"."""
    past_power: float = Field(default=0.5, ge=0)
    """p: how far the popularity of the past item is divided out."""
    next_power: float = Field(default=0.1, ge=0)
    """q: how far that of the next item is; 0.5 for both gives the cosine's denominator."""
    shrinkage: float = Field(default=0.0, ge=0)
    """Added to the denominator: distrust of neighbours that were seen together rarely."""
    top_k: int = Field(default=300, ge=1)
    """Nearest items kept for each past item."""
    half_life_events: float = Field(default=3.0, gt=0)
    """Places before the last event after which an event counts half at answer time."""


class SequenceNeighbours(SparseModel):
    """Item–item neighbours that know the order of a history."""

    name = "sequence"

    def __init__(self, config: SequenceConfig | None = None) -> None:
        self.config = config or SequenceConfig()
        super().__init__(self.config)

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Count the snapshot's sequences; nothing is drawn from `rng`."""
        self._type_weights = type_weight_vector(snapshot.event_types, self.config.type_weights)
        histories = snapshot.histories
        weights = event_weights(histories, self._type_weights, self.config.half_life_days)
        after = _followers(histories, weights, snapshot.n_items, self.config)
        self._similarity = _normalised(after, histories, weights, self.config)

    def save(self, folder: Path) -> None:
        """Write `sequence.safetensors` into an existing folder."""
        tensors = matrix_tensors(self._similarity) | {"type_weights": self._type_weights}
        write_tensors(folder / _FILE, tensors, self.config.model_dump_json())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        tensors, config = read_tensors(folder / _FILE)
        model = cls(SequenceConfig.model_validate_json(config))
        model._similarity = matrix_of_tensors(tensors)
        model._type_weights = tensors["type_weights"]
        return model

    def _events(self, histories: Histories) -> FloatCsr:
        # without times the places decide: gnn/history.py reads them only then
        by_place = replace(histories, time=np.full_like(histories.time, NO_TIME))
        half_life = self.config.half_life_events
        return history_matrix(by_place, self.n_items, self._type_weights, half_life_events=half_life)


def _followers(histories: Histories, weights: FloatVector, n_items: int, config: SequenceConfig) -> FloatCsr:
    """C of the module's formula, each pair weighed by the lesser of its two events; no diagonal."""
    owners, items = histories.owners(), histories.item_idx
    shape = (n_items, n_items)
    total = float_csr_of_pairs(weights[:0], items[:0], items[:0], shape)
    for places in range(1, config.max_places + 1):
        pair = (owners[places:] == owners[:-places]) & (items[places:] != items[:-places])
        if not pair.any():
            continue
        before, after = items[:-places][pair], items[places:][pair]
        weight = np.minimum(weights[:-places], weights[places:])[pair]
        near = np.float32(config.decay ** (places - 1)) * weight
        total = total + float_csr_of_pairs(near, before, after, shape)
    return total


def _normalised(
    after: FloatCsr, histories: Histories, weights: FloatVector, config: SequenceConfig
) -> FloatCsr:
    """B of the module's formula, the `top_k` largest entries of each row."""
    both = (after + config.backward * after.T).tocsr()
    counts = np.bincount(histories.item_idx, weights, minlength=both.shape[0])
    # an item whose events all weigh 0 is in no pair that counts
    past, following = (np.maximum(counts, 1e-12) ** power for power in (config.past_power, config.next_power))
    rows = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
    values = both.data / (past[rows] * following[both.indices] + config.shrinkage)
    both.sort_indices()
    return largest_of_rows(
        float_csr(values.astype(np.float32), both.indices, both.indptr, both.shape[1]), config.top_k
    )
