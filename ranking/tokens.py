"""Signed tokens: who was shown what (recommendation_id) and where a list goes on (cursor).

A token is `base64url(JSON) . base64url(HMAC-SHA256, first 16 bytes)`: readable, not secret, not forgeable.
"""

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shopgraph.errors import BadRecord

_MAX_CHARS = 1_024
_MAC_BYTES = 16
_MIN_KEY_BYTES = 16


@dataclass(frozen=True)
class Trial:
    """Which experiment an answer takes part in, and for whom.

    Attributes:
        experiment_id: which one.
        unit: a name of whoever was assigned that does not tell who they are.
        segment: the group of shoppers that they were in.
        teams: digests of the items that each arm drafted, where two arms drafted one list.
    """

    experiment_id: str
    unit: str
    segment: str
    teams: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Exposure:
    """What a recommendation_id says of its list: enough to attribute a click without any lookup.

    `propensity` is the probability with which `arm` was chosen for this answer; `trial` is None outside of
    experiments.
    """

    model_version: str
    arm: str
    propensity: float
    time: datetime
    nonce: str
    trial: Trial | None = None


@dataclass(frozen=True)
class Cursor:
    """Where the next page starts, and what must stay as it was on the first one.

    `n_live` is how many live events the shopper had, `ask` a digest of what was asked.
    """

    offset: int
    now: datetime
    n_live: int
    ask: str
    model_version: str


class Signer:
    """Signs tokens with one key; all workers of a service share it."""

    def __init__(self, key: bytes) -> None:
        """Key of at least 16 bytes."""
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError(f"a signing key needs at least {_MIN_KEY_BYTES} bytes, got {len(key)}")
        self._key = key

    def recommendation_id(
        self,
        model_version: str,
        now: datetime,
        *,
        arm: str = "default",
        propensity: float = 1.0,
        trial: Trial | None = None,
    ) -> str:
        """A new id, different at every call."""
        fields: list[object] = [model_version, arm, propensity, now.timestamp(), secrets.token_urlsafe(9)]
        if trial is not None:
            fields += [trial.experiment_id, trial.unit, trial.segment, *trial.teams]
        return self._sign("rec", fields)

    def verify(self, recommendation_id: str) -> Exposure:
        """What the id says.

        Raises:
            BadRecord: not an id that this key signed.
        """
        match self._open("rec", recommendation_id, "recommendation_id"):
            case [str(model), str(arm), int() | float() as propensity, float(time), str(nonce), *rest]:
                moment = datetime.fromtimestamp(time, UTC)
                return Exposure(model, arm, float(propensity), moment, nonce, _trial(rest))
        raise _invalid("recommendation_id")

    def cursor(self, cursor: Cursor) -> str:
        """The cursor as an opaque string."""
        fields = [cursor.offset, cursor.now.isoformat(), cursor.n_live, cursor.ask, cursor.model_version]
        return self._sign("cur", fields)

    def read_cursor(self, token: str) -> Cursor:
        """The cursor that `cursor` wrote.

        Raises:
            BadRecord: not a cursor that this key signed.
        """
        match self._open("cur", token, "cursor"):
            case [int(offset), str(now), int(n_live), str(ask), str(model_version)]:
                return Cursor(offset, datetime.fromisoformat(now), n_live, ask, model_version)
        raise _invalid("cursor")

    def _sign(self, purpose: str, fields: Sequence[object]) -> str:
        payload = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        return f"{_encode(payload)}.{_encode(self._mac(purpose, payload))}"

    def _open(self, purpose: str, token: str, field: str) -> object:
        encoded, dot, mac = token.partition(".")
        if not dot or len(token) > _MAX_CHARS or not token.isascii():
            raise _invalid(field)
        try:
            payload, given = _decode(encoded), _decode(mac)
        except binascii.Error as exc:
            raise _invalid(field) from exc
        if not hmac.compare_digest(given, self._mac(purpose, payload)):
            raise _invalid(field)
        fields: object = json.loads(payload)
        return fields

    def _mac(self, purpose: str, payload: bytes) -> bytes:
        return hmac.digest(self._key, purpose.encode() + b"\0" + payload, "sha256")[:_MAC_BYTES]


def _trial(fields: Sequence[object]) -> Trial | None:
    match fields:
        case []:
            return None
        case [str(experiment_id), str(unit), str(segment), str(first), str(second)]:
            return Trial(experiment_id, unit, segment, (first, second))
    raise _invalid("recommendation_id")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _invalid(field: str) -> BadRecord:
    return BadRecord(field, "is not one that this service gave out; send it back exactly as received")
