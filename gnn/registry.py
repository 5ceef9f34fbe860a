"""Every model by its kind: settings as one discriminated union, and the model they ask for."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from gnn.deep.attention import AttentionConfig, SequenceAttention
from gnn.deep.hgt import HGT, HGTConfig
from gnn.deep.kgin import KGIN, KGINConfig
from gnn.deep.lightgcn import LightGCN, LightGCNConfig
from gnn.item_item.model import Ease, ItemItemConfig, SparseNeighbours
from gnn.item_item.sequence import SequenceConfig, SequenceNeighbours
from gnn.item_item.spectral import Spectral, SpectralConfig
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from gnn.popularity import Popularity, PopularityConfig
from shopgraph.types import Heldout, Recommender

if TYPE_CHECKING:
    from gnn.training.board import EpochReport

__all__ = ["ModelConfig", "build"]


class _Kind(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class LinearKind(_Kind):
    """The linear, relation-aware graph model: explains by paths, new shoppers and cold items for free."""

    kind: Literal["linear"] = "linear"
    settings: LinearKGConfig = LinearKGConfig()


class EaseKind(_Kind):
    """Item–item in closed form, with the graph's relations beside the interactions."""

    kind: Literal["ease"] = "ease"
    settings: ItemItemConfig = ItemItemConfig()


class NeighboursKind(_Kind):
    """Item–item by cosine, for catalogues too large for the closed form."""

    kind: Literal["neighbours"] = "neighbours"
    settings: ItemItemConfig = ItemItemConfig()


class SequenceKind(_Kind):
    """Item–item neighbours that know the order of a history."""

    kind: Literal["sequence"] = "sequence"
    settings: SequenceConfig = SequenceConfig()


class SpectralKind(_Kind):
    """A low-pass filter over the graph's spectrum, in closed form."""

    kind: Literal["spectral"] = "spectral"
    settings: SpectralConfig = SpectralConfig()


class PopularityKind(_Kind):
    """The same list for everyone."""

    kind: Literal["popularity"] = "popularity"
    settings: PopularityConfig = PopularityConfig()


class LightGCNKind(_Kind):
    """Vectors smoothed over who bought what."""

    kind: Literal["lightgcn"] = "lightgcn"
    settings: LightGCNConfig = LightGCNConfig()


class KGINKind(_Kind):
    """Intents over the relations of the knowledge graph."""

    kind: Literal["kgin"] = "kgin"
    settings: KGINConfig = KGINConfig()


class HGTKind(_Kind):
    """A transformer over the typed graph."""

    kind: Literal["hgt"] = "hgt"
    settings: HGTConfig = HGTConfig()


class AttentionKind(_Kind):
    """Attention over the order of a history: a shopper's next step."""

    kind: Literal["attention"] = "attention"
    settings: AttentionConfig = AttentionConfig()


ModelConfig = Annotated[
    LinearKind
    | EaseKind
    | NeighboursKind
    | SequenceKind
    | SpectralKind
    | PopularityKind
    | LightGCNKind
    | KGINKind
    | HGTKind
    | AttentionKind,
    Field(discriminator="kind"),
]


def build(
    config: ModelConfig,
    *,
    validation: Heldout | None = None,
    on_epoch: "Callable[[EpochReport], None]" = lambda _: None,
    log_dir: Path | None = None,
) -> Recommender:
    """The model of these settings, not fitted; no torch is imported before a fit that needs it.

    Args:
        config: which model, and its settings.
        validation: stops the training early of models that train in epochs; the others ignore it.
        on_epoch: gets each epoch's figures of such a training.
        log_dir: takes its curves.
    """
    match config:
        case LinearKind():
            return LinearKG(config.settings, validation=validation, on_epoch=on_epoch, log_dir=log_dir)
        case EaseKind():
            return Ease(config.settings)
        case NeighboursKind():
            return SparseNeighbours(config.settings)
        case SequenceKind():
            return SequenceNeighbours(config.settings)
        case SpectralKind():
            return Spectral(config.settings)
        case PopularityKind():
            return Popularity(config.settings)
        case LightGCNKind():
            return LightGCN(config.settings, validation=validation, on_epoch=on_epoch, log_dir=log_dir)
        case KGINKind():
            return KGIN(config.settings, validation=validation, on_epoch=on_epoch, log_dir=log_dir)
        case HGTKind():
            return HGT(config.settings, validation=validation, on_epoch=on_epoch, log_dir=log_dir)
        case AttentionKind():
            return SequenceAttention(
                config.settings, validation=validation, on_epoch=on_epoch, log_dir=log_dir
            )
        case _:
            assert_never(config)
