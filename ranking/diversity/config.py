"""How lists are put in order beside the score."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ranking.ask import MOST_ITEMS


class ExposureGroup(BaseModel):
    """Items that are to have a share of the places in every list: those of any brand, category or
    attribute named here. An item counts for the first group that has it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    """What answers call it."""
    brands: tuple[str, ...] = ()
    """Ids of brands."""
    categories: tuple[str, ...] = ()
    """Ids of categories, descendants included."""
    attributes: tuple[str, ...] = ()
    """Ids of attributes, as `key:value`."""
    floor: float = Field(default=0.0, ge=0, le=1)
    """Share of the first k places that it has at least, for every k, rounded down to whole places."""
    ceiling: float = Field(default=1.0, ge=0, le=1)
    """Share that it has at most, rounded up."""
    significance: float | None = Field(default=None, gt=0, le=0.5)
    """With it, fewer (or more) are let pass as long as chance would have done so: a fair coin's lists are
    taken for unfair with this probability. None: shares are counted."""

    @model_validator(mode="after")
    def _names_items_and_shares(self) -> Self:
        if not (self.brands or self.categories or self.attributes):
            raise ValueError(f"{self.name!r} names no brand, category or attribute")
        if self.floor > self.ceiling:
            raise ValueError(f"{self.name!r} has floor {self.floor} above ceiling {self.ceiling}")
        return self


class DiversityConfig(BaseModel):
    """What is asked of a list that does not say so itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: float = Field(default=0.0, ge=0, le=1)
    """0 orders by the score alone, 1 by unlikeness alone."""
    novelty: float = Field(default=0.0, ge=0, le=1)
    """How far what few have bought comes before what many have: at 1 as far as by the score itself."""
    method: Literal["dpp", "mmr"] = "dpp"
    """`mmr` asks for items unlike the most alike that stands above; `dpp` for sets that span much."""
    window: int = Field(default=MOST_ITEMS, ge=1, le=1_000)
    """So many of the best by score are put in order anew, and of each group; the rest follows by score."""
    exposure: tuple[ExposureGroup, ...] = Field(default=(), max_length=50)
    """Groups and the shares that they are to have of every list."""

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        names = [group.name for group in self.exposure]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two groups are called {min(twice)!r}")
        if (total := sum(group.floor for group in self.exposure)) > 1:
            raise ValueError(f"the floors add up to {total:.3g}, more than the whole list")
        return self
