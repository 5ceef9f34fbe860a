"""Item–item models: who bought this also bought that, learned in closed form or from neighbours.

Both end as one sparse matrix B, a row per past item: `score(u, j) = n_u · Σ_{i∈H(u)} a_i · B_ij`, with
`a_i` the weight of what u did with i and `n_u = |H(u)|^-p`. So a share per past item is exact.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gnn.history import FloatCsr, float_csr, history_matrix, snapshot_matrix, type_weight_vector
from gnn.item_item.ease import ease_similarity, item_memberships
from gnn.item_item.neighbours import cosine_similarity
from gnn.tensors import read_tensors, write_tensors
from shopgraph.types import Exactness, FloatMatrix, FloatVector, GraphSnapshot, Histories, IntVector, Share

_FILE = "item_item.safetensors"


class ItemItemConfig(BaseModel):
    """Settings of both item–item models; the defaults were chosen on validation data cut from train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_items_closed_form: int = Field(default=25_000, ge=0)
    """Largest catalogue for the closed form: it needs n_items² · 4 bytes (2.5 GB at the default)."""
    l2: float = Field(default=100.0, gt=0)
    """Ridge of the closed form, in units of (event weight)²."""
    relation_weights: dict[str, Annotated[float, Field(ge=0)]] = {
        "MADE_BY": 2.0,
        "IN_CATEGORY": 0.3,
        "ALSO_BOUGHT": 0.1,
        "ALSO_VIEWED": 0.1,
        "BOUGHT_TOGETHER": 1.0,
    }
    """Weight of a relation's side information by its name; 0 leaves it out."""
    default_relation_weight: float = Field(default=0.3, ge=0)
    """Weight of a relation that `relation_weights` does not name."""
    shrinkage: float = Field(default=20.0, ge=0)
    """Added to the cosine's denominator: distrust of neighbours that were seen together rarely."""
    top_k: int = Field(default=300, ge=1)
    """Most similar items kept for each past item."""
    type_weights: dict[str, float] = {}
    """Weight of an event by its name; the registry's default weight where unnamed."""
    half_life_days: float | None = Field(default=None, gt=0)
    """Days after which an event counts half; None: time does not matter."""
    history_power: float = Field(default=0.5, ge=0)
    """p of `n_u = |H(u)|^-p`; it changes no order within one list, only its scale beside other parts."""


