"""Item–item models: who bought this also bought that, learned in closed form or from neighbours.

Both end as one sparse matrix B, a row per past item; gnn/item_item/past.py scores with it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from gnn.history import FloatCsr, snapshot_matrix, type_weight_vector
from gnn.item_item.ease import (
    EaseSystem,
    ease_similarity,
    ease_system,
    item_memberships,
    word_memberships,
)
from gnn.item_item.ease_columns import with_new_columns
from gnn.item_item.neighbours import cosine_similarity
from gnn.item_item.past import HistoryConfig, SparseModel, matrix_of_tensors, matrix_tensors
from gnn.tensors import read_tensors, write_tensors
from shopgraph.types import FloatVector, GraphSnapshot, IntVector

_FILE = "item_item.safetensors"
_FEW_CHANGED = 0.125
"""Share of the items up to which their columns cost less than the whole inverse."""


class ItemItemConfig(HistoryConfig):
    """Settings of both item–item models; the defaults were chosen on validation data cut from train."""

    max_items_closed_form: int = Field(default=25_000, ge=0)
    """Largest catalogue for the closed form: it needs n_items² · 4 bytes (2.5 GB at the default)."""
    l2: float = Field(default=100.0, gt=0)
    """Ridge of the closed form, in units of (event weight)²."""
    relation_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={
            "MADE_BY": 2.0,
            "IN_CATEGORY": 0.3,
            "ALSO_BOUGHT": 0.1,
            "ALSO_VIEWED": 0.1,
            "BOUGHT_TOGETHER": 1.0,
        }
    )
    """Weight of a relation's side information by its name; 0 leaves it out."""
    default_relation_weight: float = Field(default=0.3, ge=0)
    """Weight of a relation that `relation_weights` does not name."""
    word_weight: float = Field(default=0.0, ge=0)
    """Weight of title and text words as side information; 0 leaves them out."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """p of the closed form's denoising: what an item says of itself is hidden this often."""
    popularity_power: float = Field(default=0.12, ge=0)
    """Power of an item's weighted count that the closed form's scores for it are multiplied by."""
    past_popularity_power: float = Field(default=0.4, ge=0)
    """Power of a past item's weighted count that what it says is divided by: what all buy says less."""
    power: float = Field(default=1.7, gt=0)
    """Power that each of the closed form's entries is raised to: above 1, what is strong counts more."""
    shrinkage: float = Field(default=20.0, ge=0)
    """Added to the cosine's denominator: distrust of neighbours that were seen together rarely."""
    top_k: int = Field(default=300, ge=1)
    """Most similar items kept for each past item."""


class ItemItem(SparseModel):
    """What both models share: fitting, saving. `load` gives back the kind that was saved."""

    def __init__(self, config: ItemItemConfig | None = None) -> None:
        self.config = config or ItemItemConfig()
        super().__init__(self.config)
        self._divisor: FloatVector | None = None

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Compute B; nothing is drawn from `rng`."""
        config = self.config
        self._type_weights = type_weight_vector(snapshot.event_types, config.type_weights)
        interactions = snapshot_matrix(snapshot, self._type_weights, config.half_life_days)
        self._similarity = self._learn(interactions, snapshot)

    def save(self, folder: Path) -> None:
        """Write `item_item.safetensors` into an existing folder."""
        tensors = matrix_tensors(self._similarity) | {
            "type_weights": self._type_weights,
            "closed_form": np.array(isinstance(self, Ease)),
        }
        if self._divisor is not None:
            tensors["divisor"] = self._divisor
        write_tensors(folder / _FILE, tensors, self.config.model_dump_json())

    @staticmethod
    def load(folder: Path) -> "ItemItem":
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        tensors, config_json = read_tensors(folder / _FILE)
        config = ItemItemConfig.model_validate_json(config_json)
        model = Ease(config) if tensors["closed_form"].item() else SparseNeighbours(config)
        model._similarity = matrix_of_tensors(tensors)
        model._type_weights = tensors["type_weights"]
        model._divisor = tensors.get("divisor")
        return model

    def _learn(self, interactions: FloatCsr, snapshot: GraphSnapshot) -> FloatCsr:
        """B of users × items; each kind has its own."""
        raise NotImplementedError


class Ease(ItemItem):
    """EASE with side information: each relation adds what its entities say to the Gram matrix."""

    def gone_on(self, snapshot: GraphSnapshot, item_rows: IntVector, changed: IntVector) -> "Ease":
        """The model of a later snapshot: exact in the rows and columns of the changed items alone.

        The rest is as it was; where much has changed, or events fade with time, all is computed anew.

        Args:
            snapshot: all that is known now.
            item_rows: row of each of its items in this model, -1 where it is new.
            changed: its items with other events or relations than before, the new ones among them.
        """
        later = Ease(self.config)
        few = (
            len(changed) <= _FEW_CHANGED * snapshot.n_items and (np.diff(item_rows[item_rows >= 0]) > 0).all()
        )
        if not few or self.config.half_life_days is not None or self._divisor is None:
            later.fit(snapshot, np.random.default_rng(0))
            return later
        later._type_weights = type_weight_vector(snapshot.event_types, self.config.type_weights)
        system = later._system(snapshot_matrix(snapshot, later._type_weights), snapshot)
        later._similarity, later._divisor = with_new_columns(
            system, self._similarity, self._divisor, item_rows, changed, self.config.top_k
        )
        return later

    def _learn(self, interactions: FloatCsr, snapshot: GraphSnapshot) -> FloatCsr:
        similarity, self._divisor = ease_similarity(self._system(interactions, snapshot), self.config.top_k)
        return similarity

    def _system(self, interactions: FloatCsr, snapshot: GraphSnapshot) -> EaseSystem:
        config = self.config
        sides = [
            (config.relation_weights.get(edge_type.relation, config.default_relation_weight), members)
            for edge_type, members in item_memberships(snapshot)
        ]
        if config.word_weight:
            sides.append((config.word_weight, word_memberships(snapshot.items)))
        return ease_system(
            interactions,
            sides,
            config.l2,
            config.dropout,
            config.popularity_power,
            config.power,
            config.past_popularity_power,
        )


class SparseNeighbours(ItemItem):
    """Cosine with shrinkage over interactions alone: for catalogues too large for the closed form."""

    def _learn(self, interactions: FloatCsr, snapshot: GraphSnapshot) -> FloatCsr:
        return cosine_similarity(interactions, self.config.shrinkage, self.config.top_k)


def item_item_for(n_items: int, config: ItemItemConfig) -> ItemItem:
    """The closed form where its dense matrix fits, else neighbours."""
    return Ease(config) if n_items <= config.max_items_closed_form else SparseNeighbours(config)
