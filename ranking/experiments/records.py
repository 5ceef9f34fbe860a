"""What became of an answer that took part in an experiment, as the ledger's log keeps it.

Who was assigned what stands in the recommendation id, so that nothing has to be looked up when something is
posted, and the log names no shopper.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ranking.experiments.interleave import credited
from ranking.tokens import Exposure

SHOWN, CLICKED, CARTED, BOUGHT = "view_item_list", "select_item", "add_to_cart", "purchase"

COUNTED = (SHOWN, CLICKED, CARTED, BOUGHT)
"""Names of events that experiments count."""


def log_of(experiment_id: str) -> str:
    """The ledger's log of an experiment's observations."""
    return f"experiment/{experiment_id}"


@dataclass(frozen=True)
class Observation:
    """An event of an answer. Times are seconds since 1970.

    Attributes:
        event_id: the same one counts once.
        event: one of COUNTED.
        answer: tells answers apart.
        unit: whoever was assigned.
        arm: what they were given.
        segment: the group of shoppers that they were in.
        propensity: with which probability it was this arm.
        answered: when the answer was given.
        time: when the event happened.
        money: price times quantity of a purchase.
        team: whose item it was, of an interleaved list.
    """

    event_id: str
    event: str
    answer: str
    unit: str
    arm: str
    segment: str
    propensity: float
    answered: float
    time: float
    money: float = 0.0
    team: int | None = None


def observed(
    event_id: str, event: str, exposure: Exposure, time: datetime, item_id: str | None, money: float
) -> Observation | None:
    """The observation that an event makes; None outside of experiments, or where it is not counted."""
    trial = exposure.trial
    if trial is None or event not in COUNTED:
        return None
    return Observation(
        event_id,
        event,
        exposure.nonce,
        trial.unit,
        exposure.arm,
        trial.segment,
        exposure.propensity,
        exposure.time.timestamp(),
        time.astimezone(UTC).timestamp(),
        money if event == BOUGHT else 0.0,
        None if item_id is None else credited(trial.teams, item_id),
    )


def to_body(observation: Observation) -> dict[str, Any]:
    """The observation as JSON."""
    return dict(vars(observation))


def from_body(body: Mapping[str, Any]) -> Observation:
    """What `to_body` made."""
    return Observation(**body)
