"""The JSON of explanations: trees of a score, counterfactuals, contrasts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.models import Id, Language, PathNode, PathStep, ReasonOut, ScoreParts
from ranking.counterfactual import (
    MOST_REMOVED,
    Without,
    WithoutEdge,
    WithoutPast,
    WithoutRelation,
    WithoutWord,
)


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Label = Annotated[str, Field(min_length=1, max_length=256, examples=["Item"])]
Relation = Annotated[str, Field(min_length=1, max_length=256, examples=["MADE_BY"])]


class NodeIn(_In):
    """A node of the graph, as paths name it."""

    label: Label
    id: Id

    @property
    def key(self) -> tuple[str, str]:
        return self.label, self.id


class PastIn(_In):
    """What the shopper did with an item."""

    kind: Literal["past"]
    item_id: Id
    event: str | None = Field(
        default=None, max_length=64, description="Only the events of this name; all when left out."
    )

    def fact(self) -> Without:
        """As the engine takes it."""
        return WithoutPast(self.item_id, self.event)


class RelationIn(_In):
    """Every edge of one relation."""

    kind: Literal["relation"]
    relation: Relation

    def fact(self) -> Without:
        """As the engine takes it."""
        return WithoutRelation(self.relation)


class EdgeIn(_In):
    """One edge, as it points: a step of a path with `forward` false points back."""

    kind: Literal["edge"]
    src: NodeIn
    relation: Relation
    dst: NodeIn

    def fact(self) -> Without:
        """As the engine takes it."""
        return WithoutEdge(self.src.key, self.relation, self.dst.key)


class WordIn(_In):
    """A word of the query."""

    kind: Literal["word"]
    word: str = Field(min_length=1, max_length=256)

    def fact(self) -> Without:
        """As the engine takes it."""
        return WithoutWord(self.word)


WithoutIn = Annotated[PastIn | RelationIn | EdgeIn | WordIn, Field(discriminator="kind")]


class CounterfactualIn(_In):
    """Which item of whose list, and the facts that are taken out, all at once."""

    item_id: Id
    user_id: Id | None = None
    q: str = Field(default="", max_length=10_000, description="The words searched for, if any.")
    without: list[WithoutIn] = Field(min_length=1, max_length=MOST_REMOVED)
    language: Language = "en"

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "user_id": "alice",
                    "item_id": "SKU-42",
                    "without": [
                        {"kind": "past", "item_id": "SKU-17"},
                        {"kind": "relation", "relation": "IN_CATEGORY"},
                        {
                            "kind": "edge",
                            "src": {"label": "Item", "id": "SKU-42"},
                            "relation": "MADE_BY",
                            "dst": {"label": "Brand", "id": "Fjellrev"},
                        },
                    ],
                }
            ]
        },
    )


class StandingOut(_Out):
    """Where an item stands in the whole list, every item of it scored."""

    score: float
    rank: int
    n_ranked: int
    score_parts: ScoreParts
    fallback_reason: str | None


class PastShareOut(_Out):
    """What one past item adds to a part; its reasons sum to `value`."""

    item_id: str
    title: str
    events: list[str]
    value: float
    reasons: list[ReasonOut]


class PartShareOut(_Out):
    """A part: what past items add to it, largest first, and what belongs to none of them."""

    part: Literal["graph", "item_item", "features", "text", "rules"]
    value: float
    past_items: list[PastShareOut]
    others: list[ReasonOut]


class DecompositionOut(StandingOut):
    """A score as a tree; `sum_error` is how far its leaves' sum is from the score."""

    item_id: str
    title: str
    user_id: str | None
    query: str | None
    model_version: str
    now: datetime
    parts: list[PartShareOut]
    sum_error: float


class CounterfactualOut(_Out):
    """An item with all facts and without some, everything that follows computed again.

    `kept_as_trained` names the models that relations and edges were not taken out of: what these learned of
    them only a training could take out.
    """

    item_id: str
    title: str
    model_version: str
    query: str | None
    without: list[dict[str, Any]]
    before: StandingOut
    after: StandingOut
    change: float
    change_by_part: ScoreParts
    kept_as_trained: list[str]


class SmallestOut(_Out):
    """The fewest past items without which an item drops out of the first n.

    `outcome` is `not_listed` where it is not among them as it is, `stays` where no such set was found.
    `method` is `exact` where every smaller set was tried, else `greedy`: no one of the set can be left out.
    """

    n: int
    outcome: Literal["found", "not_listed", "stays"]
    method: Literal["exact", "greedy"]
    past_item_ids: list[str]
    n_tried: int
    counterfactual: CounterfactualOut | None


class ContrastedOut(StandingOut):
    """One of two items."""

    item_id: str
    title: str


class DifferenceOut(_Out):
    """What is said of both items in one way, or of one alone: `above − below`."""

    difference: float
    above: float
    below: float
    part: str
    path: list[PathNode | PathStep]
    text: str


class ContrastOut(_Out):
    """Two items of one list; the differences, largest first, sum to that of the scores."""

    model_version: str
    above: ContrastedOut
    below: ContrastedOut
    difference: float
    differences: list[DifferenceOut]
