"""Ten days of a shop, or longer slices: an update each day beside a full training, and beside none at all.

Every day is a test first and training data afterwards: what shoppers bought on it is ranked by models that
end where it begins. Forgetting is measured on purchases from before the first day that are never trained
on: who still finds them, in the shop as it was then, has not forgotten. Costs are CPU seconds of the
trainings alone; the texts' vectors are made once for all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.days import among_items, as_of, purchases_between, without_last_purchases
from evaluation.harness import evaluate_panel
from nlu.encoder import open_encoder
from ranking.hybrid import Hybrid
from ranking.scorer import Scorer
from ranking.training import fit_hybrid
from ranking.updating import changes_between, update_hybrid
from shopgraph.demoshop.write import make_shop
from shopgraph.errors import BadSettings
from shopgraph.evaluating import Question, read_snapshot
from shopgraph.pipeline import embed
from shopgraph.settings import Settings
from shopgraph.types import ITEM, NO_TIME, GraphSnapshot, Heldout, NodeTable

SLICES = 10
FULL, UPDATED, KEPT = "full", "incremental", "never"
"""A full training each day, an update each day, the model of the first day for ever."""

_OLD_SHARE = 0.5
_METRIC = "ndcg@10"
_N_RESAMPLES = 2_000
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Model:
    """A hybrid, the items it knows, and the CPU seconds that it took."""

    hybrid: Hybrid
    items: NodeTable
    cpu_s: float


@dataclass(frozen=True, eq=False)
class Tested:
    """What a slice showed: each model's NDCG@10, shopper by shopper, in it and on the old purchases.

    `cpu_s` are each model's CPU seconds of the training just before it.
    """

    said: Mapping[str, str | int]
    of_slice: Mapping[str, NDArray[np.float64]]
    old: Mapping[str, NDArray[np.float64]]
    cpu_s: Mapping[str, float]


def run(
    question: Question,
    settings: Settings,
    now: datetime,
    on_stage: Callable[[str], None],
    *,
    slice_days: float = 1.0,
    demo: bool = False,
) -> list[dict[str, Any]]:
    """The rows of `measure` for each seed, on the question's source, or on a demo shop in its place."""
    snapshot, dataset = _demo(settings) if demo else _read(question, settings, now)
    rows = []
    for seed in question.seeds:
        found = measure(snapshot, settings, seed, on_stage, slice_days=slice_days)
        rows += [{"dataset": dataset, "seed": seed, "slice_days": slice_days, **row} for row in found]
    return rows


def measure(
    snapshot: GraphSnapshot,
    settings: Settings,
    seed: int,
    on_stage: Callable[[str], None] = lambda _: None,
    *,
    slices: int = SLICES,
    slice_days: float = 1.0,
) -> list[dict[str, Any]]:
    """A row for each slice, and a last one over all of them.

    Args:
        snapshot: a shop with times, twice as long as all slices; with text vectors, if texts shall count.
        settings: what is trained and how it is updated.
        seed: of the trainings, and of who is asked for old purchases.
        on_stage: gets a line a slice.
        slices: how many updates there are.
        slice_days: days between two of them.

    Raises:
        BadSettings: the shop has no times, or its events do not reach back so far.
    """
    times, step = snapshot.interactions.time, timedelta(days=slice_days)
    needed = 2 * (slices + 1) * step
    if (times == NO_TIME).any() or np.ptp(times) < needed.total_seconds():
        raise BadSettings(f"bench incremental needs times, and events of {needed.days} days or more")
    start = snapshot.now - (slices + 1) * step
    shop, old = without_last_purchases(snapshot, start, _OLD_SHARE, np.random.default_rng(seed))
    tested = []
    for one in _slices(shop, old, [start + n * step for n in range(slices + 2)], settings, seed):
        tested.append(one)
        on_stage(str(_row(one)))
    return [*map(_row, tested), _row(_together(tested))]


def _slices(
    shop: GraphSnapshot, old: Heldout, ends: Sequence[datetime], settings: Settings, seed: int
) -> Iterator[Tested]:
    known = then = as_of(shop, ends[0])
    latest = first = _trained(then, settings, seed)
    for n, (now, end) in enumerate(pairwise(ends[1:]), start=1):
        train = as_of(shop, now)
        latest = _gone_on(latest, known, train, settings, seed + n)
        models = {FULL: _trained(train, settings, seed + n), UPDATED: latest, KEPT: first}
        bought = purchases_between(shop, train, end)
        said: dict[str, str | int] = {
            "slice": str(n),
            "n_new_events": len(train.interactions) - len(known.interactions),
            "n_new_items": train.n_items - known.n_items,
            "n_shoppers": len(bought),
        }
        known = train
        of_slice, of_old = (
            _ndcg(models, asked, heldout) for asked, heldout in ((train, bought), (then, old))
        )
        yield Tested(
            said, of_slice, of_old, {name: model.cpu_s for name, model in models.items()} | {KEPT: 0.0}
        )


