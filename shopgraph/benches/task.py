"""A split written out once for all peers: plain arrays, as their environments share no package with ours."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.cold import View, sampled_view
from nlu.encoder import open_encoder
from ranking.config import HybridConfig
from ranking.holdout import bought, main_event, validation_cut, with_relations
from shopgraph.benches.peers import Limits
from shopgraph.errors import BadSource
from shopgraph.evaluating import (
    Question,
    config_for,
    is_ordered,
    read_snapshot,
    test_pairs,
    train_and_test,
)
from shopgraph.evaluating_cold import ColdQuestion, cold_cut
from shopgraph.pipeline import embed
from shopgraph.settings import Settings
from shopgraph.types import ITEM, USER, GraphSnapshot, Heldout, Histories


@dataclass(frozen=True, eq=False)
class Split:
    """Training data, what is asked of it, and the cut of the training data that settings are chosen on.

    Attributes:
        train: what is learned from.
        known: what users already have.
        views: the questions, by names of their own.
        part: `train` less the items of `validation`.
        validation: what settings are chosen on.
        repeats: whether what was bought may be listed again.
        config: how the hybrid is trained.
    """

    train: GraphSnapshot
    known: GraphSnapshot
    views: dict[str, View]
    part: GraphSnapshot
    validation: Heldout
    repeats: bool
    config: HybridConfig


def read_split(
    question: Question,
    now: datetime,
    seed: int,
    settings: Settings,
    *,
    with_text: bool = False,
    repeats: bool = False,
) -> Split:
    """The split of a question, the same for the same seed; validation is cut as the test part was.

    Args:
        question: what to read, and how to cut it; its seeds are not used.
        now: when the question is asked; the cut by time may depend on it.
        seed: draws what is cut at random.
        settings: name the text encoder, and the hybrid.
        with_text: whether texts are embedded, for models that read them.
        repeats: whether what is bought again counts.

    Raises:
        BadSource: the data are too few for the protocol.
    """
    rng = np.random.default_rng(seed)
    snapshot = read_snapshot(question, now)
    if with_text and any(snapshot.items.text):
        snapshot = embed(snapshot, open_encoder(settings.encoder_config), settings, lambda done, total: None)
    try:
        train, known, views = _asked(snapshot, question, rng, repeats)
    except ValueError as exc:
        raise BadSource(f"{question.source}: {exc}") from exc
    views = {name: sampled_view(view, question.limit_users, seed) for name, view in views.items()}
    said = {"repeats": repeats, "ablations": ()}
    config = config_for(snapshot, question, settings).model_copy(update=said)
    train = with_relations(train, config.relations)
    part, validation = validation_cut(train, rng, config.validation, repeats=repeats)
    return Split(train, known, views, part, validation, repeats, config)


def _asked(
    snapshot: GraphSnapshot, question: Question, rng: np.random.Generator, repeats: bool
) -> tuple[GraphSnapshot, GraphSnapshot, dict[str, View]]:
    """What is learned from, what users already have, and the questions."""
    pairs, protocol = test_pairs(question), question.protocol
    if protocol == "cold-items" or protocol == "cold-users":
        asked = ColdQuestion(protocol, question.seeds, ordered=is_ordered(snapshot, question))
        cut = cold_cut(snapshot, pairs, asked, rng)
        return cut.train, cut.known, cut.views
    train, heldout = train_and_test(snapshot, pairs, question, rng, repeats=repeats)
    return train, train, {"repeats_counted" if repeats else protocol: View(heldout)}


def write_task(folder: Path, split: Split, limits: Limits, seed: int) -> None:
    """What `benchmarks/peers/common.py` reads.

    `train.npz` and `part.npz` are users × items in CSR form with, per pair, `weight` (its events, one of the
    main type counting 1), `place` (of its last event in the user's history) and `owned` (bought);
    `triples.npy` is (head, relation, tail), an item's entity number being its item_idx. Of each view there
    are `VIEW.npz`, its users and which items may be listed; `VIEW-known.npz`, what each of
    them has; and, where models are not to see that, `VIEW-given.npz`.
    """
    train = split.train
    folder.mkdir(parents=True, exist_ok=True)
    _save_interactions(folder / "train.npz", train, train.histories)
    _save_interactions(folder / "part.npz", split.part, split.part.histories)
    for name, view in split.views.items():
        users = view.heldout.user_idx
        among = np.ones(train.n_items, np.bool_) if view.among is None else view.among
        np.savez(folder / f"{name}.npz", users=users, among=among)
        _save_interactions(folder / f"{name}-known.npz", train, split.known.histories.take(users))
        if view.given is not None:
            _save_interactions(folder / f"{name}-given.npz", train, view.given)
    held = split.validation
    np.savez(folder / "validation.npz", user_idx=held.user_idx, indptr=held.indptr, item_idx=held.item_idx)
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
        "views": list(split.views),
        "repeats": split.repeats,
    }
    (folder / "task.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _save_interactions(path: Path, snapshot: GraphSnapshot, histories: Histories) -> None:
    n_items, owners = snapshot.n_items, histories.owners()
    pairs, pair_of = np.unique(owners * n_items + histories.item_idx, return_inverse=True)
    defaults = {event.name: event.default_weight for event in snapshot.event_types}
    types = (
        np.array([event.default_weight for event in snapshot.event_types]) / defaults[main_event(snapshot)]
    )
    place = np.zeros(len(pairs), np.int64)
    np.maximum.at(place, pair_of, np.arange(len(owners)) - histories.indptr[owners])
    owned = bought(histories, snapshot).tocoo()
    np.savez(
        path,
        indptr=np.searchsorted(pairs, np.arange(len(histories) + 1) * n_items),
        item_idx=(pairs % n_items).astype(np.int32),
        weight=np.bincount(pair_of, types[histories.type_code], len(pairs)).astype(np.float32),
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
