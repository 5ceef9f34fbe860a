"""Answers that take part in experiments: whoever asks gets their arm's list, and the list's id says so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock, Thread
from typing import Protocol

import structlog

from ranking.ask import Ask
from ranking.engine import Engine
from ranking.experiments.arms import engine_of
from ranking.experiments.assign import Unit, arm_of, takes_part
from ranking.experiments.drafting import Treatment, interleaved
from ranking.experiments.interleave import credits
from ranking.experiments.schema import INTERLEAVED, Experiment
from ranking.groups import GROUPS, ShopperGroups, count_past_items
from ranking.rules.house import scenario_of
from ranking.tokens import Trial
from shopgraph.errors import BadRecord, ShopgraphError
from shopgraph.types import Assigned, Recommendation

OpenVersion = Callable[[str], Engine]
"""The engine of a trained version; takes seconds."""

log = structlog.get_logger()


class Source(Protocol):
    """Where experiments come from; the same object as long as they are unchanged."""

    def current(self) -> tuple[Experiment, ...]:
        """All experiments."""
        ...


@dataclass(frozen=True, eq=False)
class _Place:
    """Whom an answer is for, in which experiment."""

    experiment: Experiment
    unit: Unit
    segment: str


class Trials:
    """Answers for a shop's running experiments. Threads may share it."""

    def __init__(self, source: Source, open_version: OpenVersion | None = None) -> None:
        """Without `open_version` no arm can have another trained version."""
        self._source, self._open = source, open_version
        self._lock = Lock()
        self._engine: Engine | None = None
        self._groups: ShopperGroups | None = None
        self._seen: tuple[Experiment, ...] = ()
        self._treatments: dict[str, tuple[Treatment, ...] | None] = {}
        self._versions: dict[str, Engine] = {}
        self._opening: set[str] = set()

    def answer(self, engine: Engine, ask: Ask, session_id: str | None = None) -> Recommendation:
        """The engine's answer, or that of the arm which the shopper (or the visit) is in.

        Raises as `Engine.answer` does.
        """
        found = self._place(engine, ask, session_id)
        treatments = None if found is None else self._ready(found.experiment)
        if found is None or treatments is None:
            return engine.answer(ask)
        experiment, unit = found.experiment, found.unit
        trial = Trial(experiment.experiment_id, unit.alias(experiment.salt), found.segment)
        if experiment.kind == "interleaving":
            seed = int.from_bytes(unit.alias(experiment.salt).encode())
            list_, teams = interleaved(experiment.experiment_id, treatments, ask, seed)
            item_ids = [item.item_id for item in list_.items]
            trial = replace(trial, teams=credits(item_ids, teams))
            return _signed(engine, list_, INTERLEAVED, 1.0, trial)
        arm = arm_of(experiment, unit)
        if experiment.arm_is_stopped(arm.name):
            return engine.answer(ask)
        list_ = treatments[experiment.arms.index(arm)].answer(ask)
        return _signed(engine, list_, arm.name, arm.weight, trial)

    def prepare(self, engine: Engine, experiment: Experiment) -> None:
        """Open what the arms need; takes seconds where one has another trained version.

        Raises:
            BadRecord: a factor is none of the model's, or a rule none of the shop's.
            ArtefactMissing: there is no such version.
        """
        self._follow(engine)
        known = set() if engine.house is None else {r.rule_id for r in engine.house.source.current().rules}
        for arm in experiment.arms:
            if engine.house is not None and (gone := set(arm.change.without_rules) - known):
                raise BadRecord("without_rules", f"arm {arm.name!r}: there is no rule {min(gone)!r}")
            if (version := arm.change.model_version) is not None:
                self._open_now(version)
        self._build(engine, experiment)

    def engines(self) -> Sequence[Engine]:
        """Those of other versions, whose profiles follow live events too."""
        return tuple(self._versions.values())

    def _place(self, engine: Engine, ask: Ask, session_id: str | None) -> _Place | None:
        on = [each for each in self._source.current() if each.is_on(ask.now)]
        unit = Unit.of(ask.user_id, session_id)
        if not on or unit is None or ask.past is not None:
            return None
        self._follow(engine)
        mine = [each for each in on if takes_part(each, unit)]
        segment = self._segment(engine, ask) if mine else ""
        for each in mine:
            if each.audience.has(ask.user_id, segment, scenario_of(ask)):
                return _Place(each, unit, segment)
        return None

    def _segment(self, engine: Engine, ask: Ask) -> str:
        """The group of shoppers at this moment; a visit of nobody known is cold."""
        past = None if ask.user_id is None else engine.profiles.history(ask.user_id, ask.now)
        if past is None or self._groups is None:
            return GROUPS[0]
        return GROUPS[int(self._groups.codes(count_past_items(past))[0])]

    def _follow(self, engine: Engine) -> None:
        """Forget what was made of another engine, or of experiments that run no more."""
        current = self._source.current()
        if engine is self._engine and current is self._seen:
            return
        with self._lock:
            if engine is not self._engine:
                trained = engine.profiles.trained
                self._groups = engine.hybrid.groups or ShopperGroups.of_thirds(count_past_items(trained))
                self._engine, self._treatments = engine, {}
            running = {each.experiment_id: each for each in current if each.status != "stopped"}
            wanted = {arm.change.model_version for each in running.values() for arm in each.arms}
            self._treatments = {name: made for name, made in self._treatments.items() if name in running}
            self._versions = {name: made for name, made in self._versions.items() if name in wanted}
            self._seen = current

    def _ready(self, experiment: Experiment) -> tuple[Treatment, ...] | None:
        """All arms of an experiment, None until all of them can answer: else only some would be counted."""
        if self._engine is None or experiment.experiment_id in self._treatments:
            return self._treatments.get(experiment.experiment_id)
        versions = {arm.change.model_version for arm in experiment.arms} - {None, *self._versions}
        for version in versions - self._opening:
            if version is not None:
                self._opening.add(version)
                Thread(target=self._open_later, args=(version,), daemon=True).start()
        if versions:
            return None
        try:
            return self._build(self._engine, experiment)
        except ShopgraphError as exc:  # a new model may lack what an arm weighs
            log.error("experiment_not_answered", experiment=experiment.experiment_id, error=str(exc))
            self._treatments = {**self._treatments, experiment.experiment_id: None}
            return None

    def _build(self, engine: Engine, experiment: Experiment) -> tuple[Treatment, ...]:
        made = []
        for arm in experiment.arms:
            change = arm.change
            base = engine if change.model_version is None else self._versions[change.model_version]
            if base is not engine and engine.house is not None:
                base = base.ruled_by(engine.house.source)
            made.append(Treatment(engine_of(change, base), change.diversity, change.novelty))
        treatments = tuple(made)
        self._treatments = {**self._treatments, experiment.experiment_id: treatments}
        return treatments

    def _open_now(self, version: str) -> None:
        if version in self._versions:
            return
        if self._open is None:
            raise BadRecord("model_version", "no other trained version can be opened here")
        opened = self._open(version)
        self._versions = {**self._versions, version: opened}

    def _open_later(self, version: str) -> None:
        try:
            self._open_now(version)
            self._opening.discard(version)
        except ShopgraphError as exc:  # it stays in _opening: not tried again at every request
            log.error("arm_not_opened", version=version, error=str(exc))


def _signed(
    engine: Engine, list_: Recommendation, arm: str, propensity: float, trial: Trial
) -> Recommendation:
    token = engine.signer.recommendation_id(
        list_.model_version, list_.now, arm=arm, propensity=propensity, trial=trial
    )
    return replace(list_, recommendation_id=token, experiment=Assigned(trial.experiment_id, arm))
