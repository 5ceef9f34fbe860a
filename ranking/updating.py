"""Going on from an earlier hybrid: what is new is learned, what was learned before is kept.

The graph model takes a few steps from where it was, over the shoppers with new events and a sample of the
others, so that it does not forget them. EASE is computed anew in the rows and columns of what changed; what
comes by counting or from the graph model's vectors is computed anew, and so are the features with their
scales: a shop's first new item in weeks must not be out of all proportion.
Weights, the models' scales, groups and calibration stay those of the last full training.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gnn.item_item.model import Ease
from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.registry import ModelConfig, SavedModel, Watch, build_model, refit_config
from ranking.config import HybridConfig
from ranking.feature_fitting import fit_features
from ranking.holdout import with_relations
from ranking.hybrid import Hybrid
from ranking.models import LINEAR
from ranking.words import WordIndex, word_texts
from shopgraph.types import (
    ITEM,
    USER,
    BoolVector,
    GraphSnapshot,
    Interactions,
    IntVector,
    NodeTable,
)


class UpdateConfig(BaseModel):
    """How an incremental update learns; chosen on days of a demo shop before those that the bench tests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=5, ge=1)
    """Passes of the graph model over the shoppers that the update learns from."""
    learning_rate: float = Field(default=0.002, gt=0)
    """Step size of Adam in those passes."""
    replay: float = Field(default=3.0, ge=0)
    """Other shoppers for each with new events, drawn at random, so that what they taught stays."""
    min_users: int = Field(default=512, ge=1)
    """Shoppers that an update learns from at least, where the shop has so many."""


@dataclass(frozen=True, eq=False)
class Changes:
    """What a snapshot has that an earlier one had not.

    `user_idx`, ascending, are the later snapshot's users with other events than before, `item_idx` its items
    with other events or relations, new ones included; `item_rows` is the row of each of its items in the
    earlier one, -1 where it is new. `n_events` may be negative where more was forgotten than added.
    """

    user_idx: IntVector
    item_idx: IntVector
    item_rows: IntVector
    n_users: int
    n_items: int
    n_events: int
    n_relations: int

    def __bool__(self) -> bool:
        return bool(len(self.user_idx) or len(self.item_idx) or self.n_users or self.n_relations)


def changes_between(before: GraphSnapshot, after: GraphSnapshot, since: datetime | None = None) -> Changes:
    """What is new; with `since` the users with events from then on count as changed in any case.

    Users, items and events are told apart by id and number: an event that was only corrected is not seen.
    """
    user_rows, item_rows = (rows_of(before.nodes[label], after.nodes[label]) for label in (USER, ITEM))
    x, earlier = after.interactions, before.interactions
    users = _other_counts(user_rows, earlier.user_idx, before.n_users, x.user_idx)
    items = _other_counts(item_rows, earlier.item_idx, before.n_items, x.item_idx) | (item_rows < 0)
    items |= _other_counts(item_rows, _item_ends(before), before.n_items, _item_ends(after))
    if since is not None:
        late = x.time >= int(since.timestamp())
        users[x.user_idx[late]] = items[x.item_idx[late]] = True
    return Changes(
        user_idx=np.flatnonzero(users).astype(np.int32),
        item_idx=np.flatnonzero(items).astype(np.int32),
        item_rows=item_rows,
        n_users=int((user_rows < 0).sum()),
        n_items=int((item_rows < 0).sum()),
        n_events=len(x) - len(earlier),
        n_relations=_n_edges(after) - _n_edges(before),
    )


def rows_of(earlier: NodeTable, later: NodeTable) -> IntVector:
    """Row of each later node in the earlier table, -1 where it is new."""
    index = earlier.index
    return np.array([index.get(node_id, -1) for node_id in later.ids], np.int32)


