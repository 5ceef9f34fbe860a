"""Dialogues that last between requests: kept as documents, forgotten after a while, no turn lost."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from nlu.dialogue.state import EMPTY, DialogueState
from shopgraph.errors import Conflict, NotFound
from shopgraph.types import ParsedQuery

DIALOGUE = "dialogue"
"""The kind of our documents."""

FEEDBACK = "dialogue_feedback"
"""The log of what shoppers thought of turns and which options they chose."""

_TRIES = 8


class Kept(Protocol):
    """A document as it stands."""

    @property
    def body(self) -> Mapping[str, Any]: ...

    @property
    def version(self) -> int: ...


class Ledger(Protocol):
    """Documents with versions that expire, and logs; `put` raises Conflict where another version stands."""

    def put(
        self,
        kind: str,
        key: str,
        body: Mapping[str, Any],
        *,
        now: datetime,
        expected: int | None = None,
        expires: datetime | None = None,
    ) -> int: ...

    def get(self, kind: str, key: str, now: datetime) -> Kept | None: ...

    def remove(self, kind: str, key: str) -> bool: ...

    def remove_expired(self, now: datetime) -> int: ...

    def append(self, log: str, body: Mapping[str, Any], now: datetime) -> int: ...


class DialogueConfig(BaseModel):
    """How long dialogues are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ttl_s: float = Field(default=24 * 3_600.0, gt=0)
    """How long a dialogue is kept after its last turn, seconds."""
    max_turns: int = Field(default=200, ge=1)
    """Most turns of one dialogue."""


@dataclass(frozen=True)
class Narrowing:
    """What a turn narrows the list by without stating it: it ranks, but is no slot.

    `below` and `above` are prices that the items shown must stay under or over; `similar_to` is an item id.
    """

    below: float | None = None
    above: float | None = None
    similar_to: str | None = None


@dataclass(frozen=True)
class OpenOption:
    """An answer to the open question: choosing it puts `node_ids` into `slot`, or the prices."""

    name: str
    count: int
    node_ids: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None


@dataclass(frozen=True)
class OpenQuestion:
    """A question that the last turn asked; `slot` is what it splits on, `field` where the answer goes."""

    slot: str
    field: Literal["category", "brand", "attribute", "price"]
    text: str
    gain_bits: float
    options: tuple[OpenOption, ...]


@dataclass(frozen=True)
class Dialogue:
    """A dialogue between two turns.

    Attributes:
        dialogue_id: unguessable; who knows it may go on with it.
        user_id: the shopper, if known.
        language: of answers; None follows the shopper's words.
        state: slots, items shown, turns.
        narrowing: what ranks beside the slots.
        question: what was asked last and is still open.
        asked: slots that were asked about since the last restart; none is asked about twice.
        focus: the item that was spoken of last.
        listed: what the last list was asked with.
        cursor: the next page of the last list.
        recommendation_id: of the last list.
    """

    dialogue_id: str
    user_id: str | None = None
    language: Literal["en", "zh"] | None = None
    state: DialogueState = EMPTY
    narrowing: Narrowing = Narrowing()
    question: OpenQuestion | None = None
    asked: tuple[str, ...] = ()
    focus: str | None = None
    listed: ParsedQuery | None = None
    cursor: str | None = None
    recommendation_id: str | None = None


_DIALOGUE = TypeAdapter(Dialogue)


class Dialogues:
    """All dialogues of a shop."""

    def __init__(self, ledger: Ledger, config: DialogueConfig) -> None:
        self._ledger, self._config = ledger, config

    def create(self, user_id: str | None, language: Literal["en", "zh"] | None, now: datetime) -> Dialogue:
        """A new dialogue; those that have expired are taken away."""
        self._ledger.remove_expired(now)
        dialogue = Dialogue(secrets.token_urlsafe(18), user_id, language)
        self._put(dialogue, 0, now)
        return dialogue

    def get(self, dialogue_id: str, now: datetime) -> Dialogue:
        """The dialogue as it stands.

        Raises:
            NotFound: there is none of that id, or it has expired.
        """
        return self._read(dialogue_id, now)[0]

    def advance(
        self, dialogue_id: str, step: Callable[[Dialogue], Dialogue], now: datetime, after: int | None = None
    ) -> Dialogue:
        """The dialogue after one more turn.

        Args:
            dialogue_id: which one.
            step: from the dialogue as it stands to what it is after the turn; it is called again where
                another turn came between.
            now: the moment of the turn; the dialogue expires so much later.
            after: how many turns the caller has seen; None: whatever stands there.

        Raises:
            NotFound: there is none of that id, or it has expired.
            Conflict: it has other turns than `after` by now, or as many as it may have.
        """
        for _ in range(_TRIES):
            dialogue, version = self._read(dialogue_id, now)
            n_turns = dialogue.state.n_turns
            if after not in (None, n_turns):
                raise Conflict(f"the dialogue has {n_turns} turns, not {after}: read it again, then go on")
            if n_turns >= self._config.max_turns:
                raise Conflict(f"the dialogue has had its {n_turns} turns: begin a new one")
            moved = step(dialogue)
            moved = replace(moved, state=replace(moved.state, n_turns=n_turns + 1))
            try:
                self._put(moved, version, now)
            except Conflict:
                continue
            return moved
        raise Conflict("other turns of this dialogue keep coming between: send it again")

    def remove(self, dialogue_id: str, now: datetime) -> None:
        """Forget a dialogue.

        Raises:
            NotFound: there is none of that id, or it has expired.
        """
        self._read(dialogue_id, now)
        self._ledger.remove(DIALOGUE, dialogue_id)

    def note(self, dialogue_id: str, what: Mapping[str, Any], now: datetime) -> int:
        """Add to the log of feedback, without the shopper's id or words; returns its number."""
        return self._ledger.append(FEEDBACK, {"dialogue_id": dialogue_id, **what}, now)

    def _put(self, dialogue: Dialogue, version: int, now: datetime) -> None:
        body = _DIALOGUE.dump_python(dialogue, mode="json")
        until = now + timedelta(seconds=self._config.ttl_s)
        self._ledger.put(DIALOGUE, dialogue.dialogue_id, body, now=now, expected=version, expires=until)

    def _read(self, dialogue_id: str, now: datetime) -> tuple[Dialogue, int]:
        kept = self._ledger.get(DIALOGUE, dialogue_id, now)
        if kept is None:
            raise NotFound("no such dialogue; it may have expired: begin a new one")
        try:
            return _DIALOGUE.validate_python(kept.body), kept.version
        except ValidationError as exc:
            raise NotFound("the dialogue was kept by another version: begin a new one") from exc
