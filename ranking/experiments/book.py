"""The shop's experiments as they stand, how they came to be so, and what became of their answers.

As with rules, the log is all there is: each entry holds the experiment after a change, who made it and why.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Any, Literal, Protocol

import structlog
from pydantic import ValidationError

from ranking.experiments.records import Observation, from_body, log_of, to_body
from ranking.experiments.schema import Draft, Experiment, StoppedArm
from shopgraph.errors import BadRecord, Conflict, NotFound, StoreUnavailable

LOG = "experiments"
"""The ledger's log of changes."""

Action = Literal["add", "change", "start", "stop", "stop_arm"]

GUARDRAIL = "guardrail"
"""The author of what shopgraph does by itself."""

_TRIES = 8
_PAGE = 10_000
log = structlog.get_logger()


class LogEntry(Protocol):
    """An entry of the ledger's log."""

    @property
    def number(self) -> int: ...

    @property
    def time(self) -> datetime: ...

    @property
    def body(self) -> Mapping[str, Any]: ...


class Ledger(Protocol):
    """Logs that only grow; `append` raises Conflict where the entry would not follow `expected`."""

    def append(
        self, log: str, body: Mapping[str, Any], now: datetime, expected: int | None = None
    ) -> int: ...

    def append_all(self, log: str, bodies: Sequence[Mapping[str, Any]], now: datetime) -> None: ...

    def read_log(self, log: str, after: int = 0, limit: int = 1000) -> Sequence[LogEntry]: ...

    def stamp(self) -> int: ...


@dataclass(frozen=True)
class AuditEntry:
    """One change, with the experiment as it was after it."""

    number: int
    time: datetime
    author: str
    action: Action
    reason: str
    experiment: Experiment


Step = Callable[[Mapping[str, Experiment]], Experiment]
"""From the experiments as they stand to the changed one; its version is set by the book."""


