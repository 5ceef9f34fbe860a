"""The models' life: train, artefacts, evaluate."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from evaluation.calibration import Reliability, write_reliability_plot
from evaluation.fidelity_plot import write_fidelity_plot
from evaluation.plot import write_plot
from evaluation.provenance import read_provenance
from evaluation.report import Report, markdown_table
from evaluation.splits import PROTOCOLS, ColdStart
from evaluation.trade_off import TradeOff
from evaluation.trade_off_plot import write_trade_off_plot
from gnn.artefact import ArtefactRoot
from nlu.encoder import open_encoder
from ranking.config import EVERYTHING
from shopgraph import pipeline
from shopgraph.commands.options import Device, Format, Json, Store, opened, root_of, settings_of, utc_now
from shopgraph.errors import BadSettings
from shopgraph.settings import Settings
from shopgraph.terminal import note, print_json, print_table, progress_bar, results
from shopgraph.types import GraphSnapshot

if TYPE_CHECKING:
    from gnn.training.sweep import Sweep, Trial
    from shopgraph.evaluating import Question

app = typer.Typer()
artefacts_app = typer.Typer(no_args_is_help=True, help="Trained versions of a store's models.")
app.add_typer(artefacts_app, name="artefacts")


@app.command()
def train(
    context: typer.Context,
    store: Store = None,
    device: Device = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seeds the training.")] = None,
    tensorboard: Annotated[Path | None, typer.Option(help="Folder for the curves, for TensorBoard.")] = None,
    sweep: Annotated[
        int | None, typer.Option(min=1, help="First try so many settings of the graph model, keep the best.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only go on from the current version: `latest`, or from when events are new."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train on what the store holds, and make the new version the current one.

    `torchrun --nproc-per-node N -m shopgraph train …` trains with N processes.
    """
    settings = with_flags(settings_of(context), device=device, seed=seed, tensorboard=tensorboard)
    if since is not None:
        if sweep is not None:
            raise BadSettings("--since goes on with the settings as they are; leave out --sweep")
        return _go_on(settings, store, since, as_json)
    with opened(settings, store) as source:
        snapshot = pipeline.take_snapshot(source, utc_now())
    root, found = root_of(settings, store), None
    if sweep is not None:
        with text_progress() as on_text:
            snapshot = pipeline.embed(snapshot, open_encoder(settings.encoder_config), settings, on_text)
        settings, found = swept(snapshot, settings, sweep, root)
    with text_progress() as on_text:
        trained = pipeline.train(snapshot, root, settings, utc_now(), note, on_text)
    if not trained.version:
        return  # the first process of several tells
    if as_json:
        body = {"model_version": trained.version, "validation": trained.metrics, "seconds": trained.seconds}
        print_json(body if found is None else {**body, "sweep": found.to_json()})
        return
    if found is not None:
        print_table("sweep", found.rows())
    note(f"{trained.version} is current; validation NDCG@10 {trained.metrics['ndcg@10']:.4f}")
    note(f"trained in {trained.seconds:.0f} s")


def _go_on(settings: Settings, store: str | None, since: str, as_json: bool) -> None:
    """The rest of `train --since`."""
    from shopgraph import updating

    moment = updating.parse_since(since)
    with opened(settings, store) as source:
        snapshot = pipeline.take_snapshot(source, utc_now())
    root = root_of(settings, store)
    with text_progress() as on_text:
        done = updating.update(snapshot, root, settings, moment, utc_now(), note, on_text)
    if not done.version:
        return  # the first process of several tells
    if as_json:
        print_json({"model_version": done.version, "parent": done.parent, "seconds": done.seconds})
    elif done.version == done.parent:
        note(f"nothing is new since {done.parent}; it stays current")
    else:
        note(f"{done.version} is current, gone on from {done.parent}")
        note(f"updated in {done.seconds:.0f} s")


def swept(snapshot: GraphSnapshot, settings: Settings, n_trials: int, root: Path) -> tuple[Settings, "Sweep"]:
    """(the settings with a sweep's best, all trials), which `sweep.json` beside the artefacts keeps."""
    from shopgraph.sweeping import sweep_graph

    def on_trial(trial: "Trial") -> None:
        note(f"trial {trial.number + 1}/{n_trials}: validation NDCG@10 {trial.ndcg:.4f} ({trial.outcome})")

    settings, found = sweep_graph(snapshot, settings, n_trials, on_trial)
    root.mkdir(parents=True, exist_ok=True)
    (root / "sweep.json").write_text(json.dumps(found.to_json(), indent=1) + "\n", encoding="utf-8")
    return settings, found


