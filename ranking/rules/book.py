"""The shop's rules as they stand, and how they came to be so.

The log is all there is: each change is one entry, with what stood before and after, and the rules are what
the entries add up to. So a change and its audit are one write, nothing is ever lost, and a worker that sees
that the ledger has changed reads the entries that it has not seen yet.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Any, Protocol

import structlog

from ranking.rules.history import Action, AuditEntry, Change, LogEntry, change_to_json, entry_of
from ranking.rules.schema import Draft, Rule
from ranking.rules.state import RuleConflict, State, is_same
from shopgraph.errors import BadRecord, Conflict, NotFound, StoreUnavailable

LOG = "rules"
"""The ledger's log of changes."""

MOST_RULES = 2_000
"""Rules of one shop: each answer looks at them all."""

_TRIES = 8
_PAGE = 1_000
log = structlog.get_logger()

__all__ = ["AuditEntry", "Change", "Ledger", "RuleBook", "RuleConflict", "RuleList"]


class Ledger(Protocol):
    """Logs that only grow; `append` raises Conflict where the entry would not follow `expected`."""

    def append(
        self, log: str, body: Mapping[str, Any], now: datetime, expected: int | None = None
    ) -> int: ...

    def read_log(self, log: str, after: int = 0, limit: int = 1000) -> Sequence[LogEntry]: ...

    def stamp(self) -> int: ...


@dataclass(frozen=True)
class RuleList:
    """All rules as of an entry of the log (`revision`, 0 before the first), in the order of composing."""

    revision: int
    rules: tuple[Rule, ...]


Step = Callable[[State], tuple[Sequence[Change], int | None]]
"""From the rules as they stand to what changes, and the number of the entry that this takes back."""


