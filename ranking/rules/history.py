"""Changes of rules as the ledger's log keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

import structlog
from pydantic import ValidationError

from ranking.rules.schema import Rule

Action = Literal["add", "change", "remove", "import", "undo"]

log = structlog.get_logger()


class LogEntry(Protocol):
    """An entry of the ledger's log."""

    @property
    def number(self) -> int: ...

    @property
    def time(self) -> datetime: ...

    @property
    def body(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Change:
    """What became of one rule; None: there was, or is, none."""

    rule_id: str
    before: Rule | None
    after: Rule | None


@dataclass(frozen=True)
class AuditEntry:
    """One change of one or several rules at once; `undoes` is the number of the entry taken back."""

    number: int
    time: datetime
    author: str
    action: Action
    reason: str
    changes: tuple[Change, ...]
    undoes: int | None = None


def change_to_json(change: Change) -> dict[str, Any]:
    """The change as JSON."""
    before, after = (
        None if rule is None else rule.model_dump(mode="json") for rule in (change.before, change.after)
    )
    return {"rule_id": change.rule_id, "before": before, "after": after}


def entry_of(entry: LogEntry) -> AuditEntry:
    """What the ledger keeps, with its rules; one that this version can't read counts as removed."""
    body = entry.body
    changes = [
        Change(change["rule_id"], _rule_of(change["before"]), _rule_of(change["after"]))
        for change in body["changes"]
    ]
    kept = {name: body[name] for name in ("author", "action", "reason", "undoes")}
    return AuditEntry(entry.number, entry.time, changes=tuple(changes), **kept)


def _rule_of(body: Mapping[str, Any] | None) -> Rule | None:
    try:
        return None if body is None else Rule.model_validate(body)
    except ValidationError as exc:
        log.error("rule_not_readable", rule_id=body and body.get("rule_id"), n_errors=exc.error_count())
        return None
