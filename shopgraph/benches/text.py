"""The text encoder as it comes beside the one that learned the shop: cold items, searches, and the cost.

The demo shop, and Amazon Beauty where SHOPGRAPH_DATA names the public data (it has no searches). Per seed a
tenth of the items is cold: nothing of them is in what is learned from. On the demo shop the last 14 days are
held out too, and with them the searches that are ranked. All figures are of the int8 encoder that serves.
"""

import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.bootstrap import bootstrap_interval, paired_difference
from evaluation.metrics.ndcg import ndcg_at_k
from evaluation.metrics.recall import recall_at_k
from evaluation.provenance import peak_rss_mb
from graph.ingest import ingest
from graph.readers import open_source
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from nlu.encoder import EncoderConfig, open_encoder
from nlu.text_cache import embed_texts
from nlu.tuning.config import TuningConfig
from ranking.holdout import bought, hold_out, main_event
from ranking.query_weight import QUERY_LABEL, SearchPairs, search_pairs
from shopgraph.demoshop.write import make_shop
from shopgraph.settings import Settings
from shopgraph.text_training import co_bought, searches
from shopgraph.types import BoolVector, FloatMatrix, GraphSnapshot, Interactions, IntVector, TextEncoder

COLD_SHARE, HELD_OUT_DAYS, K = 0.1, 14.0, 10
SEEDS = (0,)
MASKED_STEPS = 60
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_MAX_USERS, _MAX_SEARCHES = 4_000, 2_000


@dataclass(frozen=True, eq=False)
class Task:
    """What is learned from and what is asked: searches later than `train`, and purchases of cold items."""

    dataset: str
    train: GraphSnapshot
    cold: BoolVector
    searches: SearchPairs
    wanted: GraphSnapshot


Values1D = NDArray[np.float64]
Values = dict[str, Values1D]


def run(settings: Settings) -> list[dict[str, Any]]:
    """One row a data set, seed and encoder; a gain is over the encoder as it comes, user by user."""
    masked = settings.text_training.masked_steps or MASKED_STEPS
    variants = {
        "pairs": settings.text_training.model_copy(update={"masked_steps": 0}),
        "masked words, then pairs": settings.text_training.model_copy(update={"masked_steps": masked}),
    }
    rows: list[dict[str, Any]] = []
    for seed in SEEDS:
        for task in tasks(settings.data, seed):
            rows += compare(task, variants, settings, seed)
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in columns} for row in rows]


def compare(
    task: Task, variants: Mapping[str, TuningConfig], settings: Settings, seed: int
) -> list[dict[str, Any]]:
    """The rows of one task: the encoder as it comes, and each way of training it."""
    config = settings.encoder_config.model_copy(update={"threads": 1, "device": "cpu"})
    frozen, cost = _figures(task, open_encoder(config))
    head = {"dataset": task.dataset, "seed": seed, "n_items": task.train.n_items}
    rows = [{**head, "encoder": "as it comes", **_summary(frozen, frozen), **cost}]
    for name, variant in variants.items():
        with TemporaryDirectory() as scratch:
            # A process of its own, so that its peak of memory is its own.
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                said = pool.submit(tune, task.train, config, variant, Path(scratch), seed).result()
            encoder = open_encoder(config.model_copy(update={"encoder": said.pop("encoder")}))
            found, cost = _figures(task, encoder)
        rows.append({**head, "encoder": name, **_summary(found, frozen), **cost, **said})
    return rows


def tune(
    train: GraphSnapshot, config: EncoderConfig, tuning: TuningConfig, folder: Path, seed: int
) -> dict[str, Any]:
    """Trains into `folder`; what it cost and reached."""
    from nlu.tuning.tune import tune_encoder

    rng = np.random.default_rng(seed)
    pairs = [searches(train), co_bought(train, rng)]
    started, cpu_started = perf_counter(), process_time()
    tuned = tune_encoder(config, tuning, train.items.text, pairs, folder, rng)
    return {
        "encoder": str(tuned.encoder),
        "train_pairs": sum(len(each) for each in pairs),
        "validation_ndcg@10_before": round(tuned.pairs.first_ndcg, 4),
        "validation_ndcg@10": round(tuned.pairs.best_ndcg, 4),
        "best_step": tuned.pairs.best_step,
        "steps": len(tuned.pairs.losses),
        "masked_steps": len(tuned.masked_losses),
        "layers": tuning.layers,
        "batch_pairs": tuning.batch_pairs,
        "max_tokens": tuning.max_tokens,
        "parameters": tuned.n_parameters,
        "train_s": round(perf_counter() - started, 1),
        "train_cpu_s": round(process_time() - cpu_started, 1),
        "train_peak_rss_mb": round(peak_rss_mb(), 1),
    }


