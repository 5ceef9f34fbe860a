"""What a merchandiser's rule may say; whatever this does not know is refused."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self, TypeAlias
from unicodedata import category

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Scenario: TypeAlias = Literal["recommend", "search", "similar"]
Group: TypeAlias = Literal["cold", "warm", "heavy"]

_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of what breaks a line of text or can't be written."""

RESERVED = frozenset({"audit", "check", "export", "import", "undo"})
"""What no rule can be called, as the API has other things at these places."""


def _printable(text: str) -> str:
    if any(category(char) in _UNPRINTABLE for char in text):
        raise ValueError("must not hold control characters, line breaks or halves of characters")
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _not_reserved(rule_id: str) -> str:
    if rule_id in RESERVED:
        raise ValueError(f"must not be any of {', '.join(sorted(RESERVED))}: the API calls other things so")
    return rule_id


def _check_prices(price_min: float | None, price_max: float | None) -> None:
    if price_min is not None and price_max is not None and price_max < price_min:
        raise ValueError("price_max must not be below price_min")


Id = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_printable)]
RuleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"), AfterValidator(_not_reserved)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Ids = Annotated[tuple[Id, ...], Field(max_length=10_000)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Relation = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(_Part):
    """Which items: those that meet every field that is given; of several ids any of them."""

    item_ids: Ids = ()
    brand_ids: Ids = ()
    category_ids: Ids = Field(default=(), description="Descendants included.")
    attribute_ids: Ids = Field(default=(), description="Of one key any of them, of each key.")
    price_min: Price | None = None
    price_max: Price | None = None
    in_stock: bool | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_prices(self.price_min, self.price_max)
        return self

    @property
    def is_everything(self) -> bool:
        """Whether no field is given."""
        return self == Target()


def _some(target: Target) -> Target:
    if target.is_everything:
        raise ValueError("must name items: give at least one of its fields")
    return target


SomeItems = Annotated[Target, AfterValidator(_some)]


class Pin(_Part):
    """Puts an item at a place of the list, if it may be listed at all."""

    type: Literal["pin"]
    item_id: Id
    position: int = Field(ge=1, le=1_000, description="1 is the first place.")


class Boost(_Part):
    """Multiplies the scores of items that speak for themselves (above 0)."""

    type: Literal["boost"]
    target: SomeItems
    factor: float = Field(gt=1, le=1_000)


class Bury(_Part):
    """The same with a factor below 1."""

    type: Literal["bury"]
    target: SomeItems
    factor: float = Field(ge=0.001, lt=1)


class Hide(_Part):
    """Lists none of the items."""

    type: Literal["hide"]
    target: SomeItems


class InStock(_Part):
    """Lists the items only while they are in stock."""

    type: Literal["in_stock"]
    target: Target = Target()


class PriceBand(_Part):
    """Lists the items only between two prices."""

    type: Literal["price_band"]
    target: Target = Target()
    price_min: Price | None = None
    price_max: Price | None = None
    keep_unknown: bool = Field(default=False, description="Whether items without a price stay.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _check_prices(self.price_min, self.price_max)
        if self.price_min is None and self.price_max is None:
            raise ValueError("give price_min, price_max or both")
        return self


class Cap(_Part):
    """At most `most` items of each brand (or category) in the first `within` places."""

    type: Literal["cap"]
    by: Literal["brand", "category"]
    ids: Ids = Field(default=(), description="Of these alone, a category with its descendants.")
    most: int = Field(ge=1, le=1_000)
    within: int = Field(default=10, ge=1, le=1_000)


class BanRelation(_Part):
    """Takes every term that uses a relation out of the score."""

    type: Literal["ban_relation"]
    relation: Relation


class BanEntity(_Part):
    """Takes every term that goes over a node (a brand, a category, …) out of the score."""

    type: Literal["ban_entity"]
    label: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9_]{0,63}$")]
    entity_id: Id

    @model_validator(mode="after")
    def _walked_over(self) -> Self:
        if self.label in {"Item", "User"}:
            raise ValueError(f"{self.label} is no entity that paths go over; hide items, or ban the relation")
        return self


class Step(_Part):
    """One step of a path, as a reason shows it."""

    relation: Relation
    forward: bool


class BanPath(_Part):
    """Takes every path with these steps, from a past item to the listed one, out of the score."""

    type: Literal["ban_path"]
    path: Annotated[tuple[Step, ...], Field(min_length=1, max_length=4)]


Single: TypeAlias = Pin | Boost | Bury | Hide | InStock | PriceBand | Cap | BanRelation | BanEntity | BanPath


class Campaign(_Part):
    """Several effects under one name, start, end and priority."""

    type: Literal["campaign"]
    effects: Annotated[
        tuple[Annotated[Single, Field(discriminator="type")], ...], Field(min_length=1, max_length=50)
    ]


Effect: TypeAlias = Annotated[Single | Campaign, Field(discriminator="type")]


class Audience(_Part):
    """Who gets it: everyone, or those of any group or name given; in all scenarios, or those given."""

    groups: Annotated[tuple[Group, ...], Field(max_length=3)] = ()
    user_ids: Ids = ()
    scenarios: Annotated[tuple[Scenario, ...], Field(max_length=3)] = ()

    def has(self, user_id: str | None, group: str, scenario: Scenario) -> bool:
        """Whether a shopper of this group is of it in this scenario."""
        if self.scenarios and scenario not in self.scenarios:
            return False
        everyone = not self.groups and not self.user_ids
        return everyone or group in self.groups or (user_id is not None and user_id in self.user_ids)


class Draft(_Part):
    """A rule as somebody writes it.

    Times bound it as `start` <= now < `end`. Of two pins at one place the one with the higher `priority`
    gets it.
    """

    rule_id: RuleId | None = Field(default=None, description="Made up where it is left out.")
    name: Name = Field(description="What shoppers' reasons and merchandisers call it.")
    author: Name
    reason: Annotated[str, Field(max_length=2_000)] = ""
    effect: Effect
    audience: Audience = Audience()
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    priority: int = Field(default=0, ge=-1_000, le=1_000)
    enabled: bool = True

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("end must be after start")
        return self

    @property
    def effects(self) -> Sequence[Single]:
        """What it does, a campaign taken apart."""
        return self.effect.effects if isinstance(self.effect, Campaign) else (self.effect,)

    def is_on(self, now: datetime) -> bool:
        """Whether it holds at a moment."""
        started = self.start is None or self.start <= now
        return self.enabled and started and (self.end is None or now < self.end)


class Rule(Draft):
    """A rule as it is kept: `version` is 1 when new and one more at each change, undone ones counted."""

    rule_id: RuleId
    version: int = Field(ge=1)
    created: AwareDatetime
    updated: AwareDatetime

    @property
    def order(self) -> tuple[int, datetime, str]:
        """Rules are composed by this, the smallest first."""
        return -self.priority, self.created, self.rule_id

    def draft(self) -> Draft:
        """What was written, without what was kept with it."""
        kept = {"version", "created", "updated"}
        return Draft.model_validate(self.model_dump(exclude=kept))
