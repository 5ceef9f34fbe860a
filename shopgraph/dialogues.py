"""Where a shop's dialogues are kept."""

from pathlib import Path

from graph.ledger import SqliteLedger
from shopgraph.settings import Settings

_LEDGER = "ledger.db"


def open_ledger(root: Path, settings: Settings) -> SqliteLedger:
    """The ledger of dialogues, made where it is missing: beside the artefacts, or where settings say."""
    path = settings.ledger or root / _LEDGER
    path.parent.mkdir(parents=True, exist_ok=True)
    return SqliteLedger(path, timeout_s=settings.store_timeout_s)
