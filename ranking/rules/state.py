"""The rules that the entries of a log add up to, and what may become of one."""

from dataclasses import dataclass, field
from datetime import datetime

from ranking.rules.history import Change
from ranking.rules.schema import Draft, Rule
from shopgraph.errors import Conflict, NotFound


class RuleConflict(Conflict):
    """Somebody else changed the rule first: `current` is what stands now, `sent` what was refused."""

    def __init__(self, rule_id: str, expected: int, current: Rule | None, sent: Draft | None) -> None:
        found = "was removed" if current is None else f"has version {current.version}"
        super().__init__(f"rule {rule_id!r} {found}, not {expected}: look at both, then send it again")
        self.expected, self.current, self.sent = expected, current, sent


@dataclass
class State:
    """What the entries seen so far add up to; `versions` also of rules that were removed."""

    revision: int = 0
    rules: dict[str, Rule] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        """Follow one change."""
        if change.after is None:
            self.rules.pop(change.rule_id, None)
        else:
            self.rules[change.rule_id] = change.after
            self.versions[change.rule_id] = change.after.version

    def kept(self, draft: Draft, rule_id: str, now: datetime) -> Rule:
        """The rule that a draft becomes, in the place of one of that id if there is one."""
        before = self.rules.get(rule_id)
        content = draft.model_dump() | {
            "rule_id": rule_id,
            "version": self.versions.get(rule_id, 0) + 1,
            "created": now if before is None else before.created,
            "updated": now,
        }
        return Rule.model_validate(content)

    def known(self, rule_id: str) -> Rule:
        """The rule of an id; NotFound where there is none."""
        if rule_id not in self.rules:
            raise NotFound(f"no rule {rule_id!r}")
        return self.rules[rule_id]

    def expected(self, rule_id: str, version: int, sent: Draft | None) -> Rule:
        """The rule, if it has this version; RuleConflict otherwise, NotFound where there never was one."""
        current = self.rules.get(rule_id)
        if current is None and rule_id not in self.versions:
            raise NotFound(f"no rule {rule_id!r}")
        if current is None or current.version != version:
            raise RuleConflict(rule_id, version, current, sent)
        return current


def is_same(change: Change) -> bool:
    """Whether the change leaves the rule's content as it was."""
    before, after = change.before, change.after
    if before is None or after is None:
        return before is after
    return before.draft() == after.draft()
