"""Experiments and observations in a line."""

from datetime import UTC, datetime
from typing import Any

from ranking.experiments.records import Observation
from ranking.experiments.schema import Arm, Experiment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY_S = 86_400.0


def experiment(**changes: Any) -> Experiment:
    """Two equal arms, running since noon."""
    content: dict[str, Any] = {
        "experiment_id": "e1",
        "name": "More graph",
        "author": "Mo",
        "salt": "s",
        "arms": (Arm(name="control", weight=0.5), Arm(name="b", weight=0.5)),
        "status": "running",
        "version": 2,
        "created": NOON,
        "updated": NOON,
        "started": NOON,
        **changes,
    }
    return Experiment.model_validate(content)


def seen(answer: str, unit: str, arm: str, event: str = "view_item_list", **changes: Any) -> Observation:
    """What happened with an answer, at noon; its event id is made of these."""
    content: dict[str, Any] = {
        "event_id": f"{answer}-{event}",
        "event": event,
        "answer": answer,
        "unit": unit,
        "arm": arm,
        "segment": "warm",
        "propensity": 0.5,
        "answered": NOON.timestamp(),
        "time": NOON.timestamp(),
        **changes,
    }
    return Observation(**content)
