"""The models that a hybrid is made of: which part of the score they are, how they are built and loaded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from gnn.item_item.model import ItemItem, ItemItemConfig, item_item_for
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from shopgraph.types import Exactness, FloatVector, Heldout, Histories, IntVector, Recommender, Share

GRAPH, ITEM_ITEM = "graph", "item_item"
"""The parts of the score that are sums of models."""

LINEAR, EASE = "linear", "ease"
"""Names of the two models that a hybrid has by default."""

ModelConfig: TypeAlias = LinearKGConfig | ItemItemConfig


class SavedModel(Recommender, Protocol):
    """A recommender that can be written into an artefact and explains a page of items at once."""

    def save(self, folder: Path) -> None:
        """Write into an existing folder."""
        ...

    def score_items(self, history: Histories, item_idx: IntVector) -> FloatVector:
        """Scores of some items for one history (batch of one), shape (len(item_idx),)."""
        ...

    def shares_of_items(
        self, history: Histories, item_idx: IntVector, top: int | None = None
    ) -> list[list[Share]]:
        """The `shares` of several items, a list for each.

        With `top` a list holds only the so many largest of kind `path` and `item_item`, and `latent` in
        one sum a name.
        """
        ...


@dataclass(frozen=True, eq=False)
class Watch:
    """What a model that learns in epochs is given: what tells when to stop, and who hears of it."""

    validation: Heldout | None
    on_epoch: Callable[[object], None]
    log_dir: Path | None = None


def part_of_model(model: Recommender) -> str:
    """The part that a model belongs to: exact per past item is `item_item`, all else `graph`."""
    return ITEM_ITEM if model.exactness is Exactness.PAST_ITEM else GRAPH


def build_model(config: ModelConfig, n_items: int, watch: Watch) -> SavedModel:
    """The model of a configuration, to be fitted."""
    match config:
        case LinearKGConfig():
            return LinearKG(
                config, validation=watch.validation, on_epoch=watch.on_epoch, log_dir=watch.log_dir
            )
        case ItemItemConfig():
            return item_item_for(n_items, config)


def refit_config(model: SavedModel, config: ModelConfig) -> ModelConfig:
    """The configuration for all data: for as many epochs as were best on validation, where there are any."""
    if isinstance(model, LinearKG) and isinstance(config, LinearKGConfig):
        return config.model_copy(update={"epochs": max(model.best_epoch, 1)})
    return config


def load_model(kind: str, folder: Path) -> SavedModel:
    """What a model of this kind (its `name`) saved.

    Raises:
        ArtefactDamaged: a file is missing or not readable.
        KeyError: no such kind.
    """
    return _LOADERS[kind](folder)


_LOADERS: Mapping[str, Callable[[Path], SavedModel]] = {
    LinearKG.name: LinearKG.load,
    ItemItem.name: ItemItem.load,
}
