"""How often experiments say something wrong, and how soon something right, when somebody looks every day.

All is simulated, so that the truth is known: thousands of A/A tests in two made-up shops, effects of a known
size, broken splits, other policies than the one that was logged, and interleavings. Beside the sequential
tests that shopgraph uses stand the plain ones, looked at as often, and once at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import binomtest

from evaluation.experiments.counterfactual import Logged, policy_values
from evaluation.experiments.estimates import Contrast, Sums, contrast, fixed_p_value, ratio
from evaluation.experiments.mismatch import chi_square_p, sequential_p
from evaluation.experiments.results import MIN_POSITIVE, MIN_SHOPPERS
from evaluation.experiments.sequential import interval, p_value, tuned_for
from evaluation.experiments.simulate import METRICS, Day, MadeShop, simulated_days
from shopgraph.settings import Settings

ALPHA = 0.05
N_NULL, N_EFFECT, N_OTHER = 2_000, 200, 1_000
"""Experiments simulated: without a difference, with one, and of everything else."""

SEQUENTIAL, DAILY_Z, LAST_Z = "sequential, daily", "z-test, daily", "z-test, once"

SHOP = MadeShop(n_shoppers=1_000)
ALL_AT_ONCE = replace(SHOP, arriving=0.0)
LARGER = MadeShop(n_shoppers=20_000, n_days=28)
MAX_DROP = 0.05


@dataclass
class Alarms:
    """How many experiments raised an alarm, and on which day they first did."""

    n_experiments: int = 0
    days: list[int] = field(default_factory=list)

    def add(self, day: int | None) -> None:
        """One more experiment; None: it raised none."""
        self.n_experiments += 1
        if day is not None:
            self.days.append(day)

    def row(self, question: str, world: str, metric: str, method: str) -> dict[str, Any]:
        """A row of the bench: the share of experiments with its interval."""
        share = binomtest(len(self.days), self.n_experiments).proportion_ci(0.95, "wilson")
        return {
            "question": question,
            "world": world,
            "metric": metric,
            "method": method,
            "experiments": self.n_experiments,
            "share": round(len(self.days) / self.n_experiments, 4),
            "ci95_low": round(float(share.low), 4),
            "ci95_high": round(float(share.high), 4),
            "median_day": median(self.days) if self.days else None,
        }


def run(settings: Settings) -> list[dict[str, Any]]:
    """All rows; a few minutes of one core."""
    rng = np.random.default_rng(settings.seed)
    return [
        *arms_rows("false alarms", "shoppers come over weeks", SHOP, N_NULL, rng),
        *arms_rows("false alarms", "all come on the first day", ALL_AT_ONCE, N_NULL, rng),
        *arms_rows("found", "clicks 10 % up, 20,000 shoppers", replace(LARGER, lift=0.1), N_EFFECT, rng),
        *guardrail_rows(rng),
        *mismatch_rows(rng),
        *interleaving_rows(rng),
        *counterfactual_rows(rng),
    ]


def arms_rows(
    question: str, world: str, shop: MadeShop, n_experiments: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Each metric by each method: the share of experiments that call a difference."""
    rho2 = tuned_for(shop.n_shoppers, ALPHA)
    alarms = {(metric, method): Alarms() for metric in METRICS for method in (SEQUENTIAL, DAILY_Z, LAST_Z)}
    for _ in range(n_experiments):
        days = list(simulated_days(shop, rng))
        for metric in METRICS:
            plain = [p_once(day, metric) for day in days]
            ours = (p_always(day, metric, rho2) for day in days)
            alarms[metric, SEQUENTIAL].add(first_below(ours))
            alarms[metric, DAILY_Z].add(first_below(plain))
            alarms[metric, LAST_Z].add(shop.n_days if plain[-1] < ALPHA else None)
    return [found.row(question, world, *names) for names, found in alarms.items()]