@artefacts_app.command("list")
def list_artefacts(context: typer.Context, store: Store = None, as_json: Json = False) -> None:
    """All versions, oldest first; the current one is marked."""
    root = ArtefactRoot(root_of(settings_of(context), store))
    current = root.current()
    rows: list[dict[str, Any]] = [
        {"version": version, "current": version == current} for version in root.versions()
    ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table("artefacts", rows)
    else:
        note("no artefact yet; train one: shopgraph train")


@app.command(hidden=True)
@artefacts_app.command()
def activate(context: typer.Context, version: str, store: Store = None) -> None:
    """Make a version the current one."""
    ArtefactRoot(root_of(settings_of(context), store)).activate(version)
    note(f"{version} is current")


@app.command(hidden=True)
@artefacts_app.command()
def rollback(context: typer.Context, store: Store = None) -> None:
    """Go back to the version before the current one."""
    note(f"{ArtefactRoot(root_of(settings_of(context), store)).rollback()} is current")


@app.command()
def evaluate(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="Folder with the data.")],
    source_format: Format = "shop",
    protocol: Annotated[str, typer.Option(help=f"{', '.join(PROTOCOLS[:-1])} or {PROTOCOLS[-1]}.")] = "time",
    variant: Annotated[
        str, typer.Option(help="all relations, or clean: none computed from purchases.")
    ] = "all",
    seeds: Annotated[str, typer.Option(help="Seeds, with commas between.")] = "0",
    days: Annotated[float, typer.Option(min=0.1, help="Days held out by `time`.")] = 14.0,
    output: Annotated[
        Path | None, typer.Option(help="Folder for JSON, Markdown table and SVG plots.")
    ] = None,
    repeats: Annotated[
        bool | None,
        typer.Option(
            help="Also with what was bought before listed again; by default for completejourney by `time`."
        ),
    ] = None,
    limit_users: Annotated[
        int | None, typer.Option(min=1, help="Only so many of the held-out users, drawn by the seed.")
    ] = None,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Also without each model and each part in turn.")
    ] = False,
    explanations: Annotated[
        bool,
        typer.Option(
            "--explanations", help="Also how faithful reasons are; with two seeds, how stable as well."
        ),
    ] = False,
    trade_off: Annotated[
        bool,
        typer.Option("--trade-off", help="Also what diversity, novelty and exposure of groups cost."),
    ] = False,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Train from nothing, in memory, and rank every item for every test user."""
    from shopgraph.evaluating import evaluate

    settings = with_flags(settings_of(context), device=device)
    question = question_of(data, source_format, protocol, variant, seeds, days)
    if repeats is None:
        repeats = source_format == "completejourney" and protocol == "time"
    further = {"explanations": explanations, "trade-off": trade_off}
    asked = [name for name, is_asked in further.items() if is_asked]
    if asked and protocol in get_args(ColdStart):
        raise BadSettings(f"--{asked[0]}: not with --protocol {protocol}, which has several views")
    question = replace(
        question,
        repeats=repeats,
        limit_users=limit_users,
        explanations=explanations,
        trade_off=trade_off,
    )
    if ablations:
        question = replace(question, ablations=(EVERYTHING,))
    with text_progress() as on_text:
        report = evaluate(question, settings, utc_now(), note, on_text)
    if output is not None:
        write_report(report, output, "-".join([report.run.dataset, protocol, variant, *asked]))
    if as_json:
        print_json(report.to_json())
    else:
        results.print(markdown_table(report), markup=False)
        if trade_off:
            print_table("trade-off", TradeOff.from_json(report.sections["trade_off"]).rows())


def question_of(
    data: Path, source_format: str, protocol: str, variant: str, seeds: str, days: float
) -> "Question":
    """What the flags of `evaluate` ask.

    Raises:
        BadSettings: a flag has a value that it can't have.
    """
    from shopgraph.evaluating import Question

    if protocol not in PROTOCOLS:
        raise BadSettings(f"--protocol {protocol!r}: expected one of {', '.join(PROTOCOLS)}")
    if variant not in {"all", "clean"}:
        raise BadSettings(f"--variant {variant!r}: expected all or clean")
    return Question(data, source_format, protocol, variant, _numbers(seeds), days)


def write_report(report: Report, folder: Path, name: str) -> None:
    """Keep a report as JSON (with its provenance), Markdown and SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    body = {**report.to_json(), **read_provenance().to_json()}
    (folder / f"{name}.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(markdown_table(report), encoding="utf-8")
    write_plot(report, folder / f"{name}.svg")
    run = report.run
    title = f"{run.dataset}, {run.protocol}, {run.variant}"
    if (calibration := report.sections.get("calibration")) is not None:
        path = folder / f"{name}-calibration.svg"
        write_reliability_plot(
            Reliability.from_json(calibration), path, f"{title}: purchase of what is shown"
        )
    curves = report.sections.get("explanations", {}).get("curves")
    if curves is not None and curves["n_cases"]:
        write_fidelity_plot(curves, folder / f"{name}-curves.svg", title)
    if (found := report.sections.get("trade_off")) is not None:
        title = f"{report.run.dataset}, {report.run.protocol}, {report.run.variant}"
        write_trade_off_plot(TradeOff.from_json(found), folder / f"{name}-curves.svg", title)


def with_flags(
    settings: Settings,
    *,
    device: str | None = None,
    seed: int | None = None,
    tensorboard: Path | None = None,
) -> Settings:
    """The settings with what the flags say.

    Raises:
        BadSettings: an unknown device.
    """
    if device not in {None, "auto", "cpu", "cuda"}:
        raise BadSettings(f"--device {device!r}: expected auto, cpu or cuda")
    given = {"device": device, "seed": seed, "tensorboard": tensorboard}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


@contextmanager
def text_progress() -> Iterator[Callable[[int, int], None]]:
    """A bar for the texts that are embedded."""
    with progress_bar("reading item texts") as show:
        yield lambda done, total: show(done, total, f"{done:,} of {total:,} texts")


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as exc:
        raise BadSettings(f"--seeds {text!r}: expected whole numbers with commas between, as 0,1,2") from exc
