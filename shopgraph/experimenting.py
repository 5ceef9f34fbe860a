"""A shop's experiments, with the trained versions that their arms may name."""

from datetime import UTC, datetime
from pathlib import Path

from api.experimenting import Experiments
from api.state import ServingState
from ranking.engine import Engine
from ranking.experiments.book import Ledger
from shopgraph import pipeline
from shopgraph.settings import Settings


def open_experiments(ledger: Ledger, root: Path, serving: ServingState, settings: Settings) -> Experiments:
    """The experiments in a ledger, for the shop whose artefacts lie in `root`."""

    def open_version(version: str) -> Engine:
        return pipeline.open_engine(version, root, serving.store, settings, datetime.now(UTC))

    return Experiments(ledger, open_version, settings.guardrail_check_s)
