"""`shopgraph bench`: measurements side by side with a reference in the same run."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from evaluation.provenance import read_provenance
from evaluation.splits import Protocol
from shopgraph.benches import lightgcn
from shopgraph.benches.models import MODELS, markdown
from shopgraph.benches.models import run as run_models
from shopgraph.benches.ours import OUR_MODELS
from shopgraph.benches.peers import PEER_MODELS, Limits
from shopgraph.commands.models import numbers, with_flags
from shopgraph.commands.options import Device, Format, Json, settings_of, utc_now
from shopgraph.errors import BadSettings
from shopgraph.evaluating import Question
from shopgraph.settings import Settings
from shopgraph.terminal import note, print_json, print_table, results

app = typer.Typer()

PLAIN = ("encoder", "ingest", "serve")
"""Benches that need nothing but settings."""

ON_DATA = ("lightgcn", "models")
"""Benches that train on a source of data."""

_EPOCHS = {"models": 200, "lightgcn": 2}

_Rows = list[dict[str, Any]]


@app.command()
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(sorted((*PLAIN, *ON_DATA)))}.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="models, lightgcn: folder with the data.")
    ] = None,
    source_format: Format = "shop",
    protocol: Annotated[str, typer.Option(help="models: split, next-item or time.")] = "time",
    variant: Annotated[str, typer.Option(help="models: all or clean, as for evaluate.")] = "all",
    days: Annotated[float, typer.Option(min=0.1, help="models: days held out by `time`.")] = 14.0,
    seeds: Annotated[str, typer.Option(help="models: seeds, with commas between.")] = "0",
    models: Annotated[
        str, typer.Option(help="models: which, with commas between; ours, peers or all.")
    ] = "all",
    peer_seconds: Annotated[float, typer.Option(min=1, help="models: most seconds for each.")] = 1_800.0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Most epochs of each fit: 200 for models, 2 for lightgcn.")
    ] = None,
    grid: Annotated[int, typer.Option(min=1, help="models: most settings tried of each.")] = 8,
    threads: Annotated[int, typer.Option(min=1, help="models, lightgcn: threads of each.")] = 1,
    device: Device = None,
    output: Annotated[Path | None, typer.Option(help="Folder that keeps the JSON, and tables.")] = None,
    as_json: Json = False,
) -> None:
    """Measure side by side with a reference in the same run."""
    settings = with_flags(settings_of(context), device=device)
    before = read_provenance().to_json()
    if name in PLAIN:
        run: Callable[[Settings], _Rows] = importlib.import_module(f"shopgraph.benches.{name}").run
        rows, file = run(settings), f"bench-{name}"
    elif name in ON_DATA:
        question = _question(name, data, source_format, protocol, variant, days, seeds)
        on_device = "cuda" if settings.device == "cuda" else "cpu"
        limits = Limits(peer_seconds, epochs or _EPOCHS[name], grid, threads, on_device)
        rows = _on_data(name, question, models, limits, settings)
        file = f"bench-{name}-{question.source.resolve().name}"
        file += f"-{protocol}-{variant}" if name == "models" else ""
    else:
        raise BadSettings(f"bench {name!r}: expected one of {', '.join(sorted((*PLAIN, *ON_DATA)))}")
    body = {"name": name, **before, "rows": rows}
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / f"{file}.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
        if name == "models":
            (output / f"{file}.md").write_text(markdown(rows), encoding="utf-8")
    if as_json:
        print_json(body)
    elif name == "models":
        results.print(markdown(rows), markup=False, soft_wrap=True)
    else:
        print_table(f"bench {name}", rows)


def _question(
    name: str, data: Path | None, source_format: str, protocol: str, variant: str, days: float, seeds: str
) -> Question:
    if data is None:
        raise BadSettings(f"bench {name} trains on data: name its folder by --data, and --format")
    if protocol not in get_args(Protocol):
        raise BadSettings(f"--protocol {protocol!r}: expected one of {', '.join(get_args(Protocol))}")
    if variant not in {"all", "clean"}:
        raise BadSettings(f"--variant {variant!r}: expected all or clean")
    return Question(data, source_format, cast(Protocol, protocol), variant, numbers(seeds), days)


def _on_data(name: str, question: Question, models: str, limits: Limits, settings: Settings) -> _Rows:
    if name == "lightgcn":
        return lightgcn.run(question, limits, settings, utc_now(), note)
    chosen = {"all": MODELS, "ours": OUR_MODELS, "peers": PEER_MODELS}.get(models)
    return run_models(question, chosen or models.split(","), limits, settings, utc_now(), note)
