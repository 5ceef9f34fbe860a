"""A search for better settings on validation data, by Optuna: tree-structured Parzen estimator, and a
training that is behind the median of those before it at the same epoch is cut short.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias, cast

import optuna

from gnn.training.board import EpochReport
from gnn.training.space import OneOf, Space
from shopgraph.errors import BadSettings

Values: TypeAlias = Mapping[str, int | float | str]

_TRIALS_BEFORE_CUTTING = 4


@dataclass(frozen=True)
class Trial:
    """One training of a sweep. `outcome` is "whole", "cut" (behind the median) or what went wrong.

    `ndcg` is the best validation NDCG@10 that it reached, in the epoch `best_epoch`.
    """

    number: int
    values: Values
    ndcg: float
    best_epoch: int
    seconds: float
    outcome: str


@dataclass(frozen=True)
class Sweep:
    """All trials in order; the first one is of the settings as they were."""

    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial:
        """The one with the highest validation NDCG@10."""
        return max(self.trials, key=lambda trial: trial.ndcg)

    def to_json(self) -> dict[str, object]:
        """As JSON has it."""
        return {"best": asdict(self.best), "trials": [asdict(trial) for trial in self.trials]}

    def rows(self) -> list[dict[str, Any]]:
        """A table, best first: what was reached, then the settings."""
        ordered = sorted(self.trials, key=lambda trial: -trial.ndcg)
        return [
            {
                "trial": trial.number,
                "ndcg@10": trial.ndcg,
                "epoch": trial.best_epoch,
                "seconds": trial.seconds,
                "outcome": trial.outcome,
                "settings": ", ".join(f"{name}={_short(value)}" for name, value in trial.values.items()),
            }
            for trial in ordered
        ]


def sweep(
    space: Space,
    start: Mapping[str, object],
    train: Callable[[Values, Callable[[EpochReport], None]], None],
    n_trials: int,
    seed: int,
    on_trial: Callable[[Trial], None] = lambda _: None,
) -> Sweep:
    """Train with settings drawn from the space, each time wiser; the same seed draws the same.

    Args:
        space: what may be drawn.
        start: the settings as they are, tried first; one outside its range is drawn instead.
        train: trains with settings and hands each epoch's report on; its validation NDCG@10 counts.
        n_trials: trainings, >= 1.
        seed: of the draws.
        on_trial: gets each trial when it is done.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=_TRIALS_BEFORE_CUTTING, n_warmup_steps=1)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.enqueue_trial({name: start[name] for name, found in space.items() if found.holds(start[name])})
    trials = []
    for _ in range(n_trials):
        trials.append(_trial(study, space, train))
        on_trial(trials[-1])
    return Sweep(tuple(trials))


def _trial(
    study: optuna.Study, space: Space, train: Callable[[Values, Callable[[EpochReport], None]], None]
) -> Trial:
    asked = study.ask()
    values = _drawn(asked, space)
    best, best_epoch, outcome = 0.0, 0, "whole"

    def watch(report: EpochReport) -> None:
        nonlocal best, best_epoch
        found = report.ndcg or 0.0
        if found > best:
            best, best_epoch = found, report.epoch
        asked.report(found, report.epoch)
        if asked.should_prune():
            raise optuna.TrialPruned

    started = time.perf_counter()
    try:
        train(values, watch)
        study.tell(asked, best)
    except optuna.TrialPruned:
        outcome = "cut"
        study.tell(asked, state=optuna.trial.TrialState.PRUNED)
    except BadSettings as exc:
        outcome = str(exc)
        study.tell(asked, state=optuna.trial.TrialState.FAIL)
    return Trial(asked.number, values, best, best_epoch, time.perf_counter() - started, outcome)


def _short(value: int | float | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _drawn(asked: optuna.Trial, space: Space) -> Values:
    return {
        name: cast(int | float | str, asked.suggest_categorical(name, found.values))
        if isinstance(found, OneOf)
        else asked.suggest_float(name, found.low, found.high, log=found.log)
        for name, found in space.items()
    }
