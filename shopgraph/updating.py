"""`shopgraph train --since`: a new version of the artefact, gone on from the current one.

The current version is only read. The new one is written beside it and put into service as a whole, so an
update that is cut off leaves everything as it was, and the next one finds the same events new.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from gnn.artefact import Artefact, ArtefactRoot
from graph.snapshot import load_snapshot
from nlu.encoder import open_encoder
from ranking.config import HybridConfig
from ranking.hybrid import Hybrid
from ranking.updating import Changes, changes_between, update_hybrid
from shopgraph.errors import ArtefactDamaged, BadSettings
from shopgraph.pipeline import HYBRID, SNAPSHOT, embed, write_artefact
from shopgraph.settings import Settings
from shopgraph.types import GraphSnapshot

LATEST = "latest"


@dataclass(frozen=True)
class Updated:
    """What an update made; `version` is `parent` where nothing was new, "" in all processes but the first."""

    version: str
    parent: str
    changes: Changes
    seconds: float


def parse_since(text: str) -> datetime | None:
    """The moment of `--since`; None for `latest`. A time without zone is taken as UTC.

    Raises:
        BadSettings: it is neither.
    """
    if text == LATEST:
        return None
    try:
        since = datetime.fromisoformat(text)
    except ValueError as exc:
        raise BadSettings(
            f"--since {text!r}: expected {LATEST}, or a time such as 2026-03-01 or 2026-03-01T12:00Z"
        ) from exc
    return since if since.tzinfo is not None else since.replace(tzinfo=UTC)


def update(
    snapshot: GraphSnapshot,
    root: Path,
    settings: Settings,
    since: datetime | None,
    now: datetime,
    on_stage: Callable[[str], None],
    on_text: Callable[[int, int], None],
) -> Updated:
    """Learn what the current version does not know, write that as a new version and make it current.

    Args:
        snapshot: all that the store holds now.
        root: where the store's artefacts lie.
        settings: how to update; what the hybrid is made of stays as it was trained.
        since: events from then on count as new although the current version knows them; what it does
            not know is new in any case.
        now: the moment of creation.
        on_stage: gets a line for each stage.
        on_text: gets (done, total) of the texts that are embedded.

    Raises:
        ArtefactMissing: nothing was trained for this store.
        ArtefactDamaged: the current version is not the one that was trained.
        BadSettings: its texts were read by another encoder.
    """
    from gnn.training.ranks import first_on_this_machine  # what answers needs no torch

    started = perf_counter()
    artefact = ArtefactRoot(root).open()
    parent = artefact.manifest.version
    encoder = open_encoder(settings.encoder_config)
    if encoder.name != artefact.manifest.metadata["encoder"]:
        raise BadSettings(
            f"setting 'encoder': {encoder.name} is not what read the texts of {parent}; train in full"
        )
    changes = changes_between(load_snapshot(artefact.folder / SNAPSHOT), snapshot, since)
    if not changes:
        return Updated(parent, parent, changes, perf_counter() - started)
    on_stage(
        f"since {parent}: {changes.n_events:+,} events of {len(changes.user_idx):,} shoppers, "
        f"{changes.n_items:,} new items, {changes.n_relations:+,} relations"
    )
    snapshot = embed(snapshot, encoder, settings, on_text)
    config = _config_of(artefact).on_device(settings.device)
    earlier = Hybrid.load(artefact.folder / HYBRID)
    rng = np.random.default_rng(settings.seed)
    hybrid = update_hybrid(earlier, snapshot, changes, config, settings.update, rng, on_stage)
    seconds = perf_counter() - started
    if not first_on_this_machine():
        return Updated("", parent, changes, seconds)
    said = _facts(parent, changes, config, seconds)
    version = write_artefact(hybrid, snapshot, root, settings, encoder, now, said)
    return Updated(version, parent, changes, seconds)


def _facts(parent: str, changes: Changes, config: HybridConfig, seconds: float) -> dict[str, object]:
    """What the manifest says beside what every training's says."""
    return {
        "parent": parent,
        "update": {
            "n_users_changed": len(changes.user_idx),
            "n_users_new": changes.n_users,
            "n_items_changed": len(changes.item_idx),
            "n_items_new": changes.n_items,
            "n_events": changes.n_events,
            "n_relations": changes.n_relations,
        },
        "hybrid": config.model_dump(mode="json"),
        "train_seconds": round(seconds, 1),
    }


def _config_of(artefact: Artefact) -> HybridConfig:
    try:
        return HybridConfig.model_validate(artefact.manifest.metadata["hybrid"])
    except (KeyError, ValueError) as exc:
        version = artefact.manifest.version
        raise ArtefactDamaged(f"{version} was trained by another release ({exc}); train in full") from exc
