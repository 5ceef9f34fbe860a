"""The data's way in five calls: ingest, take_snapshot, train, load; `evaluating` has the fifth.

with open_store(url) as store:
    ingest(open_source(folder, "shop"), store)
    snapshot = take_snapshot(store, now)
    version = train(snapshot, root, settings, rng, now).version
    serving = load(root, store, settings, now)
    serving.engine.answer(Ask(user_id="alice", now=now))
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from api.state import ServingState
from gnn.artefact import Artefact, ArtefactRoot
from gnn.index import FlatIndex, build_index, load_index
from gnn.linear.model import LinearKG
from graph.ingest import ingest
from graph.snapshot import build_snapshot as take_snapshot
from graph.snapshot import load_snapshot, save_snapshot
from graph.store import GraphStore
from nlu.encoder import export_serving, open_encoder
from nlu.llm.intent import open_intent_model
from nlu.parser import QueryParser
from nlu.shop import shop_names
from nlu.text_cache import embed_items
from ranking.candidates import Candidates
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.hybrid import Hybrid
from ranking.profiles import Profiles
from ranking.scorer import Scorer
from ranking.tokens import Signer
from shopgraph.errors import ArtefactMissing, BadRecord, BadSettings, StoreUnavailable
from shopgraph.nlu_training import open_tagger
from shopgraph.settings import Settings
from shopgraph.types import ITEM, USER, GraphSnapshot, Interactions, TextEncoder

__all__ = ["Trained", "embed", "ingest", "load", "take_snapshot", "train", "write_artefact"]

SNAPSHOT, HYBRID = "snapshot", "hybrid"
"""Folders of an artefact."""

_GRAPH_INDEX, _TEXT_INDEX = "graph.faiss", "text.faiss"
_ENCODERS, _KEY = "encoders", "signing.key"


@dataclass(frozen=True)
class Trained:
    """What a training made; `metrics` were measured on validation while the weights were learned."""

    version: str
    metrics: dict[str, float]
    seconds: float


def embed(
    snapshot: GraphSnapshot, encoder: TextEncoder, settings: Settings, on_progress: Callable[[int, int], None]
) -> GraphSnapshot:
    """The snapshot with the vectors of its items' texts; `on_progress` gets (done, total) texts."""
    vectors = embed_items(encoder, snapshot.items.text, settings.encoder_config.cache_dir, on_progress)
    return replace(snapshot, text_vectors=vectors)


def train(
    snapshot: GraphSnapshot,
    root: Path,
    settings: Settings,
    now: datetime,
    on_stage: Callable[[str], None],
    on_text: Callable[[int, int], None],
) -> Trained:
    """Train on a snapshot, write a new version of the artefact and make it the current one.

    Texts are embedded here, unless the snapshot has their vectors already. Of several processes that
    torchrun started the first one writes; in the others the version is "".
    """
    from gnn.training.ranks import first_on_this_machine  # what answers needs nothing of these
    from ranking.training import fit_hybrid

    started = perf_counter()
    encoder = open_encoder(settings.encoder_config)
    if snapshot.text_vectors is None:
        snapshot = embed(snapshot, encoder, settings, on_text)
    rng = np.random.default_rng(settings.seed)
    hybrid = fit_hybrid(snapshot, settings.hybrid_config, rng, on_stage, encoder, settings.tensorboard)
    if not first_on_this_machine():
        return Trained("", dict(hybrid.metrics), perf_counter() - started)
    seconds = perf_counter() - started
    version = write_artefact(
        hybrid, snapshot, root, settings, encoder, now, {"train_seconds": round(seconds, 1)}
    )
    return Trained(version, dict(hybrid.metrics), seconds)


def write_artefact(
    hybrid: Hybrid,
    snapshot: GraphSnapshot,
    root: Path,
    settings: Settings,
    encoder: TextEncoder,
    now: datetime,
    said: Mapping[str, object],
) -> str:
    """The new version of the artefact, made the current one; cut off before its end, it changes nothing.

    Args:
        hybrid: what was trained.
        snapshot: on what; with text vectors, if the hybrid has them.
        root: where the store's artefacts lie.
        settings: how.
        encoder: what read the texts.
        now: the moment of creation.
        said: further facts for the manifest.
    """
    export_serving(settings.encoder_config, _encoder_folder(root, encoder.name))
    artefacts = ArtefactRoot(root)
    with artefacts.create() as draft:
        save_snapshot(replace(snapshot, text_vectors=None), draft.folder / SNAPSHOT)
        (draft.folder / HYBRID).mkdir()
        hybrid.save(draft.folder / HYBRID)
        graph = hybrid.graph_model
        if isinstance(graph, LinearKG):
            build_index(graph.item_vectors, settings.index).save(draft.folder / _GRAPH_INDEX)
        if snapshot.text_vectors is not None:
            build_index(snapshot.text_vectors, settings.index).save(draft.folder / _TEXT_INDEX)
        version = draft.commit({**_metadata(snapshot, settings, hybrid, encoder), **said}, now)
    artefacts.activate(version)
    return version


