"""Our contenders: what each is called, the settings it may choose from, and how it is built."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from gnn.deep.attention import AttentionConfig, SequenceAttention
from gnn.deep.lightgcn import LightGCN, LightGCNConfig
from gnn.item_item.model import ItemItemConfig
from gnn.item_item.sequence import SequenceConfig, SequenceNeighbours
from gnn.item_item.spectral import Spectral, SpectralConfig
from gnn.linear.config import LinearKGConfig
from gnn.training.config import TrainingConfig
from ranking.models import ModelConfig, Watch, build_model
from shopgraph.benches.peers import Limits
from shopgraph.types import Recommender

OUR_MODELS = (
    "hybrid",
    "linear",
    "lightgcn",
    "attention",
    "ease",
    "spectral",
    "neighbours",
    "sequence",
    "popularity",
)

TORCH_HALVES = {
    "hybrid": "gnn.linear.training",
    "linear": "gnn.linear.training",
    "lightgcn": "gnn.deep.lightgcn_module",
    "attention": "gnn.deep.attention_module",
}
"""Imported before the clock starts, as a peer's script imports its packages; the others need no torch."""

OurConfig: TypeAlias = ModelConfig | LightGCNConfig | AttentionConfig | SpectralConfig | SequenceConfig


class Saved(Protocol):
    """What is counted when a model's numbers are."""

    def save(self, folder: Path) -> None: ...


class Model(Recommender, Saved, Protocol):
    """A recommender of ours."""


def grid_of(name: str) -> Sequence[OurConfig]:
    """The declared settings of a model, the default first; none for what has nothing to choose."""
    match name:
        case "linear":
            return [LinearKGConfig()]
        case "lightgcn":
            return [LightGCNConfig(epochs=100, patience=3)]
        case "attention":
            return [AttentionConfig()]
        case "spectral":
            return [SpectralConfig(alpha=alpha) for alpha in (0.3, 0.1, 1.0)]
        case "sequence":
            return [SequenceConfig(decay=decay) for decay in (0.8, 0.5, 1.0)]
        case "ease":
            return [
                ItemItemConfig(l2=l2, max_items_closed_form=1 << 20) for l2 in (100.0, 30.0, 300.0, 1000.0)
            ]
        case "neighbours":
            return [ItemItemConfig(shrinkage=beta, max_items_closed_form=0) for beta in (20.0, 5.0, 100.0)]
        case _:
            return []


def build(config: OurConfig, n_items: int, watch: Watch) -> Model:
    """The model of a configuration, to be fitted."""
    match config:
        case LightGCNConfig():
            return LightGCN(config, validation=watch.validation, on_epoch=watch.on_epoch)
        case AttentionConfig():
            return SequenceAttention(config, validation=watch.validation, on_epoch=watch.on_epoch)
        case SpectralConfig():
            return Spectral(config)
        case SequenceConfig():
            return SequenceNeighbours(config)
        case _:
            return build_model(config, n_items, watch)


def bounded(config: OurConfig, limits: Limits) -> OurConfig:
    """The configuration with no more epochs, and on no other device, than anyone has."""
    if not isinstance(config, TrainingConfig):
        return config
    return config.model_copy(update={"epochs": min(config.epochs, limits.epochs), "device": limits.device})
