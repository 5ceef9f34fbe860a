"""Who gets which arm: a function of salt and shopper alone, so that it sticks and needs no memory."""

import base64
import hashlib
from dataclasses import dataclass

from ranking.experiments.schema import Arm, Draft

_SPACE = float(1 << 64)
_TRAFFIC = "traffic"


@dataclass(frozen=True)
class Unit:
    """Whom an arm is drawn for: a shopper, or a visit of nobody known."""

    kind: str
    id: str

    @classmethod
    def of(cls, user_id: str | None, session_id: str | None) -> "Unit | None":
        """The shopper if there is one, else the visit; None where there is neither."""
        if user_id is not None:
            return cls("user", user_id)
        return None if session_id is None else cls("session", session_id)

    def place(self, salt: str) -> float:
        """Where in [0, 1) the unit lies under a salt: uniform, and independent between salts."""
        return int.from_bytes(self._digest(salt, 8)) / _SPACE

    def alias(self, salt: str) -> str:
        """A short name that tells units apart and does not tell who they are without the salt."""
        return base64.urlsafe_b64encode(self._digest(f"alias\0{salt}", 9)).decode()

    def _digest(self, salt: str, size: int) -> bytes:
        text = f"{salt}\0{self.kind}\0{self.id}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=size).digest()


def takes_part(draft: Draft, unit: Unit) -> bool:
    """Whether the unit lies in the experiment's share of the traffic."""
    return draft.traffic.start <= unit.place(_TRAFFIC) < draft.traffic.end


def arm_of(draft: Draft, unit: Unit) -> Arm:
    """The unit's arm."""
    place = unit.place(f"arm\0{draft.salt}")
    reached = 0.0
    for arm in draft.arms:
        reached += arm.weight
        if place < reached:
            return arm
    return draft.arms[-1]  # weights sum to 1 but for rounding
