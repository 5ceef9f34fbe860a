"""What sells to everybody: the floor that any model must beat, and the answer for an unknown shopper."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from gnn.history import event_weights, type_weight_vector
from gnn.tensors import read_tensors, write_tensors
from shopgraph.types import Exactness, FloatMatrix, FloatVector, GraphSnapshot, Histories, Share

_FILE = "popularity.safetensors"


class PopularityConfig(BaseModel):
    """How events are counted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type_weights: dict[str, float] = {}
    """Weight of an event by its name; the registry's default weight where unnamed."""
    half_life_days: float | None = Field(default=None, gt=0)
    """Days after which an event counts half (what is trending); None counts all of time alike."""


class Popularity:
    """The same score for every shopper: log(1 + weighted count), so that one hit does not drown the rest."""

    name = "popularity"
    exactness = Exactness.PAST_ITEM

    def __init__(self, config: PopularityConfig | None = None) -> None:
        self.config = config or PopularityConfig()
        self._scores: FloatVector = np.zeros(0, np.float32)

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Count the snapshot's events; `rng` is not used."""
        histories = snapshot.histories
        type_weights = type_weight_vector(snapshot.event_types, self.config.type_weights)
        weights = event_weights(histories, type_weights, self.config.half_life_days)
        counts = np.bincount(histories.item_idx, weights, minlength=snapshot.n_items)
        self._scores = np.log1p(counts).astype(np.float32)

    @property
    def scores(self) -> FloatVector:
        """Score of each item, shape (n_items,), >= 0; the order for shoppers nobody knows."""
        return self._scores

    def score(self, histories: Histories) -> FloatMatrix:
        """The same row for every history, an empty one included; shape (len(histories), n_items)."""
        return np.tile(self._scores, (len(histories), 1))

    def shares(self, history: Histories, item_idx: int) -> Sequence[Share]:
        """One share named `popularity`: no past item stands behind it."""
        return [Share("feature", float(self._scores[item_idx]), name=self.name)]

    def save(self, folder: Path) -> None:
        """Write `popularity.safetensors` into an existing folder."""
        write_tensors(folder / _FILE, {"scores": self._scores}, self.config.model_dump_json())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        tensors, config = read_tensors(folder / _FILE)
        model = cls(PopularityConfig.model_validate_json(config))
        model._scores = tensors["scores"]
        return model
