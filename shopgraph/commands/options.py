"""Options that several commands share."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from graph.open import open_store
from graph.store import GraphStore
from ranking.ask import MOST_ITEMS
from shopgraph.settings import Settings

Store = Annotated[
    str | None,
    typer.Option(
        "--store", help="Where the facts are: sqlite:///file.db or neo4j://user:password@host:7687."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Format = Annotated[
    str, typer.Option("--format", help="shop, or of public data: pgpr, games, kgat, completejourney.")
]
Language = Annotated[str, typer.Option("--language", help="en or zh.")]
N = Annotated[int, typer.Option("-n", min=1, max=MOST_ITEMS, help="How many items.")]
Diversity = Annotated[
    float | None,
    typer.Option(
        "--diversity", min=0, max=1, help="How far unlikeness counts beside the score: 0 not at all."
    ),
]
Novelty = Annotated[
    float | None, typer.Option("--novelty", min=0, max=1, help="The same of what few have bought.")
]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.")]


def settings_of(context: typer.Context) -> Settings:
    """What `cli.py` read."""
    settings: Settings = context.obj
    return settings


def store_url(settings: Settings, given: str | None) -> str:
    """The flag's store, else the settings'."""
    return given or settings.store


def opened(settings: Settings, given: str | None) -> GraphStore:
    """The store, ready to use."""
    password = settings.neo4j_password
    return open_store(
        store_url(settings, given),
        timeout_s=settings.store_timeout_s,
        password=None if password is None else password.get_secret_value(),
    )


def root_of(settings: Settings, given: str | None) -> Path:
    """Where this store's artefacts lie."""
    return settings.artefact_root(store_url(settings, given))


def utc_now() -> datetime:
    """The moment a command runs."""
    return datetime.now(UTC)
