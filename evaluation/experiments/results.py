"""What an experiment says so far, in a form that may be looked at every day.

Intervals and p-values are those of a confidence sequence: stopping as soon as one likes what one sees keeps
the chance of a false alarm at alpha. Among several arms alpha is divided (Bonferroni), and again among
guardrails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal, assert_never

from evaluation.experiments.estimates import Contrast, Estimate, contrast, lift
from evaluation.experiments.mismatch import chi_square_p, sequential_p
from evaluation.experiments.sequential import interval, p_value, tuned_for
from evaluation.experiments.tally import Tally, Totals, estimates, preference
from ranking.experiments.schema import METRICS, Experiment, Metric

MIN_SHOPPERS, MIN_POSITIVE = 100, 10
"""Before each arm has so many shoppers, and so many of them with something to count, nothing is decided: the
intervals are asymptotic."""

MISMATCH_ALPHA = 0.001
"""Below it the arms' sizes are not those planned (Fabijan et al. 2019 look at 0.0005 to 0.01)."""

Verdict = Literal["too_early", "undecided", "better", "worse"]


@dataclass(frozen=True)
class Figure:
    """A number with its interval, None where too little was seen."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ArmMetric:
    """A metric of one arm, and against the control (None for the control itself)."""

    value: Figure
    difference: Figure | None = None
    lift: Figure | None = None
    p_value: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class ArmResult:
    """One arm so far."""

    arm: str
    n_shoppers: int
    n_lists: int
    stopped: str | None
    metrics: Mapping[Metric, ArmMetric]


@dataclass(frozen=True)
class Crossing:
    """A guardrail of an arm: `low` to `high` bound treatment − (1 − max_drop) · control."""

    arm: str
    metric: Metric
    max_drop: float
    low: float | None
    high: float | None
    crossed: bool

    @property
    def reason(self) -> str:
        """Why the arm is stopped."""
        return (
            f"{self.metric} is more than {self.max_drop:.0%} below the control's: the arm's less "
            f"{1 - self.max_drop:.0%} of the control's lies between {self.low:.4g} and {self.high:.4g}"
        )


@dataclass(frozen=True)
class Mismatch:
    """Shoppers by arm against the weights; `p_value` holds whenever one looks, `chi_square_p` once."""

    p_value: float
    chi_square_p: float
    found: bool


@dataclass(frozen=True)
class Preference:
    """Of an interleaving: above 0 the second arm's items are clicked more; in [-1, 1]."""

    n_shoppers: int
    value: Figure
    p_value: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Results:
    """An experiment's figures; `decision` is about the primary metric."""

    experiment_id: str
    version: int
    status: str
    primary: Metric
    alpha: float
    decision: str
    mismatch: Mismatch
    arms: tuple[ArmResult, ...]
    guardrails: tuple[Crossing, ...]
    preference: Preference | None

    def to_json(self) -> dict[str, Any]:
        """The results as JSON."""
        return asdict(self)


def results_of(experiment: Experiment, tally: Tally) -> Results:
    """The figures so far."""
    shoppers = tally.shoppers()
    found = {name: estimates(rows) for name, rows in shoppers.items()}
    arms = tuple(_arm(experiment, name, found, shoppers[name]) for name in experiment.answers)
    preferred = _preference(shoppers, experiment) if experiment.kind == "interleaving" else None
    mismatch = _mismatch(experiment, shoppers)
    return Results(
        experiment.experiment_id,
        experiment.version,
        experiment.status,
        experiment.primary,
        experiment.alpha,
        _decision(experiment, arms, mismatch, preferred),
        mismatch,
        arms,
        crossings(experiment, found),
        preferred,
    )


def crossings(experiment: Experiment, found: Mapping[str, Mapping[Metric, Estimate]]) -> tuple[Crossing, ...]:
    """Each guardrail of each arm that still runs.

    An arm is harmless where treatment ≥ (1 − max_drop) · control; it is stopped in error at any time with
    probability at most alpha, over all guardrails and arms.
    """
    treatments = [arm.name for arm in experiment.arms[1:]]
    rows = []
    for guardrail in experiment.guardrails:
        alpha = experiment.alpha / (len(treatments) * len(experiment.guardrails))
        rho2 = tuned_for(experiment.planned_shoppers, alpha)
        control = found[experiment.control.name][guardrail.metric]
        for arm in treatments:
            if experiment.arm_is_stopped(arm):
                continue
            treatment = found[arm][guardrail.metric]
            low = high = None
            if _is_enough(control) and treatment.n_units >= MIN_SHOPPERS:
                low, high = interval(contrast(treatment, control, 1 - guardrail.max_drop), alpha, rho2)
            crossed = high is not None and high < 0
            rows.append(Crossing(arm, guardrail.metric, guardrail.max_drop, low, high, crossed))
    return tuple(rows)


