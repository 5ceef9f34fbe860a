"""Items: what the shop holds, and what is like one of them."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
from fastapi import APIRouter
from fastapi.responses import Response

from api.examples import RECOMMENDATION, answers
from api.experimenting import Trying
from api.models import ItemIn, ItemOut, RecommendationOut
from api.routes.answering import answered, now
from api.routes.params import AskedOfList, ItemId
from api.state import Meters, Serving, ServingState
from graph.schema import HAS_ATTRIBUTE, IN_CATEGORY, MADE_BY
from graph.store import EDGE_SCHEMA, EdgeBatch, NodeBatch
from shopgraph.errors import NotFound
from shopgraph.types import ITEM, EdgeType

router = APIRouter(prefix="/v1/items", tags=["items"])

_ITEM = {"item_id": "SKU-17", "properties": {"title": "Trail running shoe", "price": 89.0}, "ranked": True}


@router.get(
    "/{item_id:id}/similar",
    response_model=RecommendationOut,
    summary="Items like this one",
    responses=answers(RECOMMENDATION, 200, 404),
)
async def similar(
    item_id: ItemId, asked: AskedOfList, serving: Serving, meters: Meters, experiments: Trying
) -> Response:
    """Ranks as for a shopper whose only purchase is this item."""
    return answered(serving, asked.ask(now(), similar_to=item_id), meters, experiments, asked.session_id)


@router.get(
    "/{item_id:id}", response_model=ItemOut, summary="One item", responses=answers(_ITEM, 200, 404, 503)
)
def get_item(item_id: ItemId, serving: Serving) -> ItemOut:
    """The item's properties as the store holds them."""
    for batch in serving.store.read_nodes(ITEM, [item_id]):
        for row in batch.frame.drop("id").iter_rows(named=True):
            return _item_out(serving, item_id, row)
    raise NotFound(f"no item {item_id!r} in this shop")


@router.put(
    "/{item_id:id}",
    response_model=ItemOut,
    summary="Add or change an item",
    responses=answers(_ITEM, 200, 503),
)
def put_item(item_id: ItemId, body: ItemIn, serving: Serving) -> ItemOut:
    """Writes the item, its brand, categories and attributes to the store."""
    properties = body.model_dump(exclude={"brand", "categories", "attributes"}, exclude_none=True)
    if not any(batch.frame.height for batch in serving.store.read_nodes(ITEM, [item_id])):
        properties["created_at"] = datetime.now(UTC)
    serving.store.write_nodes(NodeBatch(ITEM, pl.DataFrame([{"id": item_id, **properties}])))
    _link(serving, item_id, MADE_BY, [body.brand] if body.brand else [])
    _link(serving, item_id, IN_CATEGORY, body.categories)
    _link(serving, item_id, HAS_ATTRIBUTE, body.attributes)
    return _item_out(serving, item_id, properties)


def _link(serving: ServingState, item_id: str, edge_type: EdgeType, targets: list[str]) -> None:
    if targets:
        rows = [{"src_id": item_id, "dst_id": target, "weight": 1.0} for target in dict.fromkeys(targets)]
        serving.store.write_edges(EdgeBatch(edge_type, pl.DataFrame(rows, schema=EDGE_SCHEMA)))


def _item_out(serving: ServingState, item_id: str, properties: dict[str, Any]) -> ItemOut:
    present = {name: value for name, value in properties.items() if value is not None}
    return ItemOut(item_id=item_id, properties=present, ranked=serving.engine.catalogue.knows(item_id))