def p_once(day: Day, metric: str) -> float:
    """The z-test's p of a day."""
    difference = difference_of(day, metric)[0]
    return fixed_p_value(difference) if difference.variance > 0 else 1.0


def p_always(day: Day, metric: str, rho2: float) -> float:
    """The sequential p of a day, 1 before there is enough to judge by, as results have it."""
    difference, is_enough = difference_of(day, metric)
    return p_value(difference, rho2) if is_enough and difference.variance > 0 else 1.0


def difference_of(day: Day, metric: str, factor: float = 1.0) -> tuple[Contrast, bool]:
    """(treatment less `factor` times the control, whether there is enough to judge by)."""
    control, treatment = (ratio(*sums) for sums in day.sums[metric])
    is_enough = min(day.counts) >= MIN_SHOPPERS and control.n_positive >= MIN_POSITIVE
    return contrast(treatment, control, factor), is_enough


def first_below(p_values: Iterator[float] | Sequence[float]) -> int | None:
    """The first day, from 1, whose p is below alpha."""
    return next((day for day, p in enumerate(p_values, 1) if p < ALPHA), None)


def guardrail_rows(rng: np.random.Generator) -> list[dict[str, Any]]:
    """How often an arm is stopped that does no harm, as much as is allowed, and much."""
    rows = []
    for world, lift, n in (
        ("no harm", 0.0, N_EFFECT),
        ("as much harm as is allowed, 5 %", -MAX_DROP, N_EFFECT),
        ("30 % fewer clicks", -0.3, N_EFFECT),
    ):
        shop = replace(SHOP, n_shoppers=4_000, lift=lift)
        rho2, alarms = tuned_for(shop.n_shoppers, ALPHA), Alarms()
        for _ in range(n):
            crossed = (_is_crossed(day, rho2) for day in simulated_days(shop, rng))
            alarms.add(next((number for number, each in enumerate(crossed, 1) if each), None))
        rows.append(alarms.row("arm stopped by its guardrail", f"{world}, 4,000 shoppers", "ctr", SEQUENTIAL))
    return rows


def _is_crossed(day: Day, rho2: float) -> bool:
    gap, is_enough = difference_of(day, "ctr", 1 - MAX_DROP)
    return is_enough and interval(gap, ALPHA, rho2)[1] < 0


def mismatch_rows(rng: np.random.Generator) -> list[dict[str, Any]]:
    """How often the sample-ratio check alarms, looked at 28 times, of an even and of a broken split."""
    tests: dict[str, Callable[[Sequence[int], Sequence[float]], float]] = {
        "sequential, daily": sequential_p,
        "chi-square, daily": chi_square_p,
    }
    rows = []
    for world, share in (("an even split", 0.5), ("3 % of one arm are lost", 0.97 / 1.97)):
        alarms = {name: Alarms() for name in tests}
        for _ in range(N_OTHER):
            daily = rng.binomial(1_500, share, 28).cumsum()
            counts = [(int(count), 1_500 * day - int(count)) for day, count in enumerate(daily, 1)]
            for name, test in tests.items():
                alarms[name].add(first_below(test(each, (0.5, 0.5)) for each in counts))
        question = "false alarms" if share == 0.5 else "found"
        rows += [
            each.row(f"sample ratio: {question}", f"{world}, 42,000 shoppers", "", name)
            for name, each in alarms.items()
        ]
    return rows


def interleaving_rows(rng: np.random.Generator) -> list[dict[str, Any]]:
    """A/B and team draft of the same 10 % more clicks on the treatment's items, day by day."""
    rows = []
    for world, lift in (("no difference", 0.0), ("clicks 10 % up", 0.1)):
        alarms = {"interleaving": Alarms(), "A/B": Alarms()}
        for _ in range(N_OTHER):
            for name, differences in (("interleaving", _drafts(lift, rng)), ("A/B", _splits(lift, rng))):
                rho2 = tuned_for(4_000, ALPHA)
                alarms[name].add(first_below(p_value(each, rho2) for each in differences))
        question = "false alarms" if not lift else "found"
        rows += [
            each.row(question, f"{world}, 4,000 shoppers in 28 days", "ctr", f"{name}, {SEQUENTIAL}")
            for name, each in alarms.items()
        ]
    return rows