class ItemItem:
    """What both models share: scoring, shares, saving. `load` gives back the kind that was saved."""

    name = "item_item"
    exactness = Exactness.PAST_ITEM

    def __init__(self, config: ItemItemConfig | None = None) -> None:
        self.config = config or ItemItemConfig()
        self._similarity = float_csr(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64), 0)
        self._type_weights: FloatVector = np.zeros(0, np.float32)

    @property
    def similarity(self) -> FloatCsr:
        """B, float32 (n_items, n_items), row = past item, diagonal empty, columns in order."""
        return self._similarity

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Compute B; nothing is drawn from `rng`."""
        config = self.config
        self._type_weights = type_weight_vector(snapshot.event_types, config.type_weights)
        interactions = snapshot_matrix(snapshot, self._type_weights, config.half_life_days)
        self._similarity = self._learn(interactions, snapshot)

    def score(self, histories: Histories) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items); 0 for an empty history."""
        scores: FloatMatrix = (self._weights(histories) @ self._similarity).toarray()
        return scores

    def score_items(self, history: Histories, item_idx: IntVector) -> FloatVector:
        """Scores of some items for one history, shape (len(item_idx),)."""
        weights = self._weights(history)
        scores: FloatVector = weights.data @ self._block(weights.indices, item_idx)
        return scores

    def shares(self, history: Histories, item_idx: int) -> Sequence[Share]:
        """One share for each past item that speaks for the item, largest first."""
        return self.shares_of_items(history, np.array([item_idx], np.int32))[0]

    def shares_of_items(
        self, history: Histories, item_idx: IntVector, top: int | None = None
    ) -> list[list[Share]]:
        """The `shares` of several items, a list for each; with `top` only so many each, the largest."""
        weights = self._weights(history)
        past: list[int] = weights.indices.tolist()
        values = weights.data[:, None] * self._block(weights.indices, item_idx)
        found = []
        for column in values.T:
            order = np.argsort(-np.abs(column), kind="stable")[:top].tolist()
            found.append([Share("item_item", float(column[n]), past[n]) for n in order if column[n] != 0])
        return found

    def save(self, folder: Path) -> None:
        """Write `item_item.safetensors` into an existing folder."""
        tensors: dict[str, NDArray[Any]] = {
            "data": self._similarity.data,
            "indices": self._similarity.indices.astype(np.int32),
            "indptr": self._similarity.indptr.astype(np.int64),
            "type_weights": self._type_weights,
            "closed_form": np.array(isinstance(self, Ease)),
        }
        write_tensors(folder / _FILE, tensors, self.config.model_dump_json())

    @staticmethod
    def load(folder: Path) -> "ItemItem":
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        tensors, config_json = read_tensors(folder / _FILE)
        config = ItemItemConfig.model_validate_json(config_json)
        n_items = len(tensors["indptr"]) - 1
        model = Ease(config) if tensors["closed_form"].item() else SparseNeighbours(config)
        model._similarity = float_csr(tensors["data"], tensors["indices"], tensors["indptr"], n_items)
        model._type_weights = tensors["type_weights"]
        return model

    def _learn(self, interactions: FloatCsr, snapshot: GraphSnapshot) -> FloatCsr:
        """B of users × items; each kind has its own."""
        raise NotImplementedError

    def _block(self, past: NDArray[np.integer], item_idx: IntVector) -> FloatMatrix:
        """B_ij of past items i and some items j; many times faster than scipy's own indexing."""
        indptr, columns = self._similarity.indptr, self._similarity.indices
        start = indptr[past].astype(np.int64)
        count = indptr[past + 1] - start
        row = np.repeat(np.arange(len(past)), count)
        at = np.arange(len(row)) + np.repeat(start - (np.cumsum(count) - count), count)
        place = np.full(self._similarity.shape[1], -1)
        place[item_idx] = np.arange(len(item_idx))
        column = place[columns[at]]
        wanted = column >= 0
        block = np.zeros((len(past), len(item_idx)), np.float32)
        block[row[wanted], column[wanted]] = self._similarity.data[at[wanted]]
        return block

    def _weights(self, histories: Histories) -> FloatCsr:
        """n_u · a_i, shape (len(histories), n_items)."""
        n_items = self._similarity.shape[0]
        weights = history_matrix(histories, n_items, self._type_weights, self.config.half_life_days)
        lengths = np.diff(weights.indptr)
        scale = np.maximum(lengths, 1).astype(np.float32) ** -self.config.history_power
        weights.data *= np.repeat(scale, lengths)
        return weights


class Ease(ItemItem):
    """EASE with side information: each relation adds what its entities say to the Gram matrix."""

    def _learn(self, interactions: FloatCsr, snapshot: GraphSnapshot) -> FloatCsr:
        config = self.config
        sides = [
            (config.relation_weights.get(edge_type.relation, config.default_relation_weight), members)
            for edge_type, members in item_memberships(snapshot)
        ]
        return ease_similarity(interactions, sides, config.l2, config.top_k)


class SparseNeighbours(ItemItem):
    """Cosine with shrinkage over interactions alone: for catalogues too large for the closed form."""

    def _learn(self, interactions: FloatCsr, snapshot: GraphSnapshot) -> FloatCsr:
        return cosine_similarity(interactions, self.config.shrinkage, self.config.top_k)


def item_item_for(n_items: int, config: ItemItemConfig) -> ItemItem:
    """The closed form where its dense matrix fits, else neighbours."""
    return Ease(config) if n_items <= config.max_items_closed_form else SparseNeighbours(config)
