"""Our contenders: what each is called, and the settings it may choose from."""

from collections.abc import Sequence

from gnn.deep.attention import AttentionConfig
from gnn.deep.hgt import HGTConfig
from gnn.deep.kgin import KGINConfig
from gnn.deep.lightgcn import LightGCNConfig
from gnn.item_item.model import ItemItemConfig
from gnn.item_item.sequence import SequenceConfig
from gnn.item_item.spectral import SpectralConfig
from gnn.linear.config import LinearKGConfig
from gnn.registry import AnyConfig
from gnn.training.config import TrainingConfig
from shopgraph.benches.peers import Limits

OUR_MODELS = (
    "hybrid",
    "linear",
    "lightgcn",
    "kgin",
    "hgt",
    "attention",
    "ease",
    "spectral",
    "neighbours",
    "sequence",
    "popularity",
    "last_baskets",
    "most_bought",
)

TORCH_HALVES = {
    "hybrid": "gnn.linear.training",
    "linear": "gnn.linear.training",
    "lightgcn": "gnn.deep.lightgcn_module",
    "kgin": "gnn.deep.kgin_module",
    "hgt": "gnn.deep.hgt_module",
    "attention": "gnn.deep.attention_module",
}
"""Imported before the clock starts, as a peer's script imports its packages; the others need no torch."""


def grid_of(name: str) -> Sequence[AnyConfig]:
    """The declared settings of a model, the default first; none for what has nothing to choose."""
    match name:
        case "linear":
            return [LinearKGConfig()]
        case "lightgcn":
            return [LightGCNConfig(epochs=100, patience=3)]
        case "kgin":
            return [KGINConfig()]
        case "hgt":
            return [HGTConfig()]
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


def bounded(config: AnyConfig, limits: Limits) -> AnyConfig:
    """The configuration with no more epochs, and on no other device, than anyone has."""
    if not isinstance(config, TrainingConfig):
        return config
    return config.model_copy(update={"epochs": min(config.epochs, limits.epochs), "device": limits.device})