def _arm(
    experiment: Experiment, name: str, found: Mapping[str, Mapping[Metric, Estimate]], shoppers: list[Totals]
) -> ArmResult:
    """A stopped arm is compared with nobody: the control's shoppers had more time than its own."""
    alpha = experiment.alpha / (len(experiment.arms) - 1)
    rho2 = tuned_for(experiment.planned_shoppers, alpha)
    stopped = next((each.reason for each in experiment.stopped_arms if each.name == name), None)
    alone = stopped is not None or name not in [arm.name for arm in experiment.arms[1:]]
    control = None if alone else found[experiment.control.name]
    metrics = {
        each: _metric(found[name][each], None if control is None else control[each], alpha, rho2)
        for each in METRICS
    }
    n_lists = sum(totals.n_shown for totals in shoppers)
    return ArmResult(name, len(shoppers), n_lists, stopped, metrics)


def _metric(own: Estimate, control: Estimate | None, alpha: float, rho2: float) -> ArmMetric:
    value = _figure(own, alpha, rho2)
    if control is None:
        return ArmMetric(value)
    difference = contrast(own, control)
    enough = _is_enough(control) and own.n_units >= MIN_SHOPPERS
    enough &= difference.variance > 0
    relative = _figure(lift(own, control), alpha, rho2)
    if not enough:
        return ArmMetric(value, _figure(difference, alpha, rho2), relative, None, "too_early")
    p = p_value(difference, rho2)
    return ArmMetric(value, _figure(difference, alpha, rho2), relative, p, _verdict(difference, p, alpha))


def _verdict(difference: Contrast | Estimate, p: float, alpha: float) -> Verdict:
    if p > alpha:
        return "undecided"
    return "better" if difference.value > 0 else "worse"


def _is_enough(estimate: Estimate) -> bool:
    return estimate.n_units >= MIN_SHOPPERS and estimate.n_positive >= MIN_POSITIVE


def _figure(estimate: Estimate | Contrast, alpha: float, rho2: float) -> Figure:
    value = estimate.value if isfinite(estimate.value) else None
    if value is None or not isfinite(estimate.variance):
        return Figure(value, None, None)
    return Figure(value, *interval(estimate, alpha, rho2))


def _mismatch(experiment: Experiment, shoppers: Mapping[str, list[Totals]]) -> Mismatch:
    """Of the arms that were never stopped: a stopped one gets no more shoppers."""
    kept = [arm for arm in experiment.arms if not experiment.arm_is_stopped(arm.name)]
    if len(kept) < 2 or experiment.kind == "interleaving":
        return Mismatch(1.0, 1.0, found=False)
    total = sum(arm.weight for arm in kept)
    counts, weights = [len(shoppers[arm.name]) for arm in kept], [arm.weight / total for arm in kept]
    p = sequential_p(counts, weights)
    return Mismatch(p, chi_square_p(counts, weights), found=p < MISMATCH_ALPHA)


def _preference(shoppers: Mapping[str, list[Totals]], experiment: Experiment) -> Preference:
    estimate = preference([each for rows in shoppers.values() for each in rows])
    rho2 = tuned_for(experiment.planned_shoppers, experiment.alpha)
    value = _figure(estimate, experiment.alpha, rho2)
    if estimate.n_units < MIN_SHOPPERS or not estimate.variance > 0:
        return Preference(estimate.n_units, value, None, "too_early")
    p = p_value(Contrast(estimate.value, estimate.variance, estimate.n_units), rho2)
    return Preference(estimate.n_units, value, p, _verdict(estimate, p, experiment.alpha))


def _decision(
    experiment: Experiment, arms: Sequence[ArmResult], mismatch: Mismatch, preferred: Preference | None
) -> str:
    """One sentence for people."""
    if mismatch.found:
        return "do not trust this: the arms do not hold as many shoppers as planned"
    control = experiment.control.name
    if preferred is not None:
        return f"clicks: {_said(experiment.arms[1].name, preferred.verdict, control)}"
    said = [_said(each.arm, each.metrics[experiment.primary].verdict, control) for each in arms[1:]]
    return f"{experiment.primary}: {'; '.join(said)}"


def _said(arm: str, verdict: Verdict | None, control: str) -> str:
    match verdict:
        case None:
            return f"{arm} was stopped"
        case "too_early":
            return f"too early to say anything of {arm}"
        case "undecided":
            return f"no difference shown yet between {arm} and {control}"
        case "better" | "worse":
            return f"{arm} is {verdict} than {control}"
        case _:
            assert_never(verdict)
