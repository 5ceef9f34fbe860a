"""What commands that answer start from."""

from dataclasses import replace

import typer

from api.state import ServingState
from ranking.phrases import Language
from ranking.rules.book import RuleBook
from shopgraph import pipeline
from shopgraph.commands.options import opened, root_of, settings_of, utc_now
from shopgraph.dialogues import ledger_path, open_ledger
from shopgraph.errors import BadSettings


def loaded(context: typer.Context, store: str | None) -> ServingState:
    """The current model of a store, ready to answer as its rules say."""
    settings = settings_of(context)
    root = root_of(settings, store)
    serving = pipeline.load(root, opened(settings, store), settings, utc_now())
    if not ledger_path(root, settings).exists():  # reading makes no file
        return serving
    rules = RuleBook(open_ledger(root, settings))
    return replace(serving, engine=serving.engine.ruled_by(rules))


def spoken(language: str) -> Language:
    """The language of a flag.

    Raises:
        BadSettings: it is neither en nor zh.
    """
    match language:
        case "en" | "zh":
            return language
        case _:
            raise BadSettings(f"--language {language!r}: expected en or zh")
