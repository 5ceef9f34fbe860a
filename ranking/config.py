"""What can be set about the hybrid's features and weights."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gnn.item_item.model import ItemItemConfig
from gnn.item_item.sequence import SequenceConfig
from gnn.linear.config import LinearKGConfig
from gnn.linear.near import NearConfig
from gnn.registry import ModelConfig
from gnn.training.config import TrainingConfig
from ranking.models import EASE, LINEAR, NEAR, SEQUENCE
from shopgraph.types import PARTS

EVERYTHING = "all"
"""As an ablation: every model and part in turn."""

MODEL_NAME = r"^[a-z][a-z0-9_]{0,31}$"


class FeatureConfig(BaseModel):
    """How fast the features forget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_life_days: float | None = Field(default=90.0, gt=0)
    """Days after which a past event weighs half in a shopper's profile; None: never."""
    trend_half_life_days: float = Field(default=14.0, gt=0)
    """Days after which an event counts half for what is trending."""
    repeat_half_life_days: float = Field(default=21.0, gt=0)
    """Days after which a purchase counts half for what is bought again lately."""
    newness_half_life_days: float = Field(default=30.0, gt=0)
    """Days after which an item is half as new."""


class FusionConfig(BaseModel):
    """How the weights of the parts are learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_users: int = Field(default=10_000, ge=2)
    """Held-out users that weights are learned on."""
    n_candidates: int = Field(default=500, ge=10)
    """Items per user: the relevant, the hard and random ones."""
    n_hard: int = Field(default=50, ge=1)
    """Best items by each model, feature and blend of them, taken as hard negatives."""
    batch_users: int = Field(default=256, ge=1)
    """Users scored at a time; bounds the memory."""
    l2: float = Field(default=1e-4, ge=0)
    """Penalty on the squared weights of the standardised parts."""
    search_rounds: int = Field(default=3, ge=0)
    """Rounds of the coordinate search on NDCG@10; 0 keeps the most likely weights."""
    by_group: bool = True
    """Whether shoppers with few, some and many past items may have weights of their own."""
    text_dominance: float = Field(default=3.0, gt=0)
    """Without searches or an encoder to learn from: how many times further a query's text similarity spreads
    the items than the shopper's personal parts do (standard deviations over items)."""
    max_queries: int = Field(default=1000, ge=1)
    """Searches that the weight of the text part is learned on."""


class HybridConfig(BaseModel):
    """What the hybrid is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use_graph: bool = True
    """Whether `graph` is one of the models."""
    graph_members: int = Field(default=1, ge=1, le=9)
    """Models with the settings of `graph`, each from a random start of its own: `linear`, `linear_2`, … Their
    sum ranked better than one did on one validation cut of two, and each costs as much time and memory
    (docs/decisions/several-models.md). One of such a name among `others` takes its place."""
    use_item_item: bool = True
    """Whether `item_item` is one of the models."""
    use_sequence: bool | Literal["auto"] = "auto"
    """Whether `sequence` is one of the models; `auto` tries it where histories are in order (most events
    have times, or `validation` is `last`) and keeps it if shoppers it did not learn from are ranked
    better with it, by more than a standard error. One of that kind among `others` takes its place."""
    use_near: bool | Literal["auto"] = "auto"
    """Whether `near` is one of the models, with the vectors of `linear`; `auto` tries it, in a shop of at
    most `near.max_items` items, as `use_sequence` does."""
    use_features: bool = True
    """Whether the features are a part of the score."""
    relations: tuple[str, ...] | None = None
    """Names of the relations to learn from; None: all that the shop has."""
    validation: Literal["auto", "random", "time", "last"] = "auto"
    """What the weights are learned on: the `last` item of each shopper, the last days (`time`), a tenth of
    each shopper's items at `random`; `auto` is by time where the shop has times, else at random."""
    repeats: bool = False
    """Whether what was bought may be recommended again, as in a grocery."""
    ablations: tuple[str, ...] = ()
    """Models, or parts (`graph`, `item_item`, `features`), without which the weights are learned once
    more, to show what each is worth; `all`: each of them."""
    graph: LinearKGConfig = LinearKGConfig()
    """The graph part's model `linear`."""
    item_item: ItemItemConfig = ItemItemConfig()
    """The item–item part's model `ease`."""
    sequence: SequenceConfig = SequenceConfig()
    """The item–item part's model `sequence`."""
    near: NearConfig = NearConfig()
    """The item–item part's model `near`: what it makes of the vectors, and where there is no `linear`, how
    it trains its own."""
    others: dict[Annotated[str, Field(pattern=MODEL_NAME)], ModelConfig] = {}
    """Further models by names of your choice; each adds to the part of the score that its kind belongs to."""
    features: FeatureConfig = FeatureConfig()
    """The features."""
    fusion: FusionConfig = FusionConfig()
    """How the weights are learned."""

    @field_validator("others")
    @classmethod
    def _names_are_free(cls, others: dict[str, ModelConfig]) -> dict[str, ModelConfig]:
        if taken := sorted({LINEAR, EASE, SEQUENCE, NEAR, EVERYTHING, *PARTS} & set(others)):
            raise ValueError(f"{taken[0]!r} is the name of a part or of another model")
        return others

    def on_device(self, device: Literal["auto", "cpu", "cuda"]) -> Self:
        """The same with every model that is trained by torch on this device."""
        moved = {
            name: one.model_copy(update={"device": device}) if isinstance(one, TrainingConfig) else one
            for name, one in {LINEAR: self.graph, NEAR: self.near, **self.others}.items()
        }
        first = {"graph": moved.pop(LINEAR), "near": moved.pop(NEAR)}
        return self.model_copy(update={**first, "others": moved})

    @property
    def models(self) -> dict[str, ModelConfig]:
        """The configuration of every model that is used, by its name."""
        first: dict[str, ModelConfig] = {}
        if self.use_graph:
            further = [f"{LINEAR}_{n}" for n in range(2, self.graph_members + 1)]
            first |= dict.fromkeys((LINEAR, *further), self.graph)
        if self.use_item_item:
            first[EASE] = self.item_item
        if self.use_sequence is True or SEQUENCE in self.on_trial:
            first[SEQUENCE] = self.sequence
        if self.use_near is True or NEAR in self.on_trial:
            first[NEAR] = self.near
        return first | self.others

    @property
    def on_trial(self) -> tuple[str, ...]:
        """Names of the models that stay only if the hybrid ranks better with them."""
        kinds = {type(one) for one in self.others.values()}
        sequence = self.use_sequence == "auto" and SequenceConfig not in kinds
        near = self.use_near == "auto" and self.use_graph and NearConfig not in kinds
        return ((SEQUENCE,) if sequence else ()) + ((NEAR,) if near else ())
