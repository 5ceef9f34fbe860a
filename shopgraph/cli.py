"""The command line: reads settings once, and turns our errors into one line and an exit code."""

import sys
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated

import typer

from shopgraph.commands import answers, bench, chat, data, experiments, models, rules, serving, what_if, words
from shopgraph.errors import ShopgraphError, UserMistake
from shopgraph.settings import read_settings
from shopgraph.terminal import note

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A knowledge-graph-driven recommendation engine for shops.",
)
for group in (data, models, words, bench, answers, chat, experiments, rules, what_if, serving):
    app.add_typer(group.app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shopgraph {package_version('shopgraph')}")
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="TOML file instead of shopgraph.toml.")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Settings come from shopgraph.toml, then SHOPGRAPH_*, then flags."""
    context.obj = read_settings(config)


def main() -> None:
    """Run the command line; exit code 2 for the caller's mistakes, 1 for ours."""
    try:
        app()
    except ShopgraphError as exc:
        note(f"shopgraph: {exc}")
        sys.exit(2 if isinstance(exc, UserMistake) else 1)
