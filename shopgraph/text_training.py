"""What the text encoder learns from, out of a snapshot, and its training for a store."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from gnn.artefact import ArtefactRoot
from nlu.model_files import training_packages
from nlu.tuning.pairs import TextPairs
from ranking.holdout import main_event
from ranking.query_weight import QUERY_LABEL, search_pairs
from shopgraph.errors import BadSource
from shopgraph.settings import Settings
from shopgraph.types import GraphSnapshot, NodeTable

PARTNERS = 4
"""Co-bought items drawn for each purchase."""


@dataclass(frozen=True)
class TrainedText:
    """What the training made; `encoder` is the folder that `SHOPGRAPH_ENCODER` may name."""

    version: str
    encoder: Path
    ndcg_before: float
    ndcg: float
    seconds: float


def train_text(
    snapshot: GraphSnapshot, root: Path, settings: Settings, now: datetime, on_stage: Callable[[str], None]
) -> TrainedText:
    """Trains the text encoder on what the snapshot holds and keeps it as a version below `root`/text.

    Raises:
        BadSource: the shop has neither searches that ended in a choice nor baskets to learn from.
    """
    with training_packages():
        from nlu.tuning.tune import SERVING, tune_encoder

    started = perf_counter()
    rng = np.random.default_rng(settings.seed)
    pairs = [searches(snapshot), co_bought(snapshot, rng)]
    if not any(len(each) for each in pairs):
        raise BadSource("the shop has no searches and no baskets that a text encoder could learn from")
    on_stage(", ".join(f"{len(each):,} {each.name} pairs" for each in pairs))
    versions = ArtefactRoot(root / "text")
    with versions.create() as draft:
        tuned = tune_encoder(
            settings.encoder_config,
            settings.text_training,
            snapshot.items.text,
            pairs,
            draft.folder,
            rng,
            on_stage,
        )
        metadata = {
            "snapshot": snapshot.checksum,
            "base": settings.encoder_config.encoder,
            "training": settings.text_training.model_dump(),
            "validation_ndcg@10": tuned.pairs.measured,
            "best_step": tuned.pairs.best_step,
            "parameters": tuned.n_parameters,
        }
        version = draft.commit(metadata, now)
    versions.activate(version)
    encoder = versions.open(version).folder / SERVING
    return TrainedText(
        version, encoder, tuned.pairs.first_ndcg, tuned.pairs.best_ndcg, perf_counter() - started
    )


def searches(snapshot: GraphSnapshot) -> TextPairs:
    """Searches and the items that were chosen after them, one pair a choice."""
    found = search_pairs(snapshot, -np.inf)
    words = snapshot.nodes.get(QUERY_LABEL, NodeTable((), ())).names
    return TextPairs("search", "query", words, found.query_idx, found.item_idx)


def co_bought(snapshot: GraphSnapshot, rng: np.random.Generator) -> TextPairs:
    """Items that one shopper bought: for each purchase at most `PARTNERS` others of the same shopper's."""
    x = snapshot.interactions
    main = [event.name == main_event(snapshot) for event in snapshot.event_types]
    bought = np.array(main, np.bool_)[x.type_code]
    owner, item = x.user_idx[bought], x.item_idx[bought]
    first = np.searchsorted(owner, owner)
    count = np.searchsorted(owner, owner, side="right") - first
    anchors = np.tile(item, PARTNERS)
    places = np.tile(first, PARTNERS) + (rng.random(len(anchors)) * np.tile(count, PARTNERS)).astype(np.int64)
    partners = item[places]
    other = anchors != partners
    return TextPairs("co-bought", "passage", snapshot.items.text, anchors[other], partners[other])
