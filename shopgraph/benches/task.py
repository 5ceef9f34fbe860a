"""A split written out once for all peers: plain arrays, as their environments share no package with ours."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.splits import train_and_heldout
from nlu.encoder import open_encoder
from ranking.holdout import bought, main_event, validation_cut, with_relations
from shopgraph.benches.peers import Limits
from shopgraph.evaluating import CLEAN_RELATIONS, Question, read_snapshot, test_pairs
from shopgraph.pipeline import embed
from shopgraph.settings import Settings
from shopgraph.types import ITEM, USER, GraphSnapshot, Heldout


@dataclass(frozen=True, eq=False)
class Split:
    """Training data, the items to be found, and the cut of the training data that settings are chosen on.

    `part` is `train` less the items of `validation`.
    """

    train: GraphSnapshot
    heldout: Heldout
    part: GraphSnapshot
    validation: Heldout


def read_split(
    question: Question, now: datetime, seed: int, settings: Settings, *, with_text: bool = False
) -> Split:
    """The split of a question, the same for the same seed; validation is cut as the test part was.

    Args:
        question: what to read, and how to cut it; its seeds are not used.
        now: when the question is asked; the cut by time may depend on it.
        seed: draws what is cut at random.
        settings: name the text encoder.
        with_text: whether texts are embedded, for models that read them.
    """
    rng = np.random.default_rng(seed)
    snapshot = read_snapshot(question, now)
    if with_text and any(snapshot.items.text):
        snapshot = embed(snapshot, open_encoder(settings.encoder_config), settings, lambda done, total: None)
    pairs = test_pairs(question)
    train, heldout = train_and_heldout(snapshot, question.protocol, rng, test_pairs=pairs, days=question.days)
    train = with_relations(train, CLEAN_RELATIONS if question.variant == "clean" else None)
    part, validation = validation_cut(train, rng, "last" if question.protocol == "next-item" else "auto")
    return Split(train, heldout, part, validation)


def write_task(folder: Path, split: Split, limits: Limits, seed: int) -> None:
    """What `benchmarks/peers/common.py` reads.

    `train.npz` and `part.npz` are users × items in CSR form with, per pair, `weight` (its events, one of the
    main type counting 1), `place` (of its last event in the user's history) and `owned` (bought);
    `triples.npy` is (head, relation, tail), an item's entity number being its item_idx.
    """
    train = split.train
    folder.mkdir(parents=True, exist_ok=True)
    _save_interactions(folder / "train.npz", train)
    _save_interactions(folder / "part.npz", split.part)
    held = split.validation
    np.savez(folder / "validation.npz", user_idx=held.user_idx, indptr=held.indptr, item_idx=held.item_idx)
    np.save(folder / "test_users.npy", split.heldout.user_idx)
    triples, n_entities = _triples(train)
    np.save(folder / "triples.npy", triples)
    said = {
        "n_users": train.n_users,
        "n_items": train.n_items,
        "n_entities": n_entities,
        "seconds": limits.seconds,
        "max_epochs": limits.epochs,
        "max_settings": limits.settings,
        "threads": limits.threads,
        "device": limits.device,
        "seed": seed,
    }
    (folder / "task.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _save_interactions(path: Path, snapshot: GraphSnapshot) -> None:
    x, n_items = snapshot.interactions, snapshot.n_items
    pairs, pair_of = np.unique(x.user_idx.astype(np.int64) * n_items + x.item_idx, return_inverse=True)
    defaults = {event.name: event.default_weight for event in snapshot.event_types}
    types = (
        np.array([event.default_weight for event in snapshot.event_types]) / defaults[main_event(snapshot)]
    )
    place = np.zeros(len(pairs), np.int64)
    np.maximum.at(place, pair_of, np.arange(len(x)) - snapshot.histories.indptr[x.user_idx])
    owned = bought(snapshot.histories, snapshot).tocoo()
    np.savez(
        path,
        indptr=np.searchsorted(pairs, np.arange(snapshot.n_users + 1) * n_items),
        item_idx=(pairs % n_items).astype(np.int32),
        weight=np.bincount(pair_of, types[x.type_code], len(pairs)).astype(np.float32),
        place=place.astype(np.int32),
        owned=np.isin(pairs, owned.row.astype(np.int64) * n_items + owned.col),
    )


def _triples(snapshot: GraphSnapshot) -> tuple[NDArray[np.int64], int]:
    """Distinct (head, relation, tail), int64 (n, 3), and the number of entities; users are none."""
    labels = [ITEM, *sorted(label for label in snapshot.nodes if label not in {ITEM, USER})]
    starts = np.concatenate([[0], np.cumsum([len(snapshot.nodes[label]) for label in labels])])
    first = dict(zip(labels, starts.tolist(), strict=False))
    found = [np.zeros((0, 3), np.int64)]
    for number, (edge_type, edges) in enumerate(sorted(snapshot.relations.items())):
        if USER in (edge_type.src, edge_type.dst):
            continue
        relation = np.full(len(edges), number)
        found.append(
            np.stack([edges.src + first[edge_type.src], relation, edges.dst + first[edge_type.dst]], 1)
        )
    return np.unique(np.concatenate(found), axis=0), int(starts[-1])
