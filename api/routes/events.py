"""What shoppers do: stored by event id, and folded into their profile at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError

from api.examples import answers
from api.models import EventIn, EventResult, EventsIn, EventsOut, FieldErrorOut
from api.state import Config, Meters, Serving, ServingState
from graph.store import EVENT_SCHEMA, EventBatch, EventStatus
from ranking.profiles import LiveEvent
from shopgraph.errors import BadRecord, IncompleteWrite

router = APIRouter(prefix="/v1", tags=["events"])

_EVENT = TypeAdapter(EventIn)
_CLOCK_SKEW = timedelta(hours=1)
_EXAMPLE = {
    "n_stored": 1,
    "n_duplicate": 0,
    "n_rejected": 0,
    "results": [{"event_id": "9f1c6a", "status": "stored", "errors": []}],
}


@router.post(
    "/events",
    status_code=202,
    response_model=EventsOut,
    summary="Post a batch of events",
    responses=answers(_EXAMPLE, 202, 413, 503),
)
def post_events(body: EventsIn, serving: Serving, config: Config, meters: Meters) -> EventsOut:
    """Stores each event once, whatever is sent again, and answers a result for each, in order.

    An invalid event is rejected alone. A stored one changes that shopper's next list.
    """
    if len(body.events) > config.max_events:
        raise BadRecord(
            "events", f"at most {config.max_events} a request, got {len(body.events)}; send several"
        )
    now = datetime.now(UTC)
    checked = [_checked(record, now) for record in body.events]
    valid = [event for event in checked if isinstance(event, EventIn)]
    statuses = iter(_store(valid, serving, now))
    results = [_result(event, next(statuses)) if isinstance(event, EventIn) else event for event in checked]
    for result in results:
        meters.count_event(result.status)
    counts = {
        status: sum(r.status == status for r in results) for status in ("stored", "duplicate", "rejected")
    }
    return EventsOut(
        n_stored=counts["stored"],
        n_duplicate=counts["duplicate"],
        n_rejected=counts["rejected"],
        results=results,
    )


def _checked(record: dict[str, Any], now: datetime) -> EventIn | EventResult:
    """The event, or its rejection with every reason."""
    event_id = record.get("event_id")
    known_id = event_id if isinstance(event_id, str) and len(event_id) <= 256 else None
    try:
        event = _EVENT.validate_python(record)
    except ValidationError as exc:
        errors = [
            FieldErrorOut(field=".".join(map(str, error["loc"])), reason=error["msg"])
            for error in exc.errors()
        ]
        return EventResult(event_id=known_id, status="rejected", errors=errors)
    if reason := _broken_rule(event, now):
        return EventResult(event_id=known_id, status="rejected", errors=[reason])
    return event


def _broken_rule(event: EventIn, now: datetime) -> FieldErrorOut | None:
    if event.event == "search" and not event.query:
        return FieldErrorOut(field="query", reason="a search needs its words")
    if event.event != "search" and event.item_id is None:
        return FieldErrorOut(field="item_id", reason=f"{event.event} needs an item")
    if event.event == "rate" and (event.value is None or event.value > 5):
        return FieldErrorOut(field="value", reason="rate needs stars from 0 to 5")
    if event.time is not None and _aware(event.time) > now + _CLOCK_SKEW:
        return FieldErrorOut(field="time", reason=f"lies in the future: {event.time.isoformat()}")
    return None


def _moment(event: EventIn, now: datetime) -> datetime:
    return now if event.time is None else _aware(event.time)


def _aware(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _store(events: list[EventIn], serving: ServingState, now: datetime) -> list[EventStatus]:
    if not events:
        return []
    rows = [
        {
            "event_id": event.event_id,
            "name": event.event,
            "user_id": event.user_id,
            "item_id": None if event.event == "search" else event.item_id,
            "time": _moment(event, now),
            "value": event.value,
            "position": None,
            "query": event.query,
            "recommendation_id": event.recommendation_id,
        }
        for event in events
    ]
    batch = EventBatch(pl.DataFrame(rows, schema=EVENT_SCHEMA))
    try:
        statuses = list(serving.store.write_events(batch))
    except IncompleteWrite:
        # Perhaps stored, perhaps not: when they are sent again they count, whatever the store says then.
        serving.doubtful.update(event.event_id for event in events)
        raise
    for event, status in zip(events, statuses, strict=True):
        if status == "stored" or (status == "duplicate" and event.event_id in serving.doubtful):
            serving.doubtful.discard(event.event_id)
            live = LiveEvent(
                event_id=event.event_id,
                event=event.event,
                item_id=event.item_id,
                time=_moment(event, now),
                value=event.value,
            )
            serving.engine.profiles.add(event.user_id, [live])
    return statuses


def _result(event: EventIn, status: EventStatus) -> EventResult:
    if status == "unknown_item":
        unknown = FieldErrorOut(
            field="item_id", reason=f"no item {event.item_id!r} in this shop; PUT it first"
        )
        return EventResult(event_id=event.event_id, status="rejected", errors=[unknown])
    return EventResult(event_id=event.event_id, status=status)
