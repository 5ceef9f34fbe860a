"""`shopgraph experiments`: A/B tests and interleavings in the terminal."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from api.experimenting import Experiments
from evaluation.experiments.planning import shoppers_needed
from evaluation.experiments.results import ArmMetric, Figure, Results
from graph.ledger import SqliteLedger
from ranking.experiments.book import ExperimentBook
from ranking.experiments.schema import Draft, Experiment
from shopgraph.commands.loaded import loaded
from shopgraph.commands.options import Json, Store, root_of, settings_of, utc_now
from shopgraph.dialogues import ledger_path, open_ledger
from shopgraph.errors import BadSettings, BadSource
from shopgraph.experimenting import open_experiments
from shopgraph.terminal import print_json, print_table, results

app = typer.Typer()
experiments_app = typer.Typer(no_args_is_help=True, help="A/B tests and interleavings.")
app.add_typer(experiments_app, name="experiments")

Id = Annotated[str, typer.Argument(help="The experiment's id.")]
Author = Annotated[str, typer.Option("--author", help="Who does it, for the audit.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit.")]


@experiments_app.command("list")
def list_experiments(context: typer.Context, store: Store = None, as_json: Json = False) -> None:
    """All experiments, the oldest first."""
    with _ledger(context, store) as ledger:
        found = ExperimentBook(ledger).current()
    if as_json:
        print_json({"experiments": [_body(each) for each in found]})
    else:
        print_table("experiments", [_line(each) for each in found])


@experiments_app.command()
def show(context: typer.Context, experiment: Id, store: Store = None, as_json: Json = False) -> None:
    """One experiment, and who did what with it."""
    with _ledger(context, store) as ledger:
        book = ExperimentBook(ledger)
        found, audit = book.get(experiment), book.audit(experiment)
    entries = [
        {"time": each.time.isoformat(), "author": each.author, "action": each.action, "reason": each.reason}
        for each in audit
    ]
    if as_json:
        print_json({"experiment": _body(found), "audit": entries})
        return
    print_table(found.name, [_line(found)])
    print_table("arms", [_arm_line(found, number) for number in range(len(found.arms))])
    print_table("audit", entries)


@experiments_app.command()
def create(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON as POST /v1/experiments takes it.")],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Keep a new experiment; it does not run yet."""
    draft = _read(file)
    with _ledger(context, store, writes=True) as ledger:
        added = ExperimentBook(ledger).add(draft, utc_now())
    _say(added, f"{added.experiment_id} is a draft; start it with `shopgraph experiments start`", as_json)


@experiments_app.command()
def start(
    context: typer.Context, experiment: Id, author: Author, store: Store = None, as_json: Json = False
) -> None:
    """Let answers take part; a running service follows at once."""
    settings = settings_of(context)
    serving = loaded(context, store)
    with closing(serving.store), _ledger(context, store, writes=True) as ledger:
        kept = open_experiments(ledger, root_of(settings, store), serving, settings)
        started = kept.start(serving.engine, experiment, author, utc_now(), None)
    _say(started, f"{experiment} runs", as_json)


@experiments_app.command()
def stop(
    context: typer.Context,
    experiment: Id,
    author: Author,
    reason: Reason = "",
    store: Store = None,
    as_json: Json = False,
) -> None:
    """End it for good; its results stay."""
    with _ledger(context, store, writes=True) as ledger:
        stopped = ExperimentBook(ledger).stop(experiment, author, reason, utc_now())
    _say(stopped, f"{experiment} is stopped", as_json)


@experiments_app.command("results")
def show_results(context: typer.Context, experiment: Id, store: Store = None, as_json: Json = False) -> None:
    """What it says so far; intervals hold however often one looks."""
    with _ledger(context, store) as ledger:
        found = Experiments(ledger).results(experiment)
    if as_json:
        print_json(found.to_json())
        return
    print_table(experiment, list(_rows(found)))
    for guardrail in found.guardrails:
        if guardrail.crossed:
            results.print(f"guardrail of {guardrail.arm}: {guardrail.reason}", markup=False)
    results.print(found.decision, markup=False)


@experiments_app.command()
def plan(
    rate: Annotated[float, typer.Option(help="Share of shoppers who buy (or click) today, as 0.04.")],
    lift: Annotated[float, typer.Option(help="Relative change worth finding, as 0.1 for 10 %.")],
    power: Annotated[float, typer.Option(help="Chance to find it.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Chance of a false alarm.")] = 0.05,
    as_json: Json = False,
) -> None:
    """How many shoppers two equal arms need, daily looks included."""
    try:
        needed = shoppers_needed(rate, lift, alpha, power)
    except ValueError as exc:
        raise BadSettings(f"plan: {exc}") from exc
    if as_json:
        print_json({"planned_shoppers": needed})
    else:
        results.print(f"{needed:,} shoppers in both arms together", markup=False)


def _rows(found: Results) -> Iterator[dict[str, Any]]:
    for arm in found.arms:
        for name, metric in arm.metrics.items():
            yield {
                "arm": arm.arm,
                "shoppers": arm.n_shoppers,
                "metric": name,
                "value": _said(metric.value),
                "lift": "" if metric.lift is None else _said(metric.lift),
                "p": "" if metric.p_value is None else f"{metric.p_value:.4f}",
                "verdict": _verdict(metric),
            }
    if found.preference is not None:
        yield {
            "arm": "second − first",
            "shoppers": found.preference.n_shoppers,
            "metric": "points",
            "value": _said(found.preference.value),
            "lift": "",
            "p": "" if found.preference.p_value is None else f"{found.preference.p_value:.4f}",
            "verdict": found.preference.verdict.replace("_", " "),
        }


def _said(figure: Figure) -> str:
    if figure.value is None:
        return "–"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4g}"
    return f"{figure.value:.4g} [{figure.low:.4g}, {figure.high:.4g}]"


def _verdict(metric: ArmMetric) -> str:
    return "" if metric.verdict is None else metric.verdict.replace("_", " ")


def _line(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment": experiment.experiment_id,
        "name": experiment.name,
        "status": experiment.status,
        "arms": ", ".join(arm.name for arm in experiment.arms),
        "decides": experiment.primary,
        "version": experiment.version,
    }


def _arm_line(experiment: Experiment, number: int) -> dict[str, Any]:
    arm = experiment.arms[number]
    change = arm.change.model_dump(mode="json", exclude_defaults=True)
    stopped = experiment.arm_is_stopped(arm.name)
    return {
        "arm": arm.name + (" (control)" if number == 0 else ""),
        "weight": arm.weight,
        "change": json.dumps(change, ensure_ascii=False) if change else "none",
        "stopped": "yes" if stopped else "no",
    }


def _body(experiment: Experiment) -> dict[str, Any]:
    return experiment.model_dump(mode="json")


def _say(experiment: Experiment, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(_body(experiment))
    else:
        results.print(sentence, markup=False)


def _read(file: Path) -> Draft:
    try:
        return Draft.model_validate_json(file.read_bytes())
    except OSError as exc:
        raise BadSource(f"{file}: not readable: {exc.strerror}") from exc
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadSource(f"{file}: {where or 'experiment'}: {first['msg']}") from exc


@contextmanager
def _ledger(context: typer.Context, store: str | None, *, writes: bool = False) -> Iterator[SqliteLedger]:
    """The ledger; an empty one where there is none, as reading makes no file."""
    settings = settings_of(context)
    root = root_of(settings, store)
    is_there = writes or ledger_path(root, settings).exists()
    with open_ledger(root, settings) if is_there else SqliteLedger(None) as ledger:
        yield ledger
