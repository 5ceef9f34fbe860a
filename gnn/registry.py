"""Every trainable model by its kind: its settings, how it is built, loaded and fitted once more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeAlias, TypedDict, assert_never, runtime_checkable

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, WrapSerializer

from gnn.deep.attention import AttentionConfig, SequenceAttention
from gnn.deep.hgt import HGT, HGTConfig
from gnn.deep.kgin import KGIN, KGINConfig
from gnn.deep.lightgcn import LightGCN, LightGCNConfig
from gnn.item_item.model import ItemItem, ItemItemConfig, item_item_for
from gnn.item_item.sequence import SequenceConfig, SequenceNeighbours
from gnn.item_item.spectral import Spectral, SpectralConfig
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from gnn.linear.near import NearConfig, NearItems
from gnn.training.config import TrainingConfig
from shopgraph.types import FloatVector, Heldout, Histories, IntVector, Recommender, Share

AnyConfig: TypeAlias = (
    LinearKGConfig
    | NearConfig
    | ItemItemConfig
    | SequenceConfig
    | SpectralConfig
    | LightGCNConfig
    | KGINConfig
    | HGTConfig
    | AttentionConfig
)

KINDS: Mapping[str, type[AnyConfig]] = {
    "linear": LinearKGConfig,
    "near": NearConfig,
    "item_item": ItemItemConfig,
    "sequence": SequenceConfig,
    "spectral": SpectralConfig,
    "lightgcn": LightGCNConfig,
    "kgin": KGINConfig,
    "hgt": HGTConfig,
    "attention": AttentionConfig,
}
"""The configuration of each kind of model, by what settings call it in `kind`."""


def _of_kind(given: object) -> object:
    """The configuration that settings with a `kind` stand for."""
    if not isinstance(given, Mapping):
        return given
    settings = dict(given)
    kind = settings.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
    return KINDS[kind].model_validate(settings)


def _with_kind(config: AnyConfig, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
    (kind,) = (kind for kind, known in KINDS.items() if type(config) is known)
    return {"kind": kind, **handler(config)}


ModelConfig: TypeAlias = Annotated[AnyConfig, BeforeValidator(_of_kind), WrapSerializer(_with_kind)]
"""A model's settings; `kind` says of which."""


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


@runtime_checkable
class Trained(Protocol):
    """A model that learns in epochs."""

    @property
    def best_epoch(self) -> int:
        """The epoch that was best on validation."""
        ...


class _Given(TypedDict):
    """What a `Watch` becomes as arguments."""

    validation: Heldout | None
    on_epoch: Callable[[object], None]
    log_dir: Path | None


@dataclass(frozen=True, eq=False)
class Watch:
    """What a model is given: what tells one that learns in epochs when to stop, and who hears of it.

    `linear` is a fitted linear model whose vectors others may take.
    """

    validation: Heldout | None
    on_epoch: Callable[[object], None]
    log_dir: Path | None = None
    linear: LinearKG | None = None


def build_model(config: AnyConfig, n_items: int, watch: Watch) -> SavedModel:
    """The model of a configuration, to be fitted."""
    given: _Given = {
        "validation": watch.validation,
        "on_epoch": watch.on_epoch,
        "log_dir": watch.log_dir,
    }
    match config:
        case NearConfig():  # before the linear model's: it is one of them
            return NearItems(config, linear=watch.linear, **given)
        case LinearKGConfig():
            return LinearKG(config, **given)
        case LightGCNConfig():
            return LightGCN(config, **given)
        case KGINConfig():
            return KGIN(config, **given)
        case HGTConfig():
            return HGT(config, **given)
        case AttentionConfig():
            return SequenceAttention(config, **given)
        case ItemItemConfig():
            return item_item_for(n_items, config)
        case SequenceConfig():
            return SequenceNeighbours(config)
        case SpectralConfig():
            return Spectral(config)
        case _:
            assert_never(config)


def refit_config(model: SavedModel, config: AnyConfig) -> AnyConfig:
    """The configuration for all data: for as many epochs as were best on validation, where there are any."""
    if isinstance(config, TrainingConfig) and isinstance(model, Trained):
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
    NearItems.name: NearItems.load,
    ItemItem.name: ItemItem.load,
    SequenceNeighbours.name: SequenceNeighbours.load,
    Spectral.name: Spectral.load,
    LightGCN.name: LightGCN.load,
    KGIN.name: KGIN.load,
    HGT.name: HGT.load,
    SequenceAttention.name: SequenceAttention.load,
}
