"""Where a shop's dialogues and rules are kept."""

from pathlib import Path

from graph.ledger import SqliteLedger
from shopgraph.settings import Settings

_LEDGER = "ledger.db"


def ledger_path(root: Path, settings: Settings) -> Path:
    """The ledger's file: beside the artefacts, or where settings say."""
    return settings.ledger or root / _LEDGER


def open_ledger(root: Path, settings: Settings) -> SqliteLedger:
    """The ledger, made where it is missing."""
    path = ledger_path(root, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    return SqliteLedger(path, timeout_s=settings.store_timeout_s)
