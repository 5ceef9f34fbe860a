"""Each shopper's history in memory; a live event is folded in at once, without any training.

Single histories are what an answer needs, so live events are kept by user and put behind the
trained snapshot's when a history is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import NamedTuple

import numpy as np

from ranking.holdout import main_event
from shopgraph.types import ITEM, NO_TIME, USER, EventType, GraphSnapshot, Histories, IntVector


@dataclass(frozen=True)
class LiveEvent:
    """An event of one shopper as it comes in, already validated.

    `event` is its GA4 name; `value` is stars of `rate`, quantity of `purchase`, else 1.
    """

    event_id: str
    event: str
    item_id: str | None
    time: datetime | None
    value: float = 1.0


class _Row(NamedTuple):
    """A live event as the maths sees it."""

    item_idx: int
    type_code: int
    value: float
    time: int


class Profiles:
    """Everybody's past: the snapshot's plus what came in since. Safe to use from several threads."""

    def __init__(
        self,
        histories: Histories,
        user_index: Mapping[str, int],
        item_index: Mapping[str, int],
        event_types: Sequence[EventType],
        main_weight: float,
    ) -> None:
        """`main_weight`: an event type of at least this default weight counts as bought."""
        self._histories = histories
        self._user_index = user_index
        self._item_index = item_index
        self._type_codes = {event.name: code for code, event in enumerate(event_types)}
        self._is_bought = np.array([event.default_weight >= main_weight for event in event_types], np.bool_)
        self._live: dict[str, tuple[_Row, ...]] = {}
        self._seen: set[str] = set()
        self._lock = Lock()

    @classmethod
    def from_snapshot(cls, snapshot: GraphSnapshot) -> "Profiles":
        """Profiles of everybody in the snapshot."""
        main = main_event(snapshot)
        weight = next(event.default_weight for event in snapshot.event_types if event.name == main)
        return cls(
            snapshot.histories,
            snapshot.nodes[USER].index,
            snapshot.nodes[ITEM].index,
            snapshot.event_types,
            weight,
        )

    def add(self, user_id: str, events: Sequence[LiveEvent]) -> int:
        """Fold events in and make the user known; returns how many are new and count for the model.

        An event_id that was added before changes nothing. Searches and events of items that the model
        does not know are left out.
        """
        with self._lock:
            fresh = {event.event_id: event for event in events if event.event_id not in self._seen}
            self._seen.update(fresh)
            rows = tuple(row for event in fresh.values() if (row := self._row(event)))
            self._live[user_id] = self._live.get(user_id, ()) + rows
        return len(rows)

    def n_live(self, user_id: str) -> int:
        """How many live events were folded into the user's history so far."""
        return len(self._live.get(user_id, ()))

    def history(self, user_id: str, now: datetime, n_live: int | None = None) -> Histories | None:
        """The user's past as a batch of one, oldest first; None for a user nobody has heard of.

        Args:
            user_id: the shop's id.
            now: recency is measured from here.
            n_live: look at the first so many live events alone (a later page of the same list).
        """
        user_idx = self._user_index.get(user_id)
        live = self._live.get(user_id)
        if user_idx is None and live is None:
            return None
        past = self._histories
        start, end = (0, 0) if user_idx is None else past.indptr[user_idx : user_idx + 2]
        own = slice(int(start), int(end))
        rows = (live or ())[:n_live]
        items, codes, values, times = zip(*rows, strict=True) if rows else ((), (), (), ())
        time = np.concatenate([past.time[own], np.array(times, np.int64)])
        order = np.argsort(time, kind="stable")
        return Histories(
            np.array([0, len(time)], np.int64),
            np.concatenate([past.item_idx[own], np.array(items, np.int32)])[order],
            np.concatenate([past.type_code[own], np.array(codes, np.int8)])[order],
            np.concatenate([past.value[own], np.array(values, np.float32)])[order],
            time[order],
            now,
        )

    def bought(self, history: Histories) -> IntVector:
        """The items of a history that were bought (or what counts most in this shop)."""
        items: IntVector = np.unique(history.item_idx[self._is_bought[history.type_code]])
        return items

    def anchor(self, item_idx: int, now: datetime) -> Histories:
        """The made-up history of one item, held now with the weightiest event: for similar items."""
        return Histories(
            np.array([0, 1], np.int64),
            np.array([item_idx], np.int32),
            np.array([np.flatnonzero(self._is_bought)[0]], np.int8),
            np.ones(1, np.float32),
            np.array([NO_TIME], np.int64),
            now,
        )

    def _row(self, event: LiveEvent) -> _Row | None:
        item_idx = None if event.item_id is None else self._item_index.get(event.item_id)
        type_code = self._type_codes.get(event.event)
        if item_idx is None or type_code is None:
            return None
        time = NO_TIME if event.time is None else int(event.time.timestamp())
        return _Row(item_idx, type_code, event.value, time)
