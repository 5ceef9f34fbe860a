"""What an experiment may say; whatever this does not know is refused."""

import secrets
from datetime import datetime
from math import fsum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from ranking.rules.schema import Audience, Name, RuleId

Metric: TypeAlias = Literal["ctr", "add_to_cart", "conversion", "revenue"]
METRICS: tuple[Metric, ...] = ("ctr", "add_to_cart", "conversion", "revenue")
"""Lists clicked and lists put to the cart from, of lists shown; shoppers who bought; money a shopper."""

Status: TypeAlias = Literal["draft", "running", "stopped"]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
ModelVersion = Annotated[str, Field(min_length=1, max_length=200)]
Factor = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]

INTERLEAVED = "both"
"""The arm of an answer that two arms made together."""

_SUM_TOLERANCE = 1e-6


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Change(_Part):
    """What an arm answers differently; nothing: as the shop does without the experiment."""

    factors: dict[Annotated[str, Field(min_length=1, max_length=100)], Factor] = Field(
        default_factory=dict,
        max_length=100,
        description="What learned weights are multiplied by: of a part (graph, item_item, features, text), "
        "of a model or of a feature, by its name.",
    )
    model_version: ModelVersion | None = Field(default=None, description="Another trained version.")
    diversity: float | None = Field(
        default=None, ge=0, le=1, description="Where the request says nothing of it."
    )
    novelty: float | None = Field(default=None, ge=0, le=1, description="The same.")
    without_rules: Annotated[tuple[RuleId, ...], Field(max_length=1_000)] = Field(
        default=(), description="Rules of the shop that this arm does not follow."
    )


class Arm(_Part):
    """One way of answering, and the share of shoppers that gets it."""

    name: Slug
    weight: float = Field(gt=0, le=1)
    change: Change = Change()


class Traffic(_Part):
    """A share of all shoppers, from <= place < to; a shopper's place is the same in every experiment."""

    start: float = Field(default=0.0, ge=0, le=1)
    end: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.end <= self.start:
            raise ValueError("traffic.end must be above traffic.start")
        return self


class Guardrail(_Part):
    """An arm is stopped once a metric is surely more than `max_drop` (a share) below the control's."""

    metric: Metric
    max_drop: float = Field(ge=0, lt=1)


class Draft(_Part):
    """An experiment as somebody writes it. The first arm is the control."""

    experiment_id: Slug | None = Field(default=None, description="Made up where it is left out.")
    name: Name
    author: Name
    reason: Annotated[str, Field(max_length=2_000, description="What is hoped for, and why.")] = ""
    kind: Literal["ab", "interleaving"] = Field(
        default="ab", description="interleaving: both arms draft one list, clicks say whose items win."
    )
    salt: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        default_factory=lambda: secrets.token_hex(8),
        description="Another salt is another, independent division of the shoppers.",
    )
    arms: Annotated[tuple[Arm, ...], Field(min_length=2, max_length=8)]
    audience: Audience = Audience()
    traffic: Traffic = Traffic()
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    primary: Metric = Field(default="ctr", description="The metric that decides.")
    alpha: float = Field(default=0.05, ge=0.001, le=0.2, description="Chance of a false alarm, in all.")
    planned_shoppers: int = Field(
        default=10_000, ge=100, le=10**9, description="Intervals are narrowest at about so many."
    )
    window_days: float = Field(
        default=7.0, gt=0, le=90, description="How long after an answer a click or purchase counts for it."
    )
    guardrails: Annotated[tuple[Guardrail, ...], Field(max_length=8)] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"arms need names of their own, got {', '.join(names)}")
        total = fsum(arm.weight for arm in self.arms)
        if abs(total - 1) > _SUM_TOLERANCE:
            raise ValueError(f"the arms' weights must sum to 1, they sum to {total:g}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("end must be after start")
        if self.kind == "interleaving":
            if len(self.arms) != 2 or abs(self.arms[0].weight - 0.5) > _SUM_TOLERANCE:
                raise ValueError("interleaving takes two arms of weight 0.5 each")
            if self.guardrails:
                raise ValueError("an interleaving has no guardrails: each shopper sees both arms")
        return self

    @property
    def control(self) -> Arm:
        """What the others are compared with."""
        return self.arms[0]

    @property
    def answers(self) -> tuple[str, ...]:
        """What answers are made by: the arms' names, or all of them together."""
        return (INTERLEAVED,) if self.kind == "interleaving" else tuple(arm.name for arm in self.arms)

    def arm(self, name: str) -> Arm | None:
        """The arm of a name."""
        return next((arm for arm in self.arms if arm.name == name), None)


class StoppedArm(_Part):
    """An arm that gets no more answers: its shoppers have the shop's usual ones, and are not counted."""

    name: Slug
    time: AwareDatetime
    reason: str


class Experiment(Draft):
    """An experiment as it is kept; `version` is 1 when new and one more at each change."""

    experiment_id: Slug
    status: Status = "draft"
    version: int = Field(ge=1)
    created: AwareDatetime
    updated: AwareDatetime
    started: AwareDatetime | None = None
    stopped: AwareDatetime | None = None
    stopped_arms: tuple[StoppedArm, ...] = ()

    def is_on(self, now: datetime) -> bool:
        """Whether answers take part at a moment: `start` <= now < `end`."""
        begun = self.start is None or self.start <= now
        return self.status == "running" and begun and (self.end is None or now < self.end)

    def arm_is_stopped(self, name: str) -> bool:
        """Whether an arm was taken out."""
        return any(stopped.name == name for stopped in self.stopped_arms)

    def overlaps(self, other: "Experiment") -> bool:
        """Whether an answer could fall to both: same moment, place in the traffic, scenario and shopper."""
        return (
            self.traffic.start < other.traffic.end
            and other.traffic.start < self.traffic.end
            and _meet(self.audience.scenarios, other.audience.scenarios)
            and _same_shoppers(self.audience, other.audience)
            and (self.end is None or other.start is None or other.start < self.end)
            and (other.end is None or self.start is None or self.start < other.end)
        )


def _meet(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether two lists, of which an empty one means all, have something in common."""
    return not first or not second or bool(set(first) & set(second))


def _same_shoppers(first: Audience, second: Audience) -> bool:
    """Whether a shopper can be of both; who is in which group changes, so a group may hold anybody named."""
    if first.groups and second.groups and not (first.user_ids or second.user_ids):
        return _meet(first.groups, second.groups)
    if first.user_ids and second.user_ids and not (first.groups or second.groups):
        return _meet(first.user_ids, second.user_ids)
    return True
