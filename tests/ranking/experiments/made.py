"""Drafts of experiments in a line."""

from datetime import UTC, datetime
from typing import Any

from ranking.experiments.schema import Draft

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def draft(experiment_id: str = "e1", **changes: Any) -> Draft:
    """Two equal arms."""
    content: dict[str, Any] = {
        "experiment_id": experiment_id,
        "name": "More graph",
        "author": "Mo",
        "salt": "s",
        "arms": [
            {"name": "control", "weight": 0.5},
            {"name": "b", "weight": 0.5, "change": {"factors": {"graph": 2.0}}},
        ],
        **changes,
    }
    return Draft.model_validate(content)
