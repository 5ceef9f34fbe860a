"""Parameters that several routes share."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.models import Id, Language
from ranking.ask import MOST_ITEMS
from ranking.engine import Ask
from shopgraph.types import Filters, FloatVector, ParsedQuery

UserId = Annotated[Id, Path(description="The shop's id of the shopper.", examples=["alice"])]
ItemId = Annotated[Id, Path(description="The shop's id of the item.", examples=["SKU-17"])]
InLanguage = Annotated[Language, Query(description="Language of titles and reasons.")]
Words = Annotated[
    str, Field(description="The shopper's words, English or Chinese.", examples=["red running shoes"])
]


class ListParams(BaseModel):
    """What can be asked of any list."""

    model_config = ConfigDict(frozen=True)

    n: int = Field(default=10, ge=1, le=MOST_ITEMS, description="How many items to return.")
    reasons: int = Field(default=3, ge=0, le=10, description="Most reasons an item.")
    language: Language = Field(default="en", description="Language of titles and reasons.")
    cursor: str | None = Field(
        default=None, max_length=1_024, description="`next_cursor` of the page before."
    )
    category: list[Id] = Field(default=[], description="Category ids, descendants included.")
    brand: list[Id] = Field(default=[], description="Brand ids.")
    price_min: float | None = Field(default=None, ge=0)
    price_max: float | None = Field(default=None, ge=0)
    in_stock: bool = Field(default=False, description="Only what is in stock.")
    include_bought: bool = Field(default=False, description="Also what the shopper has bought.")
    session_id: Id | None = Field(
        default=None,
        description="The visit, where no shopper is known: it keeps to one arm of an experiment.",
    )
    diversity: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far unlikeness counts beside the score: 0 not at all. As set by default.",
    )
    novelty: float | None = Field(
        default=None, ge=0, le=1, description="The same of what few have bought. As set by default."
    )

    def ask(
        self,
        now: datetime,
        *,
        user_id: str | None = None,
        similar_to: str | None = None,
        parsed: ParsedQuery | None = None,
        query_vector: FloatVector | None = None,
    ) -> Ask:
        """The question, for a shopper, about an item or about words."""
        filters = Filters(
            category_ids=frozenset(self.category),
            brand_ids=frozenset(self.brand),
            price_min=self.price_min,
            price_max=self.price_max,
            in_stock_only=self.in_stock,
            include_bought=self.include_bought,
        )
        return Ask(
            n=self.n,
            filters=filters,
            reasons=self.reasons,
            language=self.language,
            cursor=self.cursor,
            now=now,
            user_id=user_id,
            similar_to=similar_to,
            parsed=parsed,
            query_vector=query_vector,
            diversity=self.diversity,
            novelty=self.novelty,
        )


class SearchParams(ListParams):
    """What can be asked of a search."""

    q: Words
    user_id: Id | None = Field(default=None, description="Makes the order personal.")


AskedOfList = Annotated[ListParams, Query()]
AskedOfSearch = Annotated[SearchParams, Query()]
