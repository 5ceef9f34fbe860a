"""Each shopper's history in memory; a live event is folded in at once, without any training.

Single histories are what an answer needs, so live events are kept by user and put behind the
trained snapshot's when a history is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from threading import Lock
from typing import NamedTuple

import numpy as np

from ranking.holdout import main_event
from shopgraph.types import ITEM, NO_TIME, USER, BoolVector, GraphSnapshot, Histories, IntVector


@dataclass(frozen=True)
class LiveEvent:
    """An event of one shopper as it comes in, already validated.

    `event` is its GA4 name; `value` is stars of `rate`, quantity of `purchase`, None for 1.
    """

    event_id: str
    item_id: str | None
    event: str
    time: datetime | None
    value: float | None = None


@dataclass(frozen=True)
class PastEvent:
    """An event of a history with the shop's own names, for people to read."""

    item_id: str
    event: str
    time: datetime | None
    value: float


class _Row(NamedTuple):
    """A live event as the maths sees it."""

    item_idx: int
    type_code: int
    value: float
    time: int


class Profiles:
    """Everybody's past: the snapshot's plus what came in since. Safe to use from several threads."""

    def __init__(self, snapshot: GraphSnapshot) -> None:
        """Starts with everybody in the snapshot, which is shared, not copied."""
        self._users, self._items = snapshot.nodes[USER], snapshot.nodes[ITEM]
        self._histories = snapshot.histories
        self.event_types = snapshot.event_types
        self._type_codes = {event.name: code for code, event in enumerate(snapshot.event_types)}
        weights = np.array([event.default_weight for event in snapshot.event_types])
        self._is_bought: BoolVector = weights >= weights[self._type_codes[main_event(snapshot)]]
        self._live: dict[str, tuple[_Row, ...]] = {}
        self._names: dict[str, str] = {}
        self._seen: set[str] = set()
        self._lock = Lock()

    @property
    def trained(self) -> Histories:
        """Everybody's past as of the start, row = user_idx of the snapshot."""
        return self._histories

    @property
    def is_bought(self) -> BoolVector:
        """Whether an event of each type is a purchase (or what counts most in this shop)."""
        return self._is_bought

    def user_id(self, user_idx: int) -> str:
        """The shop's id of a row of `trained`."""
        return self._users.ids[user_idx]

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

    def introduce(self, user_id: str, name: str | None = None) -> None:
        """Make a user known who has done nothing yet, or give them a name."""
        with self._lock:
            self._live.setdefault(user_id, ())
            if name is not None:
                self._names[user_id] = name

    def name(self, user_id: str) -> str:
        """The user's name; their id where they have none."""
        user_idx = self._users.index.get(user_id)
        trained = "" if user_idx is None else self._users.names[user_idx]
        return self._names.get(user_id) or trained or user_id

    def find(self, words: str, limit: int) -> list[str]:
        """Ids of users whose id or name holds the words, in any case; the trained ones first, by id."""
        wanted = words.casefold()
        newcomers = (user_id for user_id in list(self._live) if user_id not in self._users.index)
        everybody = chain(self._users.ids, newcomers)
        found = (
            user_id
            for user_id in everybody
            if wanted in user_id.casefold() or wanted in self.name(user_id).casefold()
        )
        return list(islice(found, limit))

    def n_interactions(self, user_id: str) -> int:
        """How many events the user's history holds, 0 for an unknown user."""
        user_idx = self._users.index.get(user_id)
        indptr = self._histories.indptr
        trained = 0 if user_idx is None else int(indptr[user_idx + 1] - indptr[user_idx])
        return trained + self.n_live(user_id)

    def latest(self, user_id: str, limit: int) -> list[PastEvent]:
        """The last events of a user, newest first; none for an unknown user."""
        history = self.history(user_id, self._histories.now)
        if history is None:
            return []
        return [self._past_event(history, row) for row in range(len(history.item_idx))[::-1][:limit]]

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
        user_idx = self._users.index.get(user_id)
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

    def nobody(self, now: datetime) -> Histories:
        """The empty history."""
        none = np.zeros(0, np.int32)
        times = np.zeros(0, np.int64)
        return Histories(
            np.zeros(2, np.int64), none, np.zeros(0, np.int8), np.zeros(0, np.float32), times, now
        )

    def anchor(self, item_idx: int, now: datetime) -> Histories:
        """The made-up history of one item with the weightiest event, without a time: for similar items."""
        return Histories(
            np.array([0, 1], np.int64),
            np.array([item_idx], np.int32),
            np.array([np.flatnonzero(self._is_bought)[0]], np.int8),
            np.ones(1, np.float32),
            np.array([NO_TIME], np.int64),
            now,
        )

    def _row(self, event: LiveEvent) -> _Row | None:
        item_idx = None if event.item_id is None else self._items.index.get(event.item_id)
        type_code = self._type_codes.get(event.event)
        if item_idx is None or type_code is None:
            return None
        time = NO_TIME if event.time is None else int(event.time.timestamp())
        return _Row(item_idx, type_code, 1.0 if event.value is None else event.value, time)

    def _past_event(self, history: Histories, row: int) -> PastEvent:
        time = int(history.time[row])
        return PastEvent(
            self._items.ids[history.item_idx[row]],
            self.event_types[history.type_code[row]].name,
            None if time == NO_TIME else datetime.fromtimestamp(time, UTC),
            float(history.value[row]),
        )
