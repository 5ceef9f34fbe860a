"""Shoppers: who they are, what they did, what is recommended to them and why."""

from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.examples import EXPLANATION, RECOMMENDATION, answers
from api.experimenting import Trying
from api.models import (
    ExplanationOut,
    HistoryEntry,
    Language,
    RecommendationOut,
    UserIn,
    UserOut,
    UsersOut,
    UserSummary,
)
from api.routes.answering import answered, json_response, now, understood
from api.routes.params import AskedOfList, InLanguage, ItemId, UserId
from api.state import Meters, Serving, ServingState
from graph.store import NodeBatch
from ranking.engine import Ask
from ranking.serialise import explanation_to_json
from shopgraph.errors import NotFound
from shopgraph.types import USER

router = APIRouter(prefix="/v1/users", tags=["shoppers"])

_LATEST = 50
"""Most interactions listed with a shopper."""

_USER = {
    "user_id": "alice",
    "name": "Alice",
    "properties": {"city": "Bergen"},
    "n_interactions": 1,
    "history": [
        {
            "item_id": "SKU-17",
            "title": "Trail running shoe",
            "event": "purchase",
            "time": "2026-01-30T09:00:00Z",
            "value": 1,
        }
    ],
}


@router.get(
    "/{user_id:id}/recommendations",
    response_model=RecommendationOut,
    summary="Items for a shopper",
    responses=answers(RECOMMENDATION),
)
async def recommendations(
    user_id: UserId, asked: AskedOfList, serving: Serving, meters: Meters, experiments: Trying
) -> Response:
    """A shopper nobody knows gets what is popular, and `fallback_reason` says so."""
    return answered(serving, asked.ask(now(), user_id=user_id), meters, experiments)


@router.get(
    "/{user_id:id}/items/{item_id:id}/explanation",
    response_model=ExplanationOut,
    summary="Why this item",
    responses=answers(EXPLANATION, 200, 404),
)
def explanation(
    user_id: UserId,
    item_id: ItemId,
    serving: Serving,
    language: InLanguage = "en",
    q: Annotated[str, Query(max_length=10_000, description="The words searched for, if any.")] = "",
) -> Response:
    """Every share of one item's score for one shopper; the shares sum to the score."""
    parsed, vector = understood(serving, q) if q.strip() else (None, None)
    ask = Ask(user_id=user_id, language=language, now=now(), parsed=parsed, query_vector=vector)
    return json_response(explanation_to_json(serving.engine.explain(ask, item_id)))


@router.get(
    "",
    response_model=UsersOut,
    summary="Find shoppers",
    responses=answers({"users": [{"user_id": "alice", "name": "Alice", "n_interactions": 1}]}),
)
def list_users(
    serving: Serving,
    q: Annotated[str, Query(max_length=256, description="Part of an id or name.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 30,
) -> UsersOut:
    """Shoppers by part of their id or name."""
    profiles = serving.engine.profiles
    return UsersOut(
        users=[
            UserSummary(
                user_id=user_id, name=profiles.name(user_id), n_interactions=profiles.n_interactions(user_id)
            )
            for user_id in profiles.find(q, limit)
        ]
    )


@router.get(
    "/{user_id:id}", response_model=UserOut, summary="One shopper", responses=answers(_USER, 200, 404, 503)
)
def get_user(user_id: UserId, serving: Serving, language: InLanguage = "en") -> UserOut:
    """A shopper with their latest interactions."""
    properties = _stored(serving, user_id)
    if properties is None:
        raise NotFound(f"no shopper {user_id!r} in this shop")
    return _user_out(serving, user_id, properties, language)


@router.put(
    "/{user_id:id}",
    response_model=UserOut,
    summary="Add or change a shopper",
    responses=answers(_USER, 200, 503),
)
def put_user(user_id: UserId, body: UserIn, serving: Serving) -> UserOut:
    """Writes the shopper to the store; properties not named stay as they are."""
    given = {**body.properties, **({"name": body.name} if body.name is not None else {})}
    serving.store.write_nodes(NodeBatch(USER, pl.DataFrame([{"id": user_id, **given}])))
    serving.engine.profiles.introduce(user_id, body.name)
    return _user_out(serving, user_id, _stored(serving, user_id) or given, "en")


def _stored(serving: ServingState, user_id: str) -> dict[str, Any] | None:
    for batch in serving.store.read_nodes(USER, [user_id]):
        for row in batch.frame.drop("id").iter_rows(named=True):
            return {name: value for name, value in row.items() if value is not None}
    return None


def _user_out(serving: ServingState, user_id: str, properties: dict[str, Any], language: Language) -> UserOut:
    profiles, catalogue = serving.engine.profiles, serving.engine.catalogue
    name = str(properties.pop("name", ""))
    return UserOut(
        user_id=user_id,
        name=name or profiles.name(user_id),
        properties=properties,
        n_interactions=profiles.n_interactions(user_id),
        history=[
            HistoryEntry(
                item_id=past.item_id,
                title=catalogue.title(past.item_id, language),
                event=past.event,
                time=past.time,
                value=past.value,
            )
            for past in profiles.latest(user_id, _LATEST)
        ],
    )