def load(root: Path, store: GraphStore, settings: Settings, now: datetime) -> ServingState:
    """What answers: the current artefact, with everybody's history as the store holds it now.

    A store that does not answer is not needed: histories are then those of the training.

    Raises:
        ArtefactMissing: nothing was trained for this store.
        ArtefactDamaged: a file of the artefact is not the one that was trained.
    """
    artefact = ArtefactRoot(root).open()
    snapshot = _snapshot(artefact, store, now)
    engine = _engine(artefact, snapshot, root, settings)
    tagger = open_tagger(root)
    shared = tagger is not None and tagger.name == artefact.manifest.metadata["encoder"]
    encoder = tagger if shared else _serving_encoder(root, artefact, settings)
    language_model = open_intent_model(settings.llm)
    parser = QueryParser(shop_names(snapshot), tagger, language_model)
    return ServingState(engine, parser, encoder, store, language_model)


def open_engine(version: str, root: Path, store: GraphStore, settings: Settings, now: datetime) -> Engine:
    """The engine of a trained version, to answer beside the current one.

    Raises:
        ArtefactMissing: there is no such version.
        BadRecord: its text encoder is another than the current version's, so that it can't search.
    """
    artefacts = ArtefactRoot(root)
    artefact, current = artefacts.open(version), artefacts.open()
    theirs, ours = (each.manifest.metadata["encoder"] for each in (artefact, current))
    if theirs != ours:
        raise BadRecord("model_version", f"{version!r} reads texts by {theirs}, what serves by {ours}")
    return _engine(artefact, _snapshot(artefact, store, now), root, settings)


def _snapshot(artefact: Artefact, store: GraphStore, now: datetime) -> GraphSnapshot:
    """What was trained on, with everybody's history as the store holds it."""
    snapshot = load_snapshot(artefact.folder / SNAPSHOT)
    with suppress(StoreUnavailable):  # readiness says so; lists are answered from memory
        snapshot = _with_histories(snapshot, take_snapshot(store, now))
    return snapshot


def _engine(artefact: Artefact, snapshot: GraphSnapshot, root: Path, settings: Settings) -> Engine:
    hybrid = Hybrid.load(artefact.folder / HYBRID)
    graph_index, text_index = (_index(artefact, name) for name in (_GRAPH_INDEX, _TEXT_INDEX))
    scorer = Scorer(hybrid)
    return Engine(
        scorer,
        Catalogue.from_snapshot(snapshot),
        Candidates(scorer, graph_index, text_index, settings.candidates),
        Profiles(snapshot),
        Signer(_signing_key(root, settings)),
        artefact.manifest.version,
        settings.diversity,
    )


def _index(artefact: Artefact, name: str) -> FlatIndex | None:
    path = artefact.folder / name
    return load_index(path) if path.exists() else None


def _encoder_folder(root: Path, name: str) -> Path:
    """One folder for each encoder, shared by the versions that it made the vectors of."""
    return root / _ENCODERS / hashlib.sha256(name.encode()).hexdigest()[:16]


def _serving_encoder(root: Path, artefact: Artefact, settings: Settings) -> TextEncoder:
    folder = _encoder_folder(root, artefact.manifest.metadata["encoder"])
    if not folder.is_dir():
        raise ArtefactMissing(f"{folder}: the artefact's text encoder is not there; train again")
    return open_encoder(settings.text.model_copy(update={"encoder": str(folder), "threads": 1}))


def _with_histories(trained: GraphSnapshot, current: GraphSnapshot) -> GraphSnapshot:
    """The trained snapshot with the current users and interactions; new items wait for training."""
    if trained.checksum == current.checksum:
        return trained
    index = trained.nodes[ITEM].index
    row_of = np.array([index.get(item_id, -1) for item_id in current.nodes[ITEM].ids], np.int32)
    x = current.interactions
    known = row_of[x.item_idx] >= 0
    interactions = Interactions(
        x.user_idx[known], row_of[x.item_idx[known]], x.type_code[known], x.value[known], x.time[known]
    )
    nodes = {**trained.nodes, USER: current.nodes[USER]}
    return replace(trained, nodes=nodes, interactions=interactions, now=current.now)


def _signing_key(root: Path, settings: Settings) -> bytes:
    if settings.secret is not None:
        key = settings.secret.get_secret_value().encode()
        if len(key) < 16:
            raise BadSettings("setting 'secret': needs at least 16 characters")
        return key
    path = root / _KEY
    try:
        with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_hex(32))  # Path.open takes no opener
    except FileExistsError:
        pass
    return path.read_text(encoding="ascii").encode()


def _metadata(
    snapshot: GraphSnapshot, settings: Settings, hybrid: Hybrid, encoder: TextEncoder
) -> dict[str, object]:
    return {
        "snapshot": {
            "checksum": snapshot.checksum,
            "n_users": snapshot.n_users,
            "n_items": snapshot.n_items,
            "n_interactions": len(snapshot.interactions),
        },
        "encoder": encoder.name,
        "seed": settings.seed,
        "hybrid": settings.hybrid_config.model_dump(mode="json"),
        "validation": dict(hybrid.metrics),
    }
