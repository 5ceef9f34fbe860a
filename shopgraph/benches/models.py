"""Ours and the peers side by side: the same split, the same metric code, a process each.

The parent writes the split once; every contender chooses its settings on the validation cut, is fitted on
all of the training data and leaves lists, which are measured here. A contender that can't run is a row with
the reason.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from evaluation.bootstrap import Interval
from evaluation.harness import ModelResult, evaluate_lists
from evaluation.provenance import read_provenance
from evaluation.report import Report, Run, build_report
from shopgraph.benches.our_models import OUR_MODELS
from shopgraph.benches.ours import Order
from shopgraph.benches.peers import LISTS, PEER_MODELS, RESULT, ContenderFailed, Limits, run_peer, run_process
from shopgraph.benches.task import Split, read_split, write_task
from shopgraph.errors import BadSettings
from shopgraph.evaluating import Question
from shopgraph.settings import Settings
from shopgraph.types import IntVector

MODELS = (*OUR_MODELS, *PEER_MODELS)

METRICS = ("ndcg@10", "recall@10", "hr@10", "precision@10", "ndcg@20", "recall@20", "coverage@10")
_COSTS = ("seconds_to_best", "train_seconds", "peak_rss_mb", "n_parameters")


@dataclass(frozen=True)
class Outcome:
    """What one contender came to on one seed: its result, or why there is none."""

    said: Mapping[str, Any]
    result: ModelResult | None
    failure: str = ""


def run(
    question: Question,
    models: Sequence[str],
    limits: Limits,
    settings: Settings,
    now: datetime,
    on_stage: Callable[[str], None],
    keep: Path | None = None,
) -> list[dict[str, Any]]:
    """One row a model for each view, in the order asked for, each metric with its 95 % interval over users.

    With `keep`, what each contender leaves is kept there, and a run that was cut goes on from it: it must be
    asked the same, and of the same commit.

    Most protocols have one view; a cold start has several, and `repeats` asks for one more, with what was
    bought before listed again, for which everything is chosen and trained anew.

    A user's value is the mean over the seeds. `seconds_to_best` is the training of the chosen setting until
    its best validation score, `train_seconds` the whole search and refit, `peak_rss_mb` that of the process
    that trains. `ndcg@10_lead` is what the hybrid (the first model, where it is not asked for) has more,
    user by user.

    Raises:
        BadSettings: an unknown model.
    """
    if unknown := sorted(set(models) - set(MODELS)):
        raise BadSettings(f"model {unknown[0]!r}: expected some of {', '.join(MODELS)}")
    outcomes: dict[str, dict[str, list[Outcome]]] = {}
    if keep is not None:
        keep, now = _going_on(keep, Order(question, now, limits, 0, settings))
    for seed in question.seeds:
        for repeats in (False, True) if question.repeats else (False,):
            order = Order(question, now, limits, seed, settings, repeats)
            for name, view, outcome in _outcomes(order, models, on_stage, keep):
                on_stage(f"seed {seed}: {name}, {view}: {_in_short(outcome)}")
                outcomes.setdefault(view, {}).setdefault(name, []).append(outcome)
    rows = []
    for view, by_model in outcomes.items():
        report = _report(question, by_model, limits)
        rows += [{"view": view, **_row(name, found, report, limits)} for name, found in by_model.items()]
    return rows


def chosen(models: str) -> Sequence[str]:
    """The models that a flag names: all, ours, peers, or names with commas between."""
    return {"all": MODELS, "ours": OUR_MODELS, "peers": PEER_MODELS}.get(models) or models.split(",")


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table for each view: ranking metrics in %, with half the interval's width."""
    views = list(dict.fromkeys(row["view"] for row in rows))
    if len(views) == 1:
        return _table(rows)
    tables = (_table([row for row in rows if row["view"] == view]) for view in views)
    return "\n".join(f"## {view}\n\n{table}" for view, table in zip(views, tables, strict=True))


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    heads = [
        *METRICS,
        "leader's lead in ndcg@10",
        "s to best",
        "s in all",
        "MB",
        "parameters",
        "device",
        "version",
    ]
    lines = ["| model | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for row in rows:
        if row["failure"]:
            lines.append(f"| {row['model']} | {row['failure']}" + " |" * len(heads))
            continue
        cells = [_percent(row[metric], row[f"{metric}_ci95"]) for metric in METRICS]
        lead = row["ndcg@10_lead"]
        cells.append("" if lead is None else _percent(lead, row["ndcg@10_lead_ci95"]))
        cells += [
            f"{row['seconds_to_best']:,.1f}",
            f"{row['train_seconds']:,.1f}",
            f"{row['peak_rss_mb']:,.0f}",
        ]
        cells += [f"{row['n_parameters']:,}", row["device"], row["version"]]
        lines.append(f"| {row['model']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _going_on(keep: Path, order: Order) -> tuple[Path, datetime]:
    """(the folder below `keep` of runs that are asked this, when the first of them began)."""
    asked = {**order.to_json(), "now": "", "commit": read_provenance().commit}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]
    folder = keep.resolve() / digest
    if not (folder / "question.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        order.write(folder)
    return folder, Order.read(folder).now


def _outcomes(
    order: Order, models: Sequence[str], on_stage: Callable[[str], None], keep: Path | None
) -> Iterator[tuple[str, str, Outcome]]:
    """(model, view, what it came to there), each model trained once."""
    split = read_split(order.question, order.now, order.seed, order.settings, repeats=order.repeats)
    with TemporaryDirectory() as scratch:
        task = Path(scratch) / "task"
        write_task(task, split, order.limits, order.seed)
        for name in models:
            on_stage(f"seed {order.seed}: {name}")
            out = (keep or Path(scratch)) / f"seed-{order.seed}{'-repeats' * order.repeats}" / name
            out.mkdir(parents=True, exist_ok=True)
            order.write(out)
            for view, outcome in _by_view(name, task, out, split, order.limits, on_stage).items():
                yield name, view, outcome


def _by_view(
    name: str, task: Path, out: Path, split: Split, limits: Limits, on_stage: Callable[[str], None]
) -> dict[str, Outcome]:
    try:
        if (out / RESULT).exists():
            on_stage(f"{name} was done before: {out}")
        elif name in PEER_MODELS:
            run_peer(name, task, out, limits, on_stage)
        else:
            run_process([sys.executable, "-m", "shopgraph.benches.ours", str(out), name], out, limits)
        said = json.loads((out / RESULT).read_text(encoding="utf-8"))
        with np.load(out / LISTS) as lists:
            return {view: _measured(view, said, lists, split) for view in split.views}
    except (ContenderFailed, ValueError, OSError) as exc:
        return dict.fromkeys(split.views, Outcome({}, None, " ".join(str(exc).split())))


def _measured(view: str, said: Mapping[str, Any], lists: Mapping[str, IntVector], split: Split) -> Outcome:
    if reason := said.get("unanswered", {}).get(view):
        return Outcome(said, None, reason)
    found = evaluate_lists({view: lists[view]}, split.known, split.views[view].heldout)
    return Outcome(said, found[view])


def _in_short(outcome: Outcome) -> str:
    if outcome.result is None:
        return outcome.failure
    ndcg = outcome.result.per_user["ndcg@10"].mean()
    return f"NDCG@10 {ndcg:.4f}, {outcome.said['train_seconds']:.0f} s, {outcome.said['peak_rss_mb']:.0f} MB"


def _report(question: Question, outcomes: Mapping[str, Sequence[Outcome]], limits: Limits) -> Report | None:
    """The intervals of the models that ran on every seed; None if none did."""
    ran = [name for name, found in outcomes.items() if all(each.result is not None for each in found)]
    if not ran:
        return None
    results = [
        {name: each.result for name in ran if (each := outcomes[name][number]).result is not None}
        for number in range(len(question.seeds))
    ]
    run = Run(
        question.source.resolve().name,
        question.protocol,
        question.variant,
        len(results[0][ran[0]].user_idx),
        results[0][ran[0]].n_items,
        question.seeds,
        0.0,
        0.0,
        limits.device,
    )
    leader = "hybrid" if "hybrid" in outcomes else next(iter(outcomes))
    pairs = [(leader, name) for name in ran if name != leader] if leader in ran else []
    return build_report(run, results, np.random.default_rng(0), pairs)


def _row(name: str, found: Sequence[Outcome], report: Report | None, limits: Limits) -> dict[str, Any]:
    """All rows have the same columns; a failed one has None for its figures."""
    failure = next((each.failure for each in found if each.result is None), "")
    metrics = {} if failure or report is None else report.models[name]
    first = next((each.said for each in found if each.said), {})
    row: dict[str, Any] = {"model": name, "failure": failure}
    for metric in METRICS:
        row |= _interval_columns(metric, metrics.get(metric))
    differences = {} if report is None else report.differences
    lead = next((each for pair, each in differences.items() if pair.partition(" - ")[2] == name), {})
    row |= _interval_columns("ndcg@10_lead", lead.get("ndcg@10"))
    for cost in _COSTS:
        values = [each.said[cost] for each in found if cost in each.said]
        over_seeds = max if cost == "peak_rss_mb" else np.mean
        row[cost] = None if failure or not values else round(float(over_seeds(values)), 2)
    versions = first.get("versions", {})
    row["n_parameters"] = None if row["n_parameters"] is None else int(row["n_parameters"])
    row["device"] = first.get("device", limits.device)
    row["threads"] = limits.threads
    row["version"] = next((f"{p} {v}" for p, v in versions.items() if p != "python"), "")
    row["details"] = [dict(each.said) for each in found]
    return row


def _interval_columns(name: str, at: Interval | None) -> dict[str, Any]:
    if at is None:
        return {name: None, f"{name}_ci95": None}
    return {name: at.mean, f"{name}_ci95": [at.low, at.high]}


def _percent(mean: float, ci95: Sequence[float]) -> str:
    return f"{100 * mean:.2f} ± {50 * (ci95[1] - ci95[0]):.2f}"
