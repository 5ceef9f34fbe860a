"""What shoppers do: stored by event id, and folded into their profile at once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError

from api.event_models import EventIn, EventResult, EventsIn, EventsOut
from api.examples import answers
from api.experimenting import Experiments, Trying
from api.models import FieldErrorOut
from api.state import Config, Meters, Serving, ServingState
from graph.store import EVENT_SCHEMA, EventBatch, EventStatus
from ranking.experiments.records import COUNTED, SHOWN, Observation, observed
from ranking.profiles import LiveEvent
from ranking.tokens import Exposure, Signer
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
def post_events(
    body: EventsIn, serving: Serving, config: Config, meters: Meters, experiments: Trying
) -> EventsOut:
    """Stores each event once, whatever is sent again, and answers a result for each, in order.

    An invalid event is rejected alone. A stored one changes that shopper's next list. `view_item_list` says
    that a list was shown; with what follows from it (`select_item`, `add_to_cart` and `purchase` with the
    list's `recommendation_id`) it is what experiments are judged by.
    """
    if len(body.events) > config.max_events:
        raise BadRecord(
            "events", f"at most {config.max_events} a request, got {len(body.events)}; send several"
        )
    now = datetime.now(UTC)
    checked = [_checked(record, now, serving.engine.signer) for record in body.events]
    valid = [event for event in checked if isinstance(event, EventIn)]
    stored = iter(_store([event for event in valid if event.event != SHOWN], serving, experiments, now))
    found: list[EventStatus] = ["stored" if event.event == SHOWN else next(stored) for event in valid]
    _record(valid, found, serving, experiments, now)
    statuses = iter(found)
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


def _checked(record: dict[str, Any], now: datetime, signer: Signer) -> EventIn | EventResult:
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
    if reason := _broken_rule(event, now) or _unsigned(event, signer):
        return EventResult(event_id=known_id, status="rejected", errors=[reason])
    return event


def _broken_rule(event: EventIn, now: datetime) -> FieldErrorOut | None:
    if event.event == "search" and not event.query:
        return FieldErrorOut(field="query", reason="a search needs its words")
    if event.event not in ("search", SHOWN) and event.item_id is None:
        return FieldErrorOut(field="item_id", reason=f"{event.event} needs an item")
    if event.event == "rate" and (event.value is None or event.value > 5):
        return FieldErrorOut(field="value", reason="rate needs stars from 0 to 5")
    if event.time is not None and _aware(event.time) > now + _CLOCK_SKEW:
        return FieldErrorOut(field="time", reason=f"lies in the future: {event.time.isoformat()}")
    return None


def _unsigned(event: EventIn, signer: Signer) -> FieldErrorOut | None:
    """Why a list can't have been shown: its id is missing or not ours."""
    if event.event != SHOWN:
        return None
    try:
        signer.verify(event.recommendation_id or "")
    except BadRecord as exc:
        return FieldErrorOut(field="recommendation_id", reason=exc.reason)
    return None


def _moment(event: EventIn, now: datetime) -> datetime:
    return now if event.time is None else _aware(event.time)


def _aware(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _record(
    events: Sequence[EventIn],
    statuses: Sequence[EventStatus],
    serving: ServingState,
    experiments: Experiments,
    now: datetime,
) -> None:
    """Tell the experiments what was shown and what came of it; again for duplicates, which count once."""
    shown: list[Exposure] = []
    observations: list[tuple[str, Observation]] = []
    for event, status in zip(events, statuses, strict=True):
        if status == "unknown_item" or event.event not in COUNTED or event.recommendation_id is None:
            continue
        try:
            exposure = serving.engine.signer.verify(event.recommendation_id)
        except BadRecord:
            continue  # of another service, or made up: a fact about the shopper all the same
        if event.event == SHOWN:
            shown.append(exposure)
        money = _price(event.item_id, serving) * (1.0 if event.value is None else event.value)
        moment = _moment(event, now)
        found = observed(event.event_id, event.event, exposure, moment, event.item_id, money)
        if found is not None and exposure.trial is not None:
            observations.append((exposure.trial.experiment_id, found))
    experiments.record(shown, observations, now)


def _price(item_id: str | None, serving: ServingState) -> float:
    """The item's price; 0 where it is unknown."""
    catalogue = serving.engine.catalogue
    prices = catalogue.items.price[catalogue.known_items([] if item_id is None else [item_id])]
    return float(np.nan_to_num(prices).sum())


def _store(
    events: list[EventIn], serving: ServingState, experiments: Experiments, now: datetime
) -> list[EventStatus]:
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
            for engine in (serving.engine, *experiments.engines()):
                engine.profiles.add(event.user_id, [live])
    return statuses


def _result(event: EventIn, status: EventStatus) -> EventResult:
    if status == "unknown_item":
        unknown = FieldErrorOut(
            field="item_id", reason=f"no item {event.item_id!r} in this shop; PUT it first"
        )
        return EventResult(event_id=event.event_id, status="rejected", errors=[unknown])
    return EventResult(event_id=event.event_id, status=status)
