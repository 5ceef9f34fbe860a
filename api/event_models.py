"""The JSON of events, in and out."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.models import FieldErrorOut, Id


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EventIn(_In):
    """One thing a shopper did. Send the same `event_id` again after a doubt: it counts once."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "event_id": "9f1c6a",
                    "event": "purchase",
                    "user_id": "alice",
                    "item_id": "SKU-17",
                    "time": "2026-01-31T12:00:00Z",
                    "value": 1,
                }
            ]
        },
    )

    event_id: Id
    event: Literal[
        "view_item_list", "view_item", "select_item", "add_to_cart", "rate", "purchase", "search"
    ] = Field(description="`view_item_list`: the list of `recommendation_id` was really shown.")
    user_id: Id
    item_id: Id | None = Field(
        default=None, description="Required for every event but `search` and `view_item_list`."
    )
    time: datetime | None = Field(default=None, description="ISO 8601; the server's time when left out.")
    value: float | None = Field(
        default=None, ge=0, le=1e6, description="Stars for `rate` (0 to 5), quantity for `purchase`."
    )
    query: str | None = Field(
        default=None, max_length=10_000, description="The words of a `search`, or before a `select_item`."
    )
    recommendation_id: str | None = Field(
        default=None, max_length=1_024, description="The list that was shown, clicked or bought from."
    )


class EventsIn(_In):
    """A batch of events."""

    events: list[dict[str, Any]] = Field(
        min_length=1,
        description="Each as the schema EventIn; an invalid one is rejected alone, the others are stored.",
    )


class EventResult(_Out):
    """What became of one event."""

    event_id: str | None
    status: Literal["stored", "duplicate", "rejected"]
    errors: list[FieldErrorOut] = []


class EventsOut(_Out):
    """One result an event, in the order sent."""

    n_stored: int
    n_duplicate: int
    n_rejected: int
    results: list[EventResult]
