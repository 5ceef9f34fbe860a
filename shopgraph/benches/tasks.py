"""What the linear model gains when it learns several tasks at once, from one set of vectors.

Per seed a demo shop whose last 14 days are held out. How long each training lasts is decided on a cut of the
rest, as is which of them is best; then it is trained on all of the rest, and asked for what was bought, put
into the cart and clicked on in the held-out days, and for the stars that were given in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.bootstrap import Interval, bootstrap_interval, paired_difference
from evaluation.harness import evaluate
from evaluation.ratings import unseen_ratings
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from gnn.ratings import RatingHead, Ratings, graph_signal, ratings_of
from gnn.training.board import EpochReport
from graph.ingest import ingest
from graph.readers import open_source
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from ranking.holdout import bought, hold_out, validation_cut
from shopgraph.demoshop.write import make_shop
from shopgraph.settings import Settings
from shopgraph.types import FloatMatrix, GraphSnapshot, Heldout, Histories

SEEDS, HELD_OUT_DAYS = (0, 1, 2), 14.0
ALONE = "purchase alone"
"""What the others are compared with."""

VARIANTS: Mapping[str, Mapping[str, float]] = {
    ALONE: {"purchase": 1.0},
    "one loss, by event weight": {},
    "purchase, cart, click": {"purchase": 1.0, "add_to_cart": 0.5, "view_item": 0.2},
    "purchase, cart, click, rating": {"purchase": 1.0, "add_to_cart": 0.5, "view_item": 0.2, "rate": 0.1},
    "all four, equal": {"purchase": 1.0, "add_to_cart": 1.0, "view_item": 1.0, "rate": 1.0},
}
"""The tasks of each training with their weights; every training sees all events of the past."""

LOOKED_FOR = ("purchase", "add_to_cart", "view_item")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cut:
    """A shop without its last days; what was met in them by each event, and the stars given in them."""

    train: GraphSnapshot
    heldout: Mapping[str, Heldout]
    ratings: Ratings


@dataclass(frozen=True, eq=False)
class Found:
    """Of one training: values by metric, a shopper or a rating each; its NDCG@10 on validation, and cost."""

    values: Mapping[str, Values]
    validation_ndcg: float
    epochs: int
    cpu_s: float


def run(settings: Settings) -> list[dict[str, Any]]:
    """One row a training, over all seeds; a gain is over purchase alone, shopper by shopper."""
    del settings
    found: dict[str, list[Found]] = {name: [] for name in VARIANTS}
    for seed in SEEDS:
        cut = cut_of(_shop(seed))
        for name, tasks in VARIANTS.items():
            found[name].append(measure(cut, LinearKGConfig(device="cpu", threads=1, tasks=dict(tasks)), seed))
    return [row_of(name, of_seeds, found[ALONE]) for name, of_seeds in found.items()]


def cut_of(snapshot: GraphSnapshot, days: float = HELD_OUT_DAYS) -> Cut:
    """The cut of a shop with times; what was met by an event before is not looked for again."""
    heldout = {}
    for event in LOOKED_FOR:
        train, heldout[event] = hold_out(
            snapshot, "time", np.random.default_rng(0), days=days, target_events={event}
        )
    return Cut(train, heldout, unseen_ratings(snapshot, train))


def measure(cut: Cut, config: LinearKGConfig, seed: int) -> Found:
    """Trains on a part to see for how long, then on all; the values are of the second."""
    rng = np.random.default_rng(seed)
    part, validation = validation_cut(cut.train, rng)
    reports: list[EpochReport] = []
    short = LinearKG(config, validation=validation, on_epoch=reports.append)
    short.fit(part, rng)
    model = LinearKG(config.model_copy(update={"epochs": max(short.best_epoch, 1)}))
    started = process_time()
    model.fit(cut.train, np.random.default_rng(seed))
    cpu_s = process_time() - started
    values = {f"{event}_ndcg@10": _ndcg(model, cut, event) for event in LOOKED_FOR}
    best = max(report.ndcg or 0.0 for report in reports)
    return Found(values | _rating_errors(model, cut), best, short.best_epoch, cpu_s)


def _ndcg(model: LinearKG, cut: Cut, event: str) -> Values:
    def scores(histories: Histories) -> FloatMatrix:
        found = model.score(histories)
        found[bought(histories, cut.train, {event}).nonzero()] = -np.inf
        return found

    result = evaluate({"": scores}, cut.train, cut.heldout[event], (10,))
    return result[""].per_user["ndcg@10"]


def _rating_errors(model: LinearKG, cut: Cut) -> dict[str, Values]:
    """Squared and absolute error of each held-out rating, by the head on this model's scores."""
    known, asked, histories = ratings_of(cut.train), cut.ratings, cut.train.histories
    head = RatingHead()
    signal = graph_signal(model, histories, known.user_idx, known.item_idx)
    head.fit(known, signal, cut.train.n_users, cut.train.n_items)
    signal = graph_signal(model, histories, asked.user_idx, asked.item_idx)
    places = (asked.user_idx, asked.item_idx, signal)
    off, off_median = (
        found.astype(np.float64) - asked.stars
        for found in (head.predict(*places), head.predict_median(*places))
    )
    return {"rating_mse": np.square(off), "rating_mae": np.abs(off_median)}


def row_of(name: str, found: list[Found], alone: list[Found]) -> dict[str, Any]:
    """The means over seeds and shoppers, with their intervals and the gains over purchase alone."""
    row: dict[str, Any] = {
        "tasks": name,
        "weights": dict(VARIANTS[name]),
        "validation_ndcg@10": round(float(np.mean([each.validation_ndcg for each in found])), 4),
        "epochs": [each.epochs for each in found],
        "train_cpu_s": round(float(np.mean([each.cpu_s for each in found])), 1),
    }
    for metric in found[0].values:
        ours, theirs = (np.concatenate([each.values[metric] for each in of]) for of in (found, alone))
        row[metric] = _said(bootstrap_interval(ours, np.random.default_rng(0)))
        row[f"{metric}_gain"] = _said(paired_difference(ours, theirs, np.random.default_rng(0)))
        row[f"{metric}_n"] = len(ours)
    row["rating_rmse"] = round(float(np.sqrt(row["rating_mse"]["mean"])), 4)
    return row


def _said(interval: Interval) -> dict[str, Any]:
    return {"mean": round(interval.mean, 4), "ci95": [round(interval.low, 4), round(interval.high, 4)]}


def _shop(seed: int) -> GraphSnapshot:
    with TemporaryDirectory() as scratch:
        make_shop(Path(scratch) / "shop", rng=np.random.default_rng(seed), now=_NOW)
        with SqliteStore(None) as store:
            ingest(open_source(Path(scratch) / "shop", "shop"), store)
            return build_snapshot(store, _NOW)
