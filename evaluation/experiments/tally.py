"""What became of an experiment's answers, summed up by shopper as it comes in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from evaluation.experiments.counterfactual import Logged
from evaluation.experiments.estimates import Estimate, Sums, ratio
from ranking.experiments.records import BOUGHT, CARTED, CLICKED, SHOWN, Observation
from ranking.experiments.schema import Experiment, Metric

_DAY_S = 86_400.0


@dataclass(slots=True)
class Answer:
    """One list: who got it, whether it was shown, what came of it."""

    unit: str
    arm: str
    segment: str
    propensity: float
    is_shown: bool = False
    is_clicked: bool = False
    is_carted: bool = False
    money: float = 0.0
    n_bought: int = 0
    points: list[int] = field(default_factory=lambda: [0, 0])

    def reward(self, metric: Metric) -> float:
        """What it counts for a metric."""
        match metric:
            case "ctr":
                return float(self.is_clicked)
            case "add_to_cart":
                return float(self.is_carted)
            case "conversion":
                return float(self.n_bought > 0)
            case "revenue":
                return self.money


@dataclass(slots=True)
class Totals:
    """One shopper's lists that were shown."""

    arm: str
    n_shown: int = 0
    n_clicked: int = 0
    n_carted: int = 0
    n_bought: int = 0
    money: float = 0.0
    points: list[int] = field(default_factory=lambda: [0, 0])


class Tally:
    """Takes observations in any order, the same one more than once; an answer counts once it was shown."""

    def __init__(self, experiment: Experiment) -> None:
        self._names = experiment.answers
        self._window_s = experiment.window_days * _DAY_S
        self._answers: dict[str, Answer] = {}
        self._units: dict[str, Totals] = {}
        self._seen: set[str] = set()

    def add(self, observation: Observation) -> None:
        """Count an event, if it is new, of one of the arms and within the window after its answer."""
        late = observation.time > observation.answered + self._window_s
        if late or observation.arm not in self._names or observation.event_id in self._seen:
            return
        self._seen.add(observation.event_id)
        answer = self._answers.setdefault(
            observation.answer,
            Answer(observation.unit, observation.arm, observation.segment, observation.propensity),
        )
        self._count(answer, -1)
        match observation.event:
            case event if event == SHOWN:
                answer.is_shown = True
            case event if event == CLICKED:
                answer.is_clicked = True
                if observation.team is not None:
                    answer.points[observation.team] += 1
            case event if event == CARTED:
                answer.is_carted = True
            case event if event == BOUGHT:
                answer.n_bought += 1
                answer.money += observation.money
        self._count(answer, 1)

    def shoppers(self) -> dict[str, list[Totals]]:
        """The totals of each arm's shoppers who were shown something."""
        found: dict[str, list[Totals]] = {name: [] for name in self._names}
        for totals in self._units.values():
            found[totals.arm].append(totals)
        return found

    def _count(self, answer: Answer, times: int) -> None:
        """Put an answer into its shopper's totals, or take it out (-1), if it was shown."""
        if not answer.is_shown:
            return
        totals = self._units.setdefault(answer.unit, Totals(answer.arm))
        totals.n_shown += times
        totals.n_clicked += times * answer.is_clicked
        totals.n_carted += times * answer.is_carted
        totals.n_bought += times * answer.n_bought
        totals.money += times * answer.money
        for team, points in enumerate(answer.points):
            totals.points[team] += times * points

    def logged(self, metric: Metric, segments: tuple[str, ...]) -> Logged:
        """The answers shown, for what-if: `segments` are the contexts, in order."""
        shown = [each for each in self._answers.values() if each.is_shown and each.segment in segments]
        units = {unit: number for number, unit in enumerate(dict.fromkeys(each.unit for each in shown))}
        return Logged(
            unit=np.array([units[each.unit] for each in shown], np.int32),
            context=np.array([segments.index(each.segment) for each in shown], np.int32),
            arm=np.array([self._names.index(each.arm) for each in shown], np.int32),
            propensity=np.array([each.propensity for each in shown], np.float64),
            reward=np.array([each.reward(metric) for each in shown], np.float64),
        )


def estimates(shoppers: list[Totals]) -> Mapping[Metric, Estimate]:
    """Each metric of one arm, by shopper."""

    def column(name: str) -> Sums:
        return np.array([getattr(each, name) for each in shoppers], np.float64)

    shown, ones = column("n_shown"), np.ones(len(shoppers))
    return {
        "ctr": ratio(column("n_clicked"), shown),
        "add_to_cart": ratio(column("n_carted"), shown),
        "conversion": ratio((column("n_bought") > 0).astype(np.float64), ones),
        "revenue": ratio(column("money"), ones),
    }


def preference(shoppers: list[Totals]) -> Estimate:
    """Mean over shoppers who clicked of (points of the second arm − of the first) / points; in [-1, 1]."""
    points = np.array([each.points for each in shoppers if sum(each.points)], np.float64).reshape(-1, 2)
    scores = (points[:, 1] - points[:, 0]) / points.sum(axis=1)
    return ratio(scores, np.ones(len(scores)))