class ExperimentBook:
    """Reads and changes the experiments. Threads may share it; each process has its own."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = RLock()
        self._experiments: dict[str, Experiment] = {}
        self._all: tuple[Experiment, ...] = ()
        self._revision = 0
        self._stamp: int | None = None

    def current(self) -> tuple[Experiment, ...]:
        """All experiments, the oldest first; the same object as long as nothing changed.

        A ledger that does not answer leaves them as they were known last.
        """
        try:
            if self._ledger.stamp() != self._stamp:
                self._catch_up()
        except StoreUnavailable as exc:
            log.warning("experiments_not_renewed", error=str(exc))
        return self._all

    def get(self, experiment_id: str) -> Experiment:
        """One experiment as it stands; NotFound where there is none."""
        self._catch_up()
        return _known(self._experiments, experiment_id)

    def add(self, draft: Draft, now: datetime) -> Experiment:
        """Keep a new experiment, not yet running; Conflict where there is one of that id."""
        experiment_id = draft.experiment_id or secrets.token_hex(6)

        def step(known: Mapping[str, Experiment]) -> Experiment:
            if experiment_id in known:
                raise Conflict(f"there is an experiment {experiment_id!r} already: choose another id")
            return _kept(draft, experiment_id, now, now)

        return self._commit(step, draft.author, "add", draft.reason, now).experiment

    def change(self, experiment_id: str, draft: Draft, expected: int, now: datetime) -> Experiment:
        """Put other content in a draft's place.

        Raises:
            Conflict: it has another version than `expected`, or was started: then its figures would mix.
            NotFound: there is none of that id.
            BadRecord: the draft has another id.
        """
        if draft.experiment_id not in (None, experiment_id):
            raise BadRecord("experiment_id", f"is {draft.experiment_id!r}, of another experiment")

        def step(known: Mapping[str, Experiment]) -> Experiment:
            before = _expected(known, experiment_id, expected)
            if before.status != "draft":
                raise Conflict(
                    f"experiment {experiment_id!r} is {before.status}: its arms can't change any more; "
                    "stop it and make another"
                )
            return _kept(draft, experiment_id, before.created, now)

        return self._commit(step, draft.author, "change", draft.reason, now).experiment

    def start(
        self, experiment_id: str, author: str, now: datetime, expected: int | None = None
    ) -> Experiment:
        """Let answers take part.

        Raises:
            Conflict: it was started before, is over, or a running one could claim the same answers.
            NotFound: there is none of that id.
        """

        def step(known: Mapping[str, Experiment]) -> Experiment:
            before = _expected(known, experiment_id, expected)
            if before.status != "draft":
                raise Conflict(
                    f"experiment {experiment_id!r} is {before.status}, only a draft can be started"
                )
            if before.end is not None and before.end <= now:
                raise Conflict(
                    f"experiment {experiment_id!r} ended at {before.end.isoformat()}: change its end"
                )
            for other in known.values():
                is_over = other.end is not None and other.end <= now
                if other.status == "running" and not is_over and before.overlaps(other):
                    raise Conflict(
                        f"experiment {experiment_id!r} overlaps with {other.experiment_id!r}, which "
                        "runs: give them traffic, scenarios or times that do not meet, or stop the other"
                    )
            return before.model_copy(update={"status": "running", "started": now})

        return self._commit(step, author, "start", "", now).experiment

    def stop(
        self, experiment_id: str, author: str, reason: str, now: datetime, expected: int | None = None
    ) -> Experiment:
        """End it for good; its results stay. Conflict where it has ended, or has another version."""

        def step(known: Mapping[str, Experiment]) -> Experiment:
            before = _expected(known, experiment_id, expected)
            if before.status == "stopped":
                raise Conflict(f"experiment {experiment_id!r} is stopped already")
            return before.model_copy(update={"status": "stopped", "stopped": now})

        return self._commit(step, author, "stop", reason, now).experiment

    def stop_arm(self, experiment_id: str, arm: str, author: str, reason: str, now: datetime) -> Experiment:
        """Give an arm's shoppers the usual answers; with the last arm beside the control all of it stops.

        Raises:
            Conflict: the experiment does not run, or the arm is stopped already.
            BadRecord: no such arm, or the control.
        """

        def step(known: Mapping[str, Experiment]) -> Experiment:
            before = _known(known, experiment_id)
            if before.arm(arm) is None or arm == before.control.name:
                names = ", ".join(each.name for each in before.arms[1:])
                raise BadRecord(
                    "arm", f"must be one of {names}, got {arm!r}; to end all, stop the experiment"
                )
            if before.status != "running" or before.arm_is_stopped(arm):
                raise Conflict(f"arm {arm!r} of experiment {experiment_id!r} does not run")
            stopped = (*before.stopped_arms, StoppedArm(name=arm, time=now, reason=reason))
            found: dict[str, object] = {"stopped_arms": stopped}
            if len(stopped) == len(before.arms) - 1:
                found |= {"status": "stopped", "stopped": now}
            return before.model_copy(update=found)

        return self._commit(step, author, "stop_arm", reason, now).experiment

    def audit(self, experiment_id: str | None = None) -> list[AuditEntry]:
        """All changes, oldest first, or those of one experiment."""
        entries = _readable(self._entries(LOG, 0))
        return [one for one in entries if experiment_id in (None, one.experiment.experiment_id)]

    def record(self, experiment_id: str, observations: Sequence[Observation], now: datetime) -> None:
        """Keep what became of answers."""
        self._ledger.append_all(log_of(experiment_id), [to_body(each) for each in observations], now)

    def observations(self, experiment_id: str, after: int = 0) -> list[tuple[int, Observation]]:
        """What became of an experiment's answers, with the entries' numbers, those after `after`."""
        entries = self._entries(log_of(experiment_id), after)
        return [(entry.number, from_body(entry.body)) for entry in entries]

    def _commit(self, step: Step, author: str, action: Action, reason: str, now: datetime) -> AuditEntry:
        for _ in range(_TRIES):
            with self._lock:
                self._catch_up()
                changed = step(self._experiments)
                before = self._experiments.get(changed.experiment_id)
                version = 1 if before is None else before.version + 1
                changed = changed.model_copy(update={"version": version, "updated": now})
                body = {
                    "author": author,
                    "action": action,
                    "reason": reason,
                    "experiment": changed.model_dump(mode="json"),
                }
                try:
                    number = self._ledger.append(LOG, body, now, self._revision)
                except Conflict:
                    continue
                self._catch_up()
                return AuditEntry(number, now, author, action, reason, changed)
        raise Conflict("other changes of the experiments keep coming between: send it again")

    def _catch_up(self) -> None:
        with self._lock:
            stamp = self._ledger.stamp()  # before reading: what comes between is read again, not missed
            for entry in self._entries(LOG, self._revision):
                self._revision = entry.number
                for found in _readable([entry]):
                    self._experiments[found.experiment.experiment_id] = found.experiment
                self._all = tuple(self._experiments.values())
            self._stamp = stamp

    def _entries(self, log_name: str, after: int) -> list[LogEntry]:
        found: list[LogEntry] = []
        while page := self._ledger.read_log(log_name, found[-1].number if found else after, _PAGE):
            found += page
        return found


def _readable(entries: Sequence[LogEntry]) -> list[AuditEntry]:
    """What the ledger keeps; entries that this version can't read are left out."""
    found = []
    for entry in entries:
        body = entry.body
        try:
            experiment = Experiment.model_validate(body["experiment"])
        except ValidationError as exc:
            log.error("experiment_not_readable", number=entry.number, n_errors=exc.error_count())
            continue
        said = (body["author"], body["action"], body["reason"])
        found.append(AuditEntry(entry.number, entry.time, *said, experiment))
    return found


def _kept(draft: Draft, experiment_id: str, created: datetime, now: datetime) -> Experiment:
    given = {"experiment_id": experiment_id, "version": 1, "created": created, "updated": now}
    return Experiment.model_validate(draft.model_dump() | given)


def _known(known: Mapping[str, Experiment], experiment_id: str) -> Experiment:
    if experiment_id not in known:
        raise NotFound(f"no experiment {experiment_id!r}")
    return known[experiment_id]


def _expected(known: Mapping[str, Experiment], experiment_id: str, version: int | None) -> Experiment:
    found = _known(known, experiment_id)
    if version not in (None, found.version):
        raise Conflict(
            f"experiment {experiment_id!r} has version {found.version}, not {version}: "
            "read it again, then change it"
        )
    return found
