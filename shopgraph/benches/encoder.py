"""The text encoder on one CPU thread: torch float32 beside ONNX int8, speed and what int8 loses.

Texts are titles (Amazon Beauty's where SHOPGRAPH_DATA names the public data, else the demo shop's) and the
demo shop's Chinese titles. Times are CPU seconds of this process: neighbours on the machine count little.
"""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch

from nlu.encoder import open_encoder
from nlu.onnx_encoder import MODEL, OnnxEncoder
from shopgraph.demoshop.catalogue import draw_stock
from shopgraph.demoshop.texts import write_texts
from shopgraph.settings import Settings
from shopgraph.types import FloatMatrix, TextEncoder

N_TEXTS, N_QUERIES, N_NEIGHBOURS = 640, 100, 10
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(settings: Settings) -> list[dict[str, Any]]:
    """One row a backend; cosine and the overlap of the 10 nearest titles are against torch float32."""
    titles, chinese = _texts(settings.data)
    config = settings.encoder_config.model_copy(update={"threads": 1, "batch_size": 32, "device": "cpu"})
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows: list[dict[str, Any]] = []
        reference: FloatMatrix | None = None
        for backend in ("torch", "onnx-int8"):
            encoder = open_encoder(config.model_copy(update={"backend": backend}))
            figures, vectors = _measure(encoder, titles)
            vectors = np.concatenate([vectors, encoder.encode(chinese, "passage")])
            reference = vectors if reference is None else reference
            rows.append({"backend": backend, **figures, **_loss(vectors, reference, len(titles))})
    finally:
        torch.set_num_threads(n_threads)
    for row in rows:
        row["ratio_to_torch"] = round(row["texts_per_cpu_s"] / rows[0]["texts_per_cpu_s"], 2)
    return rows


def _texts(data: Path | None) -> tuple[list[str], list[str]]:
    """N_TEXTS titles and as many Chinese ones."""
    rng = np.random.default_rng(0)
    stock = draw_stock(N_TEXTS, _NOW, rng)
    drawn = write_texts(stock.items, rng)
    if data is None:
        return drawn["title"], drawn["title_zh"]
    with gzip.open(data / "beauty" / "items.jsonl.gz", "rt", encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines]
    picked = rng.choice(len(items), N_TEXTS, replace=False)
    titles = [" ".join([items[row]["short_title"], *items[row]["brand"]]) for row in picked]
    return titles, drawn["title_zh"]


def _measure(encoder: TextEncoder, titles: list[str]) -> tuple[dict[str, float], FloatMatrix]:
    encoder.encode(titles[:32], "passage")
    started = process_time()
    vectors = encoder.encode(titles, "passage")
    seconds = process_time() - started
    times = np.empty(N_QUERIES)
    for row in range(N_QUERIES):
        started = process_time()
        encoder.encode([titles[row]], "query")
        times[row] = process_time() - started
    figures = {"texts_per_cpu_s": round(len(titles) / seconds, 1)}
    figures["query_p50_cpu_ms"] = round(float(np.median(times)) * 1000, 2)
    if isinstance(encoder, OnnxEncoder):
        figures["model_mb"] = round((encoder.folder / MODEL).stat().st_size / 1e6, 1)
    return figures, vectors


def _loss(vectors: FloatMatrix, reference: FloatMatrix, n_titles: int) -> dict[str, float]:
    cosine = (vectors * reference).sum(1)
    found, wanted = (_nearest(matrix[:n_titles]) for matrix in (vectors, reference))
    shared = [len(set(ours) & set(theirs)) for ours, theirs in zip(found, wanted, strict=True)]
    return {
        "cosine_titles_mean": round(float(cosine[:n_titles].mean()), 5),
        "cosine_titles_min": round(float(cosine[:n_titles].min()), 5),
        "cosine_chinese_mean": round(float(cosine[n_titles:].mean()), 5),
        "cosine_chinese_min": round(float(cosine[n_titles:].min()), 5),
        "nearest_10_shared": round(float(np.mean(shared)) / N_NEIGHBOURS, 3),
    }


def _nearest(vectors: FloatMatrix) -> list[list[int]]:
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    nearest: list[list[int]] = np.argsort(-scores, axis=1)[:, :N_NEIGHBOURS].tolist()
    return nearest