def _trained(train: GraphSnapshot, settings: Settings, seed: int) -> Model:
    started = process_time()
    hybrid = fit_hybrid(train, settings.hybrid_config, np.random.default_rng(seed))
    return Model(hybrid, train.nodes[ITEM], process_time() - started)


def _gone_on(
    earlier: Model, known: GraphSnapshot, train: GraphSnapshot, settings: Settings, seed: int
) -> Model:
    started = process_time()
    changes = changes_between(known, train)
    rng = np.random.default_rng(seed)
    config = settings.hybrid_config
    hybrid = update_hybrid(earlier.hybrid, train, changes, config, settings.update, rng)
    return Model(hybrid, train.nodes[ITEM], process_time() - started)


def _ndcg(
    models: Mapping[str, Model], asked: GraphSnapshot, heldout: Heldout
) -> dict[str, NDArray[np.float64]]:
    """Each model's NDCG@10 of each held-out shopper, asked in the catalogue of a snapshot."""
    found = {}
    for name, model in models.items():
        panel = among_items(name, Scorer(model.hybrid).score, model.items, asked.nodes[ITEM])
        found[name] = evaluate_panel(panel, asked, heldout, (10,))[name].per_user[_METRIC]
    return found


def _together(tested: Sequence[Tested]) -> Tested:
    """All slices' shoppers and costs, and the old purchases as the last models find them."""
    names = tuple(tested[0].of_slice)
    said: dict[str, str | int] = {
        "slice": "all",
        **{name: sum(int(one.said[name]) for one in tested) for name in list(tested[0].said)[1:]},
    }
    return Tested(
        said,
        {name: np.concatenate([one.of_slice[name] for one in tested]) for name in names},
        tested[-1].old,
        {name: sum(one.cpu_s[name] for one in tested) for name in names},
    )


def _row(one: Tested) -> dict[str, Any]:
    full, updated = one.of_slice[FULL], one.of_slice[UPDATED]
    low, high = _ratio_interval(updated, full)
    return {
        **one.said,
        **{f"{_METRIC}_{name}": round(float(found.mean()), 5) for name, found in one.of_slice.items()},
        f"ratio_to_full_{_METRIC}": _ratio(updated, full),
        f"ratio_to_full_{_METRIC}_low": low,
        f"ratio_to_full_{_METRIC}_high": high,
        f"ratio_to_full_{_METRIC}_never": _ratio(one.of_slice[KEPT], full),
        "cpu_s_full": round(one.cpu_s[FULL], 2),
        "cpu_s_incremental": round(one.cpu_s[UPDATED], 2),
        "ratio_to_full_cpu_s": round(one.cpu_s[UPDATED] / one.cpu_s[FULL], 4),
        **{f"old_{_METRIC}_{name}": round(float(found.mean()), 5) for name, found in one.old.items()},
    }


def _ratio(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    return round(float(ours.sum() / max(theirs.sum(), 1e-9)), 4)


def _ratio_interval(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the ratio of two means over the same shoppers, by resampling them."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(ours), (_N_RESAMPLES, len(ours)))
    ratios = ours[drawn].sum(axis=1) / np.maximum(theirs[drawn].sum(axis=1), 1e-9)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return round(float(low), 4), round(float(high), 4)


def _demo(settings: Settings) -> tuple[GraphSnapshot, str]:
    with TemporaryDirectory() as scratch:
        make_shop(Path(scratch) / "shop", rng=np.random.default_rng(7), now=_NOW)
        return _read(Question(Path(scratch) / "shop", "shop", "time"), settings, _NOW)


def _read(question: Question, settings: Settings, now: datetime) -> tuple[GraphSnapshot, str]:
    """(a shop with its texts' vectors, what it is called)."""
    snapshot = read_snapshot(question, now)
    if any(snapshot.items.text):
        snapshot = embed(snapshot, open_encoder(settings.encoder_config), settings, lambda done, total: None)
    return snapshot, question.source.resolve().name
