"""The result of `shopgraph evaluate`: as JSON, as a Markdown table and as an SVG plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.bootstrap import Interval, bootstrap_intervals, coverage_interval, paired_difference
from evaluation.harness import ModelResult

TABLE_METRICS = (
    "ndcg@10",
    "recall@10",
    "hr@10",
    "precision@10",
    "ndcg@20",
    "recall@20",
    "coverage@10",
    "novelty@10",
)


@dataclass(frozen=True)
class Run:
    """What was evaluated, on what and at what cost; `train_seconds` is the mean over the seeds."""

    dataset: str
    protocol: str
    variant: str
    n_users: int
    n_items: int
    seeds: tuple[int, ...]
    train_seconds: float
    peak_rss_mb: float
    device: str


@dataclass(frozen=True)
class Report:
    """Every model's metrics with 95 % intervals.

    `differences["hybrid - no_graph"]["ndcg@10"]` is paired, user by user. `sections` holds further parts of
    the JSON by name, such as `groups` and `calibration`.
    """

    run: Run
    models: Mapping[str, Mapping[str, Interval]]
    differences: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The shape that `shopgraph evaluate --json` prints."""
        run = {**vars(self.run), "seeds": list(self.run.seeds)}
        found = {**run, "models": intervals_to_json(self.models)}
        differences = {"differences": intervals_to_json(self.differences)} if self.differences else {}
        return {**found, **differences, **self.sections}


def build_report(
    run: Run,
    results: Sequence[Mapping[str, ModelResult]],
    rng: np.random.Generator,
    pairs: Sequence[tuple[str, str]] = (),
) -> Report:
    """The report of one or more seeds.

    A user's value is the mean over the seeds that held this user out, and users are what is resampled;
    coverage and its interval are means over the seeds.

    Args:
        run: what was evaluated.
        results: each seed's result by model, the same models in each.
        rng: draws the resamples.
        pairs: models to compare user by user, (ours, theirs).

    Raises:
        ValueError: no seed, or the seeds do not have the same models and metrics.
    """
    if not results or any(result.keys() != results[0].keys() for result in results):
        raise ValueError("every seed needs the result of the same models, and there must be one")
    values = {name: mean_over_seeds([result[name] for result in results]) for name in results[0]}
    models: dict[str, dict[str, Interval]] = {}
    for name, columns in values.items():
        intervals = bootstrap_intervals(np.stack(list(columns.values()), axis=1), rng)
        models[name] = dict(zip(columns, intervals, strict=True))
        for k in _cutoffs(columns):
            models[name][f"coverage@{k}"] = _coverage([result[name] for result in results], k, rng)
    differences = {
        f"{ours} - {theirs}": {
            metric: paired_difference(values[ours][metric], values[theirs][metric], rng)
            for metric in values[ours]
        }
        for ours, theirs in pairs
    }
    return Report(run, models, differences)


def common_models(results: Sequence[Mapping[str, ModelResult]]) -> list[dict[str, ModelResult]]:
    """Each seed's results of the models that all seeds have: weights of groups exist only where they help."""
    names = [name for name in results[0] if all(name in result for result in results)]
    return [{name: result[name] for name in names} for result in results]


def with_section(report: Report, name: str, section: Mapping[str, Any]) -> Report:
    """The report with one more part of the JSON."""
    return replace(report, sections={**report.sections, name: section})


def section_of(report: Report) -> dict[str, Any]:
    """What a report found, as a part of another's JSON."""
    found = {"models": intervals_to_json(report.models)}
    return found | ({"differences": intervals_to_json(report.differences)} if report.differences else {})


def markdown_table(report: Report) -> str:
    """One row a model: mean and half the interval's width; ranking metrics in %, novelty in bits.

    Sections that hold models have a table of their own below, under their name.
    """
    tables = [_table(intervals_to_json(report.models))]
    for name, section in report.sections.items():
        views = section.get("views", {name: section} if "models" in section else {})
        tables += [f"{view}\n\n{_table(found['models'])}" for view, found in views.items()]
    return "\n".join(tables)


def _table(models: Mapping[str, Mapping[str, Any]]) -> str:
    metrics = [metric for metric in TABLE_METRICS if all(metric in found for found in models.values())]
    lines = ["| model | " + " | ".join(metrics) + " |", "| --- |" + " ---: |" * len(metrics)]
    for name, found in models.items():
        lines.append(f"| {name} | " + " | ".join(_cell(metric, found[metric]) for metric in metrics) + " |")
    return "\n".join(lines) + "\n"


def mean_over_seeds(results: Sequence[ModelResult]) -> dict[str, NDArray[np.float64]]:
    """Each metric's value of each user met in any seed, users in order.

    Raises:
        ValueError: the seeds were measured by different metrics.
    """
    metrics = results[0].per_user.keys()
    if any(result.per_user.keys() != metrics for result in results):
        raise ValueError("the seeds were measured by different metrics")
    users = np.concatenate([result.user_idx for result in results])
    _, rows, counts = np.unique(users, return_inverse=True, return_counts=True)
    return {
        metric: np.bincount(rows, np.concatenate([result.per_user[metric] for result in results])) / counts
        for metric in metrics
    }


def _cutoffs(metrics: Mapping[str, object]) -> list[int]:
    return sorted({int(metric.partition("@")[2]) for metric in metrics})


def _coverage(results: Sequence[ModelResult], k: int, rng: np.random.Generator) -> Interval:
    found = [coverage_interval(result.ranked, result.n_items, k, rng) for result in results]
    mean, low, high = np.mean([(each.mean, each.low, each.high) for each in found], axis=0)
    return Interval(float(mean), float(low), float(high))


def intervals_to_json(models: Mapping[str, Mapping[str, Interval]]) -> dict[str, dict[str, Any]]:
    """Every interval as {"mean", "ci95"}, by model and metric."""
    return {
        name: {metric: {"mean": at.mean, "ci95": [at.low, at.high]} for metric, at in metrics.items()}
        for name, metrics in models.items()
    }


def _cell(metric: str, at: Mapping[str, Any]) -> str:
    low, high = at["ci95"]
    scale = 1 if metric.startswith("novelty") else 100
    return f"{scale * at['mean']:.2f} ± {scale * (high - low) / 2:.2f}"
