"""Vectors in fewer bytes beside exact float32: what they take, what they lose, how fast they answer.

Text vectors and the graph model's item vectors of a demo shop whose last 14 days are held out, and drawn
vectors of a larger shop for size and speed alone. Text is asked by the searches of the held-out days and
judged by what was chosen after them, the graph by what was bought in them. One thread, one query at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.lists import hits_of
from evaluation.metrics.ndcg import ndcg_at_k
from gnn.index import ExactIndex, Storage, build_index
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from graph.ingest import ingest
from graph.readers import open_source
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from nlu.encoder import open_encoder
from nlu.text_cache import embed_items
from ranking.holdout import bought, hold_out
from ranking.query_weight import QUERY_LABEL, search_pairs
from shopgraph.demoshop.write import make_shop
from shopgraph.settings import Settings
from shopgraph.types import FloatMatrix, GraphSnapshot, Heldout, IntVector, VectorIndex

K, HELD_OUT_DAYS, EPOCHS = 10, 14.0, 10
N_DRAWN, DRAWN_DIM, N_TIMED = 100_000, 64, 200
_NOW = datetime(2026, 1, 1, tzinfo=UTC)

INT8_ROWS = "int8, a scale a row"
"""How vectors might be kept at rest; decoded to float32 before use, so it has no speed of its own."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Vectors, queries to them, and the value of ranked rows (n_queries, k) for each query where known."""

    name: str
    vectors: FloatMatrix
    queries: FloatMatrix
    depth: int = K
    value: Callable[[IntVector], NDArray[np.float64]] | None = None


def run(settings: Settings) -> list[dict[str, Any]]:
    """One row a set of vectors and storage; `ndcg@10_lost` is against float32, on the same queries."""
    return [row for asked in _sets(settings) for row in compare(asked)]


def compare(asked: Asked) -> list[dict[str, Any]]:
    """The rows of one set of vectors, float32 first; None where there is nothing to measure."""
    storages: tuple[Storage, ...] = ("float32", "float16", "sq8")
    near = _neighbours(ExactIndex(asked.vectors), asked.vectors)
    rows = []
    for storage in storages:
        index = build_index(asked.vectors, storage)
        rows.append(_row(asked, storage, index, near, index.row_bytes, _p50_ms(index, asked)))
    decoded = ExactIndex(int8_rows(asked.vectors))
    rows.append(_row(asked, INT8_ROWS, decoded, near, asked.vectors.shape[1] + 4, None))
    exact = rows[0]
    for row in rows:
        row["ratio_to_float32_bytes"] = round(row["bytes"] / exact["bytes"], 3)
        lost = None if row["ndcg@10"] is None else round(exact["ndcg@10"] - row["ndcg@10"], 5)
        row["ndcg@10_lost"] = lost
    return rows


def int8_rows(vectors: FloatMatrix) -> FloatMatrix:
    """What is left of vectors kept as int8 with one float32 scale a row."""
    scale = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), np.float32(1e-12)) / np.float32(127)
    decoded: FloatMatrix = np.rint(vectors / scale).astype(np.int8) * scale
    return decoded


def _row(
    asked: Asked, storage: str, index: VectorIndex, near: IntVector, row_bytes: int, p50_ms: float | None
) -> dict[str, Any]:
    shared = (_neighbours(index, asked.vectors)[:, :, None] == near[:, None, :]).any(axis=2)
    ndcg = None
    if asked.value is not None:
        ranked = index.search(asked.queries, asked.depth)[1]
        ndcg = round(float(asked.value(ranked).mean()), 5)
    return {
        "vectors": asked.name,
        "n_rows": len(asked.vectors),
        "dim": asked.vectors.shape[1],
        "storage": storage,
        "bytes": row_bytes * len(asked.vectors),
        "neighbour_recall@10": round(float(shared.mean()), 4),
        "n_queries": len(asked.queries),
        "ndcg@10": ndcg,
        "query_p50_cpu_ms": p50_ms,
    }


def _neighbours(index: VectorIndex, vectors: FloatMatrix) -> IntVector:
    """The ten rows nearest to each of some rows as they were given; a row may find itself."""
    return index.search(vectors[:: max(len(vectors) // 1_000, 1)], K)[1]


def _p50_ms(index: VectorIndex, asked: Asked) -> float:
    times = []
    for row in range(min(N_TIMED, len(asked.queries))):
        started = thread_time()
        index.search(asked.queries[row : row + 1], K)
        times.append(thread_time() - started)
    return round(float(np.median(times)) * 1000, 4)


def _sets(settings: Settings) -> Iterator[Asked]:
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as scratch:
        make_shop(Path(scratch) / "shop", rng=np.random.default_rng(7), now=_NOW)
        with SqliteStore(None) as store:
            ingest(open_source(Path(scratch) / "shop", "shop"), store)
            snapshot = build_snapshot(store, _NOW)
    train, heldout = hold_out(snapshot, "time", rng, days=HELD_OUT_DAYS)
    yield _text(snapshot, train.now.timestamp(), settings)
    yield _graph(train, heldout, rng)
    vectors = rng.normal(size=(N_DRAWN, DRAWN_DIM)).astype(np.float32)
    yield Asked("drawn", vectors, rng.normal(size=(N_TIMED, DRAWN_DIM)).astype(np.float32))


def _text(snapshot: GraphSnapshot, since_s: float, settings: Settings) -> Asked:
    encoder = open_encoder(settings.encoder_config)
    vectors = embed_items(encoder, snapshot.items.text, settings.encoder_config.cache_dir)
    pairs = search_pairs(snapshot, since_s)
    names = snapshot.nodes[QUERY_LABEL].names
    queries = encoder.encode([names[idx] for idx in pairs.query_idx], "query")

    def value(ranked: IntVector) -> NDArray[np.float64]:
        hits = ranked[:, :K] == pairs.item_idx[:, None]
        return ndcg_at_k(hits, np.ones(len(hits), np.int32), K)

    return Asked("text, searches", vectors, queries, K, value)


def _graph(train: GraphSnapshot, heldout: Heldout, rng: np.random.Generator) -> Asked:
    model = LinearKG(LinearKGConfig(epochs=EPOCHS, device="cpu"))
    model.fit(train, rng)
    histories = train.histories.take(heldout.user_idx)
    had = bought(histories, train)
    most = int(np.diff(had.indptr).max(initial=0))

    def value(ranked: IntVector) -> NDArray[np.float64]:
        new = ~had.toarray()[np.arange(len(ranked))[:, None], ranked]
        first = np.argsort(~new, axis=1, kind="stable")[:, :K]  # what was not bought yet, in order
        hits = hits_of(np.take_along_axis(ranked, first, 1), heldout)
        return ndcg_at_k(hits, np.diff(heldout.indptr).astype(np.int32), K)

    return Asked("graph, purchases", model.item_vectors, model.profiles(histories), K + most, value)
