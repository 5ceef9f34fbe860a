"""`shopgraph bench`: measurements side by side with a reference in the same run."""

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from evaluation.provenance import read_provenance
from shopgraph.commands.models import question_of, with_flags
from shopgraph.commands.options import Device, Format, Json, settings_of, utc_now
from shopgraph.errors import BadSettings
from shopgraph.settings import Settings
from shopgraph.terminal import note, print_json, print_table, results

app = typer.Typer()

PLAIN = ("compression", "encoder", "experiments", "ingest", "queryner", "search", "serve", "tasks", "text")
"""Benches that need nothing but settings."""

ON_DATA = ("lightgcn", "models")
"""Benches that train on a source of data."""

DAY_BY_DAY = "incremental"
"""The bench that trains on a demo shop, or on a source of data where one is named."""

READING = "parse"
"""The bench that reads labelled queries."""

NAMES = (*PLAIN, *ON_DATA, DAY_BY_DAY, READING)

_EPOCHS = {"models": 200, "lightgcn": 3}

_Rows = list[dict[str, Any]]


@app.command()
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(sorted(NAMES))}.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="models, lightgcn: folder with the data.")
    ] = None,
    source_format: Format = "shop",
    protocol: Annotated[str, typer.Option(help="models: as for evaluate.")] = "time",
    variant: Annotated[str, typer.Option(help="models: all or clean, as for evaluate.")] = "all",
    days: Annotated[float, typer.Option(min=0.1, help="models: days held out by `time`.")] = 14.0,
    repeats: Annotated[
        bool, typer.Option("--repeats", help="models: also with what was bought before listed again.")
    ] = False,
    limit_users: Annotated[
        int | None, typer.Option(min=1, help="models: only so many held-out users, drawn by the seed.")
    ] = None,
    slice_days: Annotated[float, typer.Option(min=0.1, help="incremental: days between updates.")] = 1.0,
    seeds: Annotated[str, typer.Option(help="models, incremental: seeds, with commas between.")] = "0",
    models: Annotated[
        str, typer.Option(help="models: which, with commas between; ours, peers or all.")
    ] = "all",
    peer_seconds: Annotated[float, typer.Option(min=1, help="models: most seconds for each.")] = 1_800.0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Most epochs of each fit: 200 for models, 3 for lightgcn.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="models: folder to keep each one's lists in, and to go on from.")
    ] = None,
    grid: Annotated[int, typer.Option(min=1, help="models: most settings tried of each.")] = 8,
    threads: Annotated[int, typer.Option(min=1, help="models, lightgcn: threads of each.")] = 1,
    queries: Annotated[
        Path | None, typer.Option(help="parse: folder of labelled queries; tests/queries of the checkout.")
    ] = None,
    tagger: Annotated[
        list[str] | None, typer.Option(help="parse: SHOP=FOLDER of a trained tagger, beauty or demo.")
    ] = None,
    gguf: Annotated[Path | None, typer.Option(help="parse: a language model for llama.cpp's server.")] = None,
    llm_queries: Annotated[int, typer.Option(min=1, help="parse: queries of a shop that it reads.")] = 40,
    device: Device = None,
    output: Annotated[Path | None, typer.Option(help="Folder that keeps the JSON, and tables.")] = None,
    as_json: Json = False,
) -> None:
    """Measure side by side with a reference in the same run."""
    settings = with_flags(settings_of(context), device=device)
    before = read_provenance().to_json()
    table = ""
    if name in PLAIN:
        run: Callable[[Settings], _Rows] = importlib.import_module(f"shopgraph.benches.{name}").run
        rows, file = run(settings), f"bench-{name}"
    elif name == READING:
        from shopgraph.benches import parse

        asked = parse.ParseQuestion(queries or parse.QUERIES, _folders(tagger or []), gguf, llm_queries)
        rows, file = parse.run(asked, settings, note), f"bench-{name}"
    elif name == DAY_BY_DAY:
        from shopgraph.benches import incremental

        question = question_of(data or Path(), source_format, "time", variant, seeds, days)
        rows = incremental.run(question, settings, utc_now(), note, slice_days=slice_days, demo=data is None)
        file = f"bench-{name}-{slice_days:g}d" + ("" if data is None else f"-{data.resolve().name}")
    elif name in ON_DATA:
        if data is None:
            raise BadSettings(f"bench {name} trains on data: name its folder by --data, and --format")
        from shopgraph.benches import lightgcn
        from shopgraph.benches import models as models_bench
        from shopgraph.benches.peers import Limits

        question = question_of(data, source_format, protocol, variant, seeds, days)
        question = replace(question, repeats=repeats, limit_users=limit_users)
        on_device = "cuda" if settings.device == "cuda" else "cpu"
        limits = Limits(peer_seconds, epochs or _EPOCHS[name], grid, threads, on_device)
        file = f"bench-{name}-{question.source.resolve().name}"
        if name == "lightgcn":
            rows = lightgcn.run(question, limits, settings, utc_now(), note)
        else:
            named = models_bench.chosen(models)
            rows = models_bench.run(question, named, limits, settings, utc_now(), note, keep)
            file, table = f"{file}-{protocol}-{variant}", models_bench.markdown(rows)
    else:
        raise BadSettings(f"bench {name!r}: expected one of {', '.join(sorted(NAMES))}")
    body = {"name": name, **before, "rows": rows}
    if output is not None:
        _keep(output, file, body, table)
    if as_json:
        print_json(body)
    elif table:
        results.print(table, markup=False, soft_wrap=True)
    else:
        print_table(f"bench {name}", rows)


def _folders(named: list[str]) -> dict[str, Path]:
    """The folder of each shop out of SHOP=FOLDER."""
    folders = {}
    for one in named:
        shop, equals, folder = one.partition("=")
        if not equals or not Path(folder).is_dir():
            raise BadSettings(f"--tagger {one!r}: expected SHOP=FOLDER, as beauty=artefacts/nlu/VERSION")
        folders[shop] = Path(folder)
    return folders


def _keep(folder: Path, file: str, body: dict[str, Any], table: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file}.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    if table:
        (folder / f"{file}.md").write_text(table, encoding="utf-8")
