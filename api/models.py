"""The JSON that goes in and out, for validation of requests and for the OpenAPI page."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from graph.schema import check_id
from shopgraph.errors import BadRecord


def _id(value: str) -> str:
    try:
        return check_id(value, "id")
    except BadRecord as exc:
        raise ValueError(exc.reason) from exc


def _property(value: str) -> str:
    if value in {"id", "name", "user_id"}:
        raise ValueError("is set by the route itself")
    return value


Id = Annotated[str, AfterValidator(_id), Field(description="1 to 256 characters, no control characters.")]
PropertyName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$"), AfterValidator(_property)]
Language = Literal["en", "zh"]


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoreParts(_Out):
    """The score's five weighted parts; they sum to the score."""

    graph: float
    item_item: float
    features: float
    text: float
    rules: float


class PathNode(_Out):
    """A node of an explanation path."""

    label: str
    id: str
    name: str


class PathStep(_Out):
    """An edge of an explanation path; `forward` is false where the graph's edge points back."""

    relation: str
    forward: bool


class ReasonOut(_Out):
    """One share of the score, the path that carries it, and a plain sentence."""

    part: str
    share: float
    path: list[PathNode | PathStep]
    text: str


class RankedItemOut(_Out):
    """One place of a list."""

    item_id: str
    title: str
    rank: int
    score: float
    score_parts: ScoreParts
    reasons: list[ReasonOut]
    no_path: bool
    rules_applied: list[str]


class GroupExposureOut(_Out):
    """What a list holds of a group named in the settings, and what it was to hold."""

    group: str
    share: float = Field(description="Of the places of the whole list up to this page's end.")
    floor: float
    ceiling: float
    missed_at: int | None = Field(description="The first number of places that hold too few or too many.")
    reason: str | None = Field(description="Why, if it was missed.")


class RerankedOut(_Out):
    """What put a list in order beside the score; scores and reasons are those of the score."""

    method: Literal["dpp", "mmr", "score"]
    diversity: float
    novelty: float
    exposure: list[GroupExposureOut]


class AssignedOut(_Out):
    """The experiment that a list takes part in, and its arm."""

    experiment_id: str
    arm: str


class RecommendationOut(_Out):
    """A ranked list. Exactly n items, or `shortfall_reason` says why there are fewer.

    `reranked` is there only if more than the score put it in order, `experiment` only if it is of one.
    """

    recommendation_id: str
    user_id: str | None
    model_version: str
    took_ms: float
    now: datetime
    degraded: bool
    fallback_reason: str | None
    shortfall_reason: str | None
    items: list[RankedItemOut]
    next_cursor: str | None
    reranked: RerankedOut | None = None
    experiment: AssignedOut | None = None


class RelaxedOut(_Out):
    """What the words asked for and was let go, as too few items had it."""

    field: Literal["category", "brand", "attribute", "audience", "price"]
    text: str
    names: list[str]
    sentence: str


class SearchOut(RecommendationOut):
    """A ranked list for words, how they were read, and what of it was let go to fill the list.

    A reason of the part `query` says what the words mean; it filters, so that its share is 0.
    """

    parsed: dict[str, Any] = Field(description="As `/v1/parse` answers.")
    relaxed: list[RelaxedOut] = Field(description="In the order in which it was let go.")


class ExplanationOut(RankedItemOut):
    """One item's whole decomposition for one shopper."""

    user_id: str
    model_version: str
    n_ranked: int


class FieldErrorOut(_Out):
    """What is wrong with one field."""

    field: str
    reason: str


class UserIn(_In):
    """A shopper as the shop knows them."""

    name: str | None = Field(default=None, max_length=1_000)
    properties: dict[PropertyName, str | float | bool] = Field(default_factory=dict, max_length=100)


class HistoryEntry(_Out):
    """One past interaction."""

    item_id: str
    title: str
    event: str
    time: datetime | None
    value: float


class UserOut(_Out):
    """A shopper with their latest interactions, newest first."""

    user_id: str
    name: str
    properties: dict[str, Any]
    n_interactions: int
    history: list[HistoryEntry]


class UserSummary(_Out):
    """One line of the list of shoppers."""

    user_id: str
    name: str
    n_interactions: int


class UsersOut(_Out):
    """Shoppers whose id or name holds the words asked for."""

    users: list[UserSummary]


class ItemIn(_In):
    """An item of the catalogue. It is ranked from the next training on."""

    title: str = Field(min_length=1, max_length=2_000)
    title_zh: str | None = Field(default=None, max_length=2_000)
    description: str | None = Field(default=None, max_length=20_000)
    brand: Id | None = None
    categories: list[Id] = Field(default_factory=list, max_length=50)
    attributes: list[Id] = Field(default_factory=list, max_length=200, description="As `key:value`.")
    price: float | None = Field(default=None, ge=0)
    in_stock: bool = True


class ItemOut(_Out):
    """An item as the store holds it; `ranked` says whether the model in use knows it."""

    item_id: str
    properties: dict[str, Any]
    ranked: bool


class RankIn(_In):
    """The caller's own candidates, to be put in order."""

    item_ids: list[Id] = Field(min_length=1)
    user_id: Id | None = None
    n: int | None = Field(default=None, ge=1, description="How many to return; all when left out.")
    reasons: int = Field(default=0, ge=0, le=10)
    language: Language = "en"
    session_id: Id | None = Field(default=None, description="The visit, where no shopper is known.")


class Problem(_Out):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldErrorOut]


class Health(_Out):
    """Whether the service can answer, and from which model."""

    status: Literal["ok", "degraded"]
    model_version: str
    store: Literal["ok", "unavailable"]
