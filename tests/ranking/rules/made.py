"""Rules in a line."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ranking.rules.house import FixedRules
from ranking.rules.schema import Draft, Rule
from tests.planted import NOW

MADE = datetime(2026, 1, 1, tzinfo=UTC)


def draft(effect: dict[str, Any] | None = None, **said: Any) -> Draft:
    """A draft by Mia; `effect` without one hides item i000."""
    body = {"name": "A rule", "author": "mia", "effect": effect or hide("i000"), **said}
    return Draft.model_validate(body)


def rule(rule_id: str, effect: dict[str, Any], *, minute: int = 0, **said: Any) -> Rule:
    """A rule that was made so many minutes after the first."""
    made = MADE + timedelta(minutes=minute)
    kept = {"rule_id": rule_id, "version": 1, "created": made, "updated": made}
    return Rule.model_validate({**draft(effect, **{"name": rule_id, **said}).model_dump(), **kept})


def fixed(*rules: Rule) -> FixedRules:
    """A source of these rules."""
    return FixedRules.of(rules)


def pin(item_id: str, position: int) -> dict[str, Any]:
    return {"type": "pin", "item_id": item_id, "position": position}


def hide(*item_ids: str) -> dict[str, Any]:
    return {"type": "hide", "target": {"item_ids": item_ids}}


def boost(factor: float, **target: Any) -> dict[str, Any]:
    return {"type": "boost" if factor > 1 else "bury", "target": target, "factor": factor}


def cap(by: str, most: int, **said: Any) -> dict[str, Any]:
    return {"type": "cap", "by": by, "most": most, **said}


def ban_path(*steps: tuple[str, bool]) -> dict[str, Any]:
    path = [{"relation": relation, "forward": forward} for relation, forward in steps]
    return {"type": "ban_path", "path": path}


LATER = NOW + timedelta(days=1)
