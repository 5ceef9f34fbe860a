"""The training of the tagger for a store, and the tagger that it left there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from gnn.artefact import ArtefactRoot
from nlu.model_files import training_packages
from nlu.tagger.labels import LabelledQuery
from nlu.tagger.queryner_data import as_query, read_queryner
from nlu.tagger.shop_words import shop_words
from nlu.tagger.tagger import Tagger
from shopgraph.settings import Settings
from shopgraph.types import GraphSnapshot

_FOLDER = "nlu"


@dataclass(frozen=True)
class TrainedNlu:
    """What the training made; figures are of made queries whose templates were never learned from."""

    version: str
    folder: Path
    span_f1: float
    intent_accuracy: float
    seconds: float


def train_nlu(
    snapshot: GraphSnapshot, root: Path, settings: Settings, now: datetime, on_stage: Callable[[str], None]
) -> TrainedNlu:
    """Trains the tagger on queries made of the snapshot's names and keeps it as a version below `root`/nlu.

    Where the public data has queryner/, its training split is learned too.

    Raises:
        BadSource: those files are broken.
        BadSettings: the text encoder can't be used.
        DependencyMissing: the packages for training are not installed.
    """
    with training_packages():
        from nlu.tagger.training import train_tagger

    started = perf_counter()
    rng = np.random.default_rng(settings.seed)
    real = _real_queries(settings.data)
    versions = ArtefactRoot(root / _FOLDER)
    with versions.create() as draft:
        report = train_tagger(
            settings.encoder_config,
            settings.nlu_training,
            shop_words(snapshot),
            draft.folder,
            rng,
            on_stage,
            real,
        )
        best = report.best_epoch - 1
        seconds = perf_counter() - started
        metadata = {
            "snapshot": snapshot.checksum,
            "encoder": settings.encoder_config.encoder,
            "training": settings.nlu_training.model_dump(),
            "queries": report.n_queries,
            "real_queries": len(real),
            "parameters": report.n_parameters,
            "validation_span_f1": report.span_f1,
            "validation_intent_accuracy": report.intent_accuracy,
            "best_epoch": report.best_epoch,
            "train_seconds": round(seconds, 1),
        }
        version = draft.commit(metadata, now)
    versions.activate(version)
    folder = versions.open(version).folder
    return TrainedNlu(version, folder, report.span_f1[best], report.intent_accuracy[best], seconds)


def _real_queries(data: Path | None) -> list[LabelledQuery]:
    if data is None or not (data / "queryner").is_dir():
        return []
    return [as_query(tagged) for tagged in read_queryner(data / "queryner")["train"]]


def open_tagger(root: Path, threads: int = 1) -> Tagger | None:
    """The tagger in service below `root`, every file of it checked; None where none was trained.

    Raises:
        ArtefactDamaged: a file is not the one that was trained.
    """
    versions = ArtefactRoot(root / _FOLDER)
    if versions.current() is None:
        return None
    return Tagger(versions.open().folder, threads=threads)
