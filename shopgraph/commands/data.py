"""Loading and looking at the graph: ingest, graph stats, neo4j up/down/status."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from graph import neo4j_server
from graph.ingest import IngestSummary
from graph.readers import open_source
from shopgraph import pipeline
from shopgraph.commands.options import Format, Json, Store, opened, settings_of, utc_now
from shopgraph.terminal import note, print_json, print_table, progress_bar, results

app = typer.Typer()
graph_app = typer.Typer(no_args_is_help=True, help="Look at the graph.")
neo4j_app = typer.Typer(no_args_is_help=True, help="A real local Neo4j server, on 127.0.0.1 only.")
app.add_typer(graph_app, name="graph")
app.add_typer(neo4j_app, name="neo4j")


@app.command()
def ingest(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Folder with the data.")],
    store: Store = None,
    source_format: Format = "shop",
    mapping: Annotated[Path | None, typer.Option(help="TOML file: foreign column names to ours.")] = None,
    rejects: Annotated[Path, typer.Option(help="Takes the records that were refused.")] = Path(
        "rejects.jsonl"
    ),
    strict: Annotated[bool, typer.Option(help="Fail when any record was refused.")] = False,
    as_json: Json = False,
) -> None:
    """Load a source into the store; doing it again changes nothing."""
    reader = open_source(source, source_format, mapping)
    with opened(settings_of(context), store) as target, progress_bar(f"reading {source.name}") as show:
        summary = pipeline.ingest(
            reader, target, rejects, lambda done, total, rate: show(done, total, f"{rate:,.0f} rows/s")
        )
    _report(summary, as_json)
    if not summary.usable:
        note(f"nothing in {source} could be used; the reasons are in {rejects}")
    if not summary.usable or (strict and summary.n_rejected):
        raise typer.Exit(2)


def _report(summary: IngestSummary, as_json: bool) -> None:
    if as_json:
        print_json({**asdict(summary), "rows_per_s": summary.rows_per_s})
        return
    note(
        f"{summary.rows:,} records in {summary.seconds:.1f} s ({summary.rows_per_s:,.0f}/s): "
        f"{summary.new_nodes:,} new nodes, {summary.new_edges:,} new relations, "
        f"{summary.new_events:,} new events, {summary.duplicate_events:,} known events, "
        f"{summary.n_rejected:,} refused"
    )
    for reason, count in summary.rejected.items():
        note(f"  {count:,} × {reason}")
    if summary.n_rejected:
        note(f"  see {summary.rejects_path}")


@graph_app.command("stats")
def stats(
    context: typer.Context,
    store: Store = None,
    top: Annotated[int, typer.Option(min=1, help="Length of the PageRank lists.")] = 5,
    as_json: Json = False,
) -> None:
    """Counts, degrees, components and PageRank of the graph."""
    from graph.analysis import graph_stats  # networkx alone takes a fifth of the start

    with opened(settings_of(context), store) as source:
        found = graph_stats(pipeline.take_snapshot(source, utc_now()), top)
    if as_json:
        print_json(asdict(found))
        return
    nodes = [
        {"label": label, "nodes": found.n_nodes[label], **asdict(degrees)}
        for label, degrees in found.degrees.items()
    ]
    print_table("nodes and their degrees", nodes)
    print_table("edges", [{"type": name, "edges": count} for name, count in found.n_edges.items()])
    results.print(f"{found.n_components:,} components; the largest has {found.largest_component:,} nodes")
    for label, best in found.pagerank.items():
        rows = [{"id": node.id, "name": node.name, "PageRank": rank} for node, rank in best]
        print_table(f"PageRank, {label}", rows)


@neo4j_app.command("up")
def up(context: typer.Context, as_json: Json = False) -> None:
    """Start the server, or find it running; prints where it answers."""
    note("starting Neo4j; the first time its files are fetched")
    _show(neo4j_server.up(settings_of(context).neo4j_home), as_json)


@neo4j_app.command("status")
def status(context: typer.Context, as_json: Json = False) -> None:
    """Say whether the server runs, and where."""
    info = neo4j_server.status(settings_of(context).neo4j_home)
    if info is None:
        print_json({"running": False}) if as_json else note(
            "Neo4j is not running; start it: shopgraph neo4j up"
        )
        raise typer.Exit(1)
    _show(info, as_json)


@neo4j_app.command("down")
def down(context: typer.Context) -> None:
    """Stop the server that `up` started."""
    stopped = neo4j_server.down(settings_of(context).neo4j_home)
    note("Neo4j stopped" if stopped else "Neo4j was not running")


def _show(info: neo4j_server.ServerInfo, as_json: bool) -> None:
    if as_json:
        print_json({"running": True, "store_url": info.store_url, **asdict(info)})
        return
    results.print(f"Neo4j Browser  {info.browser_url}")
    results.print(f"user           {info.user}")
    results.print(f"password       {info.password}")
    results.print(f"store          {info.store_url}", soft_wrap=True)