def tasks(data: Path | None, seed: int) -> Iterator[Task]:
    """The demo shop, then what there is of public data."""
    rng = np.random.default_rng(seed)
    with TemporaryDirectory() as scratch:
        make_shop(Path(scratch) / "shop", rng=np.random.default_rng(7), now=_NOW)
        snapshot = _read(Path(scratch) / "shop", "shop")
    yield timed_task("demo shop", snapshot, rng)
    if data is not None:
        snapshot = _read(data / "beauty", "pgpr")
        yield _with_cold("Amazon Beauty", snapshot, snapshot, search_pairs(snapshot, -np.inf), rng)


def timed_task(dataset: str, snapshot: GraphSnapshot, rng: np.random.Generator) -> Task:
    """The last days of a shop with times are held out, and with them the searches that are asked."""
    train, _ = hold_out(snapshot, "time", rng, days=HELD_OUT_DAYS)
    later = search_pairs(snapshot, train.now.timestamp()).sample(_MAX_SEARCHES, rng)
    return _with_cold(dataset, train, snapshot, later, rng)


def _with_cold(
    dataset: str,
    train: GraphSnapshot,
    wanted: GraphSnapshot,
    later: SearchPairs,
    rng: np.random.Generator,
) -> Task:
    cold = np.zeros(train.n_items, np.bool_)
    cold[rng.permutation(train.n_items)[: int(train.n_items * COLD_SHARE)]] = True
    x = train.interactions
    kept = ~cold[x.item_idx]
    warm = Interactions(x.user_idx[kept], x.item_idx[kept], x.type_code[kept], x.value[kept], x.time[kept])
    return Task(dataset, replace(train, interactions=warm, checksum=""), cold, later, wanted)


def _figures(task: Task, encoder: TextEncoder) -> tuple[Values, dict[str, float]]:
    """Values a user or search, and what the encoding of the items cost."""
    started = process_time()
    items = embed_texts(encoder, task.train.items.text)
    cost = {"embed_cpu_s": round(process_time() - started, 1)}
    values = {"cold_recall@10": _cold_recalls(task, items)}
    if len(task.searches.item_idx):
        names = task.train.nodes[QUERY_LABEL].names
        queries = embed_texts(encoder, [names[idx] for idx in task.searches.query_idx], kind="query")
        values["search_ndcg@10"], values["search_recall@10"] = _search_values(task, queries @ items.T)
    return values, cost


def _cold_recalls(task: Task, items: FloatMatrix) -> Values1D:
    """Of each user who bought cold items: recall@10 among the cold, by likeness to what else they bought."""
    event = {main_event(task.wanted)}
    had = bought(task.train.histories, task.train, event).astype(np.float32)
    wanted = bought(task.wanted.histories, task.wanted, event)[:, task.cold]
    asked = np.flatnonzero((np.diff(had.indptr) > 0) & (np.diff(wanted.indptr) > 0))[:_MAX_USERS]
    centred = items - items.mean(axis=0)
    ranked = _best((had[asked] @ centred) @ centred[task.cold].T)
    relevant = wanted[asked].toarray()
    return recall_at_k(np.take_along_axis(relevant, ranked, 1), relevant.sum(axis=1).astype(np.int32), K)


def _search_values(task: Task, scores: FloatMatrix) -> tuple[Values1D, Values1D]:
    hits = _best(scores) == task.searches.item_idx[:, None]
    one = np.ones(len(hits), np.int32)
    return ndcg_at_k(hits, one, K), recall_at_k(hits, one, K)


def _best(scores: FloatMatrix) -> IntVector:
    return np.argsort(-scores, axis=1, kind="stable")[:, :K].astype(np.int32)


def _summary(found: Values, frozen: Values) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for name, values in found.items():
        interval = bootstrap_interval(values, np.random.default_rng(0))
        gain = paired_difference(values, frozen[name], np.random.default_rng(0))
        summary[name] = {"mean": round(interval.mean, 4), "ci95": _ends(interval.low, interval.high)}
        summary[f"{name}_gain"] = {"mean": round(gain.mean, 4), "ci95": _ends(gain.low, gain.high)}
        summary[f"{name}_n"] = len(values)
    return summary


def _ends(low: float, high: float) -> list[float]:
    return [round(low, 4), round(high, 4)]


def _read(folder: Path, source_format: str) -> GraphSnapshot:
    with SqliteStore(None) as store:
        ingest(open_source(folder, source_format), store)
        return build_snapshot(store, _NOW)
