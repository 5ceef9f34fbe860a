"""Experiments while the service runs: who gets which list, what became of it, and when an arm must stop."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Annotated

import numpy as np
import structlog
from fastapi import Depends, Request

from evaluation.experiments.counterfactual import Counterfactual, policy_values
from evaluation.experiments.results import Results, results_of
from evaluation.experiments.tally import Tally
from ranking.ask import Ask
from ranking.engine import Engine
from ranking.experiments.answering import OpenVersion, Trials
from ranking.experiments.book import GUARDRAIL, ExperimentBook, Ledger
from ranking.experiments.records import Observation
from ranking.experiments.schema import Experiment, Metric
from ranking.groups import GROUPS
from ranking.tokens import Exposure
from shopgraph.errors import BadRecord, Conflict
from shopgraph.types import Recommendation

EXPOSURES = "exposures"
"""The ledger's log of lists that were shown, in experiments or not."""

log = structlog.get_logger()


@dataclass
class _Counted:
    """An experiment's tally as of an entry of its log."""

    tally: Tally
    number: int = 0


class Experiments:
    """The experiments of one shop. Threads may share it; several processes may use one ledger."""

    def __init__(
        self, ledger: Ledger, open_version: OpenVersion | None = None, check_every_s: float = 60.0
    ) -> None:
        """Guardrails are looked at when events come in, at most every `check_every_s` seconds."""
        self.book = ExperimentBook(ledger)
        self._ledger = ledger
        self._trials = Trials(self.book, open_version)
        self._check_every_s, self._checked = check_every_s, -float("inf")
        self._counted: dict[tuple[object, ...], _Counted] = {}
        self._lock = Lock()

    def answer(self, engine: Engine, ask: Ask, session_id: str | None = None) -> Recommendation:
        """The list of whichever arm the shopper is in; raises as `Engine.answer`."""
        return self._trials.answer(engine, ask, session_id)

    def start(
        self, engine: Engine, experiment_id: str, author: str, now: datetime, expected: int | None
    ) -> Experiment:
        """Start an experiment whose arms can all be answered.

        Raises:
            BadRecord: an arm weighs something that the model lacks.
            ArtefactMissing: an arm's version is not there.
            Conflict: as `ExperimentBook.start`.
        """
        self._trials.prepare(engine, self.book.get(experiment_id))
        return self.book.start(experiment_id, author, now, expected)

    def engines(self) -> Sequence[Engine]:
        """Engines beside the shop's own whose profiles follow live events."""
        return self._trials.engines()

    def record(
        self, shown: Sequence[Exposure], observed: Sequence[tuple[str, Observation]], now: datetime
    ) -> None:
        """Keep lists shown, and what became of answers by experiment; stop arms that do harm."""
        if shown:
            self._ledger.append_all(EXPOSURES, [_shown(exposure) for exposure in shown], now)
        by_experiment: dict[str, list[Observation]] = {}
        for experiment_id, observation in observed:
            by_experiment.setdefault(experiment_id, []).append(observation)
        for experiment_id, observations in by_experiment.items():
            self.book.record(experiment_id, observations, now)
        if by_experiment and monotonic() - self._checked >= self._check_every_s:
            self._checked = monotonic()
            self.stop_harmful(now)

    def stop_harmful(self, now: datetime) -> None:
        """Stop every running arm whose guardrail is crossed, and say so in the audit."""
        for experiment in self.book.current():
            if experiment.status != "running" or not experiment.guardrails:
                continue
            for arm, reason in {
                crossing.arm: crossing.reason
                for crossing in results_of(experiment, self._tally(experiment)).guardrails
                if crossing.crossed
            }.items():
                try:
                    self.book.stop_arm(experiment.experiment_id, arm, GUARDRAIL, reason, now)
                    log.warning("arm_stopped", experiment=experiment.experiment_id, arm=arm)
                except Conflict:  # another process was quicker
                    continue

    def results(self, experiment_id: str) -> Results:
        """The figures so far; NotFound where there is no such experiment."""
        experiment = self.book.get(experiment_id)
        return results_of(experiment, self._tally(experiment))

    def counterfactual(
        self, experiment_id: str, metric: Metric, choices: dict[str, str]
    ) -> list[Counterfactual]:
        """What each list would have brought, had each group of shoppers got the arm chosen for it.

        Raises:
            BadRecord: an interleaving, an unknown arm or group, or nothing was shown yet.
        """
        experiment = self.book.get(experiment_id)
        names = [arm.name for arm in experiment.arms]
        if experiment.kind == "interleaving":
            raise BadRecord("experiment_id", "is an interleaving: each list was of both arms")
        for group, arm in choices.items():
            if group not in GROUPS:
                raise BadRecord("policy", f"knows the groups {', '.join(GROUPS)}, not {group!r}")
            if arm not in names:
                raise BadRecord("policy", f"knows the arms {', '.join(names)}, not {arm!r}")
        policy = np.array([[choices.get(group, names[0]) == name for name in names] for group in GROUPS])
        logged = self._tally(experiment).logged(metric, GROUPS)
        if not len(logged.reward):
            raise BadRecord("experiment_id", "has shown no list yet: there is nothing to estimate from")
        return policy_values(logged, policy.astype(np.float64), experiment.alpha)

    def _tally(self, experiment: Experiment) -> Tally:
        key = (experiment.experiment_id, experiment.window_days, *experiment.answers)
        with self._lock:
            counted = self._counted.setdefault(key, _Counted(Tally(experiment)))
            for number, observation in self.book.observations(experiment.experiment_id, counted.number):
                counted.tally.add(observation)
                counted.number = number
            return counted.tally


def _shown(exposure: Exposure) -> dict[str, object]:
    """What the log keeps of a list; one that is posted again stands there again, under the same answer."""
    return {
        "answer": exposure.nonce,
        "model_version": exposure.model_version,
        "arm": exposure.arm,
        "answered": exposure.time.timestamp(),
    }


async def _experiments(request: Request) -> Experiments:
    experiments: Experiments = request.app.state.experiments
    return experiments


Trying = Annotated[Experiments, Depends(_experiments)]
"""The experiments, as a route's parameter."""