class RuleBook:
    """Reads and changes the rules. Threads may share it; each process has its own of the same ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = RLock()
        self._state = State()
        self._list = RuleList(0, ())
        self._stamp: int | None = None

    def current(self) -> RuleList:
        """The rules, changes by other processes included; the same object as long as nothing changed.

        A ledger that does not answer leaves the rules as they were known last.
        """
        try:
            if self._ledger.stamp() != self._stamp:
                self._catch_up()
        except StoreUnavailable as exc:
            log.warning("rules_not_renewed", error=str(exc))
        return self._list

    def get(self, rule_id: str) -> Rule:
        """One rule as it stands.

        Raises:
            NotFound: there is none of that id.
        """
        self._catch_up()
        return self._state.known(rule_id)

    def add(self, draft: Draft, now: datetime) -> Rule:
        """Keep a new rule.

        Raises:
            Conflict: there is one of that id already, or there are too many.
        """
        rule_id = draft.rule_id or secrets.token_hex(6)

        def step(state: State) -> tuple[list[Change], None]:
            if rule_id in state.rules:
                raise Conflict(f"there is a rule {rule_id!r} already: change it, or choose another id")
            return [Change(rule_id, None, state.kept(draft, rule_id, now))], None

        return _only(self._commit(step, draft.author, "add", draft.reason, now))

    def change(self, rule_id: str, draft: Draft, expected: int, now: datetime) -> Rule:
        """Put other content in a rule's place.

        Args:
            rule_id: which one; an id in the draft must be the same.
            draft: all of its new content.
            expected: the version that was changed.
            now: the moment of the change.

        Raises:
            RuleConflict: the rule has another version, or was removed.
            NotFound: there never was one of that id.
            BadRecord: the draft has another id.
        """
        if draft.rule_id not in (None, rule_id):
            raise BadRecord("rule_id", f"is {draft.rule_id!r} in the rule sent, but {rule_id!r} is changed")

        def step(state: State) -> tuple[list[Change], None]:
            before = state.expected(rule_id, expected, draft)
            return [Change(rule_id, before, state.kept(draft, rule_id, now))], None

        return _only(self._commit(step, draft.author, "change", draft.reason, now))

    def remove(self, rule_id: str, author: str, reason: str, expected: int, now: datetime) -> None:
        """Take a rule away; raises as `change` does."""

        def step(state: State) -> tuple[list[Change], None]:
            return [Change(rule_id, state.expected(rule_id, expected, None), None)], None

        self._commit(step, author, "remove", reason, now)

    def undo(self, author: str, now: datetime, number: int | None = None) -> AuditEntry:
        """Take one entry back: its rules are again what they were before it.

        Args:
            author: who does it.
            now: the moment of it.
            number: of the entry; None: the last one that is neither undone nor an undoing itself.

        Raises:
            NotFound: there is no such entry, or nothing left to undo.
            Conflict: a rule of it was changed since.
        """

        def step(state: State) -> tuple[list[Change], int]:
            entry = self._to_undo(number)
            changes = []
            for change in entry.changes:
                current = state.rules.get(change.rule_id)
                if not is_same(Change(change.rule_id, change.after, current)):
                    raise Conflict(
                        f"entry {entry.number} can't be undone: rule {change.rule_id!r} was changed since; "
                        "undo the later entries first"
                    )
                after = None
                if change.before is not None:
                    version = state.versions[change.rule_id] + 1
                    after = change.before.model_copy(update={"version": version, "updated": now})
                changes.append(Change(change.rule_id, current, after))
            return changes, entry.number

        return self._commit(step, author, "undo", "", now)

    def replace(
        self, drafts: Sequence[Draft], author: str, reason: str, now: datetime, *, others_stay: bool
    ) -> AuditEntry:
        """Keep all these rules at once; those whose ids are known are changed.

        Args:
            drafts: ids among them must differ.
            author: who does it.
            reason: why.
            now: the moment of it.
            others_stay: whether rules that are not among them stay.

        Raises:
            Conflict: there would be too many.
            ValueError: an id stands there twice.
        """
        named = {draft.rule_id or secrets.token_hex(6): draft for draft in drafts}
        if len(named) < len(drafts):
            raise ValueError("of several drafts with one id only one can be kept")

        def step(state: State) -> tuple[list[Change], None]:
            changes = [
                Change(rule_id, state.rules.get(rule_id), state.kept(draft, rule_id, now))
                for rule_id, draft in named.items()
            ]
            changes = [change for change in changes if not is_same(change)]
            if not others_stay:
                gone = [rule_id for rule_id in state.rules if rule_id not in named]
                changes += [Change(rule_id, state.rules[rule_id], None) for rule_id in gone]
            return changes, None

        return self._commit(step, author, "import", reason, now)

    def audit(self, after: int = 0, limit: int = 100) -> list[AuditEntry]:
        """Entries, oldest first, those after the number `after`."""
        return [entry_of(entry) for entry in self._ledger.read_log(LOG, after, limit)]

    def _commit(self, step: Step, author: str, action: Action, reason: str, now: datetime) -> AuditEntry:
        """Write what `step` makes of the rules as they stand; again where another entry came between."""
        for _ in range(_TRIES):
            with self._lock:
                self._catch_up()
                state = self._state
                changes, undoes = step(state)
                n_more = sum((c.after is not None) - (c.before is not None) for c in changes)
                if n_more > 0 and len(state.rules) + n_more > MOST_RULES:
                    raise Conflict(f"there may be at most {MOST_RULES:,} rules: remove some first")
                body = {
                    "author": author,
                    "action": action,
                    "reason": reason,
                    "undoes": undoes,
                    "changes": [change_to_json(change) for change in changes],
                }
                try:
                    number = self._ledger.append(LOG, body, now, state.revision)
                except Conflict:
                    continue
                self._catch_up()
                return AuditEntry(number, now, author, action, reason, tuple(changes), undoes)
        raise Conflict("other changes of the rules keep coming between: send it again")

    def _catch_up(self) -> None:
        with self._lock:
            stamp = self._ledger.stamp()  # before reading: what comes between is read again, not missed
            seen = self._state.revision
            for entry in self._entries(seen):
                for change in entry_of(entry).changes:
                    self._state.apply(change)
                self._state.revision = entry.number
            if self._state.revision != seen:
                ordered = sorted(self._state.rules.values(), key=lambda rule: rule.order)
                self._list = RuleList(self._state.revision, tuple(ordered))
            self._stamp = stamp

    def _entries(self, after: int) -> Sequence[LogEntry]:
        found: list[LogEntry] = []
        while page := self._ledger.read_log(LOG, found[-1].number if found else after, _PAGE):
            found += page
        return found

    def _to_undo(self, number: int | None) -> AuditEntry:
        entries = [entry_of(entry) for entry in self._entries(0)]
        undone = {entry.undoes for entry in entries}
        if number is not None:
            found = [entry for entry in entries if entry.number == number]
            missing = f"no entry {number} in the rules' log"
        else:
            found = [entry for entry in entries if entry.action != "undo" and entry.number not in undone]
            missing = "nothing is left to undo"
        if not found:
            raise NotFound(missing)
        return found[-1]


def _only(entry: AuditEntry) -> Rule:
    (change,) = entry.changes
    assert change.after is not None  # it was added or changed
    return change.after