def update_hybrid(
    earlier: Hybrid,
    snapshot: GraphSnapshot,
    changes: Changes,
    config: HybridConfig,
    update: UpdateConfig,
    rng: np.random.Generator,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Hybrid:
    """The hybrid of a later snapshot, gone on from an earlier one.

    Args:
        earlier: never changed here.
        snapshot: all that is known now; with `text_vectors` of the same encoder, if it had them before.
        changes: since the earlier hybrid's snapshot.
        config: what the earlier hybrid was made of.
        update: how much is learned.
        rng: draws the shoppers and the steps.
        on_progress: gets a line for each stage.
    """
    snapshot = with_relations(snapshot, config.relations)
    part = interactions_of(snapshot, learned_from(snapshot, changes, update, rng))
    models: dict[str, SavedModel] = {}
    for name, model in earlier.models.items():
        if isinstance(model, LinearKG):
            on_progress(f"going on with {name}")
            later = LinearKG(
                _few_steps(model.config, update, config),
                start=model,
                on_epoch=lambda report: on_progress(str(report)),
            )
            later.fit(part, rng)
            models[name] = later
        elif isinstance(model, Ease):
            on_progress(f"going on with {name}")
            models[name] = model.gone_on(snapshot, changes.item_rows, changes.item_idx)
        else:
            on_progress(f"fitting {name} anew")
            models[name] = _anew(model, config.models[name], snapshot, models, rng)
    on_progress("fitting features")
    features = fit_features(snapshot, config.features, rng, repeats=config.repeats)
    words = WordIndex.fit(word_texts(snapshot.items))
    return replace(earlier, models=models, features=features, n_items=snapshot.n_items, words=words)


def learned_from(
    snapshot: GraphSnapshot, changes: Changes, update: UpdateConfig, rng: np.random.Generator
) -> IntVector:
    """The users whom the graph model learns from, ascending: the changed ones and a sample of the others."""
    others = np.setdiff1d(np.flatnonzero(np.diff(snapshot.histories.indptr)), changes.user_idx)
    n_changed = len(changes.user_idx)
    n_replayed = max(round(update.replay * n_changed), update.min_users - n_changed)
    replayed = rng.permutation(others)[:n_replayed]
    return np.sort(np.concatenate([changes.user_idx, replayed])).astype(np.int32)


def interactions_of(snapshot: GraphSnapshot, user_idx: NDArray[np.integer]) -> GraphSnapshot:
    """The same graph with what some users did alone."""
    chosen: BoolVector = np.zeros(snapshot.n_users, np.bool_)
    chosen[user_idx] = True
    x, kept = snapshot.interactions, chosen[snapshot.interactions.user_idx]
    interactions = Interactions(*(column[kept] for column in vars(x).values()))
    return replace(snapshot, interactions=interactions, checksum="")


def _few_steps(trained: LinearKGConfig, update: UpdateConfig, config: HybridConfig) -> LinearKGConfig:
    """The graph model's settings for the steps of an update."""
    steps = {"epochs": update.epochs, "learning_rate": update.learning_rate}
    return trained.model_copy(
        update={**steps, "schedule": "constant", "warm_up_steps": 0, "device": config.graph.device}
    )


def _anew(
    model: SavedModel,
    settings: ModelConfig,
    snapshot: GraphSnapshot,
    updated: Mapping[str, SavedModel],
    rng: np.random.Generator,
) -> SavedModel:
    linear = updated.get(LINEAR)
    watch = Watch(None, lambda _: None, linear=linear if isinstance(linear, LinearKG) else None)
    later = build_model(refit_config(model, settings), snapshot.n_items, watch)
    later.fit(snapshot, rng)
    return later


def _other_counts(
    rows: IntVector, earlier: NDArray[np.integer], n_earlier: int, later: NDArray[np.integer]
) -> BoolVector:
    """Whether each later row occurs another number of times than it did in its earlier row."""
    was = np.append(np.bincount(earlier, minlength=n_earlier), 0)[rows]  # -1, a new row: the 0 at the end
    other: BoolVector = np.bincount(later, minlength=len(rows)) != was
    return other


def _item_ends(snapshot: GraphSnapshot) -> NDArray[np.integer]:
    """The items that relations start or end at, once for each."""
    found = [np.zeros(0, np.int32)]
    for edge_type, edges in snapshot.relations.items():
        found += [edges.src] if edge_type.src == ITEM else []
        found += [edges.dst] if edge_type.dst == ITEM else []
    return np.concatenate(found)


def _n_edges(snapshot: GraphSnapshot) -> int:
    return sum(len(edges) for edges in snapshot.relations.values())