def _drafts(lift: float, rng: np.random.Generator) -> list[Contrast]:
    """Each day's mean preference of 4,000 shoppers, who come in turn; five items of a list are an arm's."""
    clicks = [_clicks(np.full(4_000, 0.5 * (1 + each)), rng) for each in (0.0, lift)]
    total = clicks[0] + clicks[1]
    scores = np.divide(clicks[1] - clicks[0], total, out=np.zeros(4_000), where=total > 0)
    found = []
    for n in _arrived():
        seen = scores[:n][total[:n] > 0]
        mean = ratio(seen, np.ones(len(seen)))
        found.append(Contrast(mean.value, mean.variance, len(seen)))
    return found


def _splits(lift: float, rng: np.random.Generator) -> list[Contrast]:
    """The same shoppers, half of whom see the control's items and half the treatment's."""
    arm = rng.integers(2, size=4_000)
    clicks = _clicks(np.where(arm == 1, 1 + lift, 1.0), rng)
    found = []
    for n in _arrived():
        control, treatment = (
            ratio(clicks[:n][arm[:n] == code], np.full(int((arm[:n] == code).sum()), 10.0)) for code in (0, 1)
        )
        found.append(contrast(treatment, control))
    return found


def _clicks(appeal: Sums, rng: np.random.Generator) -> Sums:
    """Clicks of shoppers on ten lists of ten places; 0.15 a list at an appeal of 1."""
    taste = rng.beta(0.9, 5.1, len(appeal))
    clicks: Sums = rng.binomial(100, np.minimum(taste * appeal / 10, 1.0)).astype(np.float64)
    return clicks


def _arrived() -> list[int]:
    """Shoppers by the end of each day."""
    return [4_000 * day // 28 for day in range(1, 29)]


def counterfactual_rows(rng: np.random.Generator) -> list[dict[str, Any]]:
    """How often the intervals hold the known truth of a policy that was not the one logged."""
    truth = np.array([[0.10, 0.14], [0.20, 0.15]])
    policy = np.array([[0.0, 1.0], [1.0, 0.0]])
    value = float((policy * truth).sum(axis=1).mean())
    held: dict[str, Alarms] = {}
    errors: dict[str, list[float]] = {}
    for _ in range(N_OTHER):
        for found in policy_values(_logged(truth, rng), policy):
            is_held = found.low <= value <= found.high
            held.setdefault(found.method, Alarms()).add(1 if is_held else None)
            errors.setdefault(found.method, []).append(found.value - value)
    rows = []
    for method, alarms in held.items():
        wrong = np.array(errors[method])
        said = f"truth {value:.3f}, mean error {wrong.mean():+.5f}, RMSE {np.sqrt((wrong**2).mean()):.5f}"
        row = alarms.row("95 % interval holds the truth", said, "ctr", method)
        rows.append({**row, "median_day": None})
    return rows


def _logged(truth: Sums, rng: np.random.Generator) -> Logged:
    """2,000 shoppers of two groups; the second arm was shown to a tenth of them."""
    unit = np.repeat(np.arange(2_000), rng.integers(1, 6, 2_000))
    context, arm = unit % 2, (rng.random(2_000) < 0.1)[unit].astype(np.int32)
    taste = rng.uniform(-0.09, 0.09, 2_000)[unit]
    reward = (rng.random(len(unit)) < truth[context, arm] + taste).astype(np.float64)
    propensity = np.where(arm == 1, 0.1, 0.9)
    return Logged(unit.astype(np.int32), context.astype(np.int32), arm, propensity, reward)
