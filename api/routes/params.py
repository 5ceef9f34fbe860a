"""Query parameters that several routes share."""

from typing import Annotated

from fastapi import Depends, Path, Query

from api.models import Id, Language
from ranking.ask import MOST_ITEMS
from shopgraph.types import Filters

UserId = Annotated[Id, Path(description="The shop's id of the shopper.", examples=["alice"])]
ItemId = Annotated[Id, Path(description="The shop's id of the item.", examples=["SKU-17"])]
N = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many items to return.")]
Reasons = Annotated[int, Query(ge=0, le=10, description="Most reasons an item.")]
Cursor = Annotated[str | None, Query(max_length=1_024, description="`next_cursor` of the page before.")]
InLanguage = Annotated[Language, Query(description="Language of titles and reasons.")]
Words = Annotated[
    str, Query(description="The shopper's words, English or Chinese.", examples=["red running shoes"])
]


async def _filters(
    category: Annotated[list[Id], Query(description="Category ids, descendants included.")] = [],  # noqa: B006  FastAPI copies it
    brand: Annotated[list[Id], Query(description="Brand ids.")] = [],  # noqa: B006  FastAPI copies it
    price_min: Annotated[float | None, Query(ge=0)] = None,
    price_max: Annotated[float | None, Query(ge=0)] = None,
    in_stock: Annotated[bool, Query(description="Only what is in stock.")] = False,
    include_bought: Annotated[bool, Query(description="Also what the shopper has bought.")] = False,
) -> Filters:
    return Filters(
        category_ids=frozenset(category),
        brand_ids=frozenset(brand),
        price_min=price_min,
        price_max=price_max,
        in_stock_only=in_stock,
        include_bought=include_bought,
    )


AskedFilters = Annotated[Filters, Depends(_filters)]
