"""The demo, step by step: the same calls that anyone's data goes through."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from api.state import ServingState
from evaluation.report import Report
from graph.open import open_store
from graph.readers import open_source
from nlu.encoder import open_encoder
from ranking.engine import Ask
from ranking.serialise import to_json
from shopgraph import pipeline
from shopgraph.commands.models import text_progress, write_report
from shopgraph.demoshop.write import make_shop
from shopgraph.evaluating import Question, evaluate_snapshot
from shopgraph.settings import Settings
from shopgraph.terminal import note, progress_bar

N_SHOWN = 10


@dataclass(frozen=True)
class DemoDone:
    """What the demo made; `lists` are in the shape of the API."""

    lists: list[dict[str, Any]]
    report: Report
    serving: ServingState


def run_demo(folder: Path, settings: Settings, seed: int, now: datetime) -> DemoDone:
    """Make the shop anew, load, evaluate, train on all of it, and answer the named shoppers."""
    shop = folder / "shop"
    shutil.rmtree(shop, ignore_errors=True)
    note(f"1/5 making a shop in {shop}")
    facts = make_shop(shop, rng=np.random.default_rng(seed), now=now)
    note(f"    {facts.n_items:,} items, {facts.n_users:,} shoppers, {facts.n_events:,} events")
    settings = settings.model_copy(update={"artefacts": folder / "artefacts", "seed": seed})
    database = folder / "shop.db"
    for leftover in folder.glob("shop.db*"):
        leftover.unlink()
    url = f"sqlite:///{database}"
    store = open_store(url)
    with progress_bar("2/5 loading it") as show:
        summary = pipeline.ingest(
            open_source(shop, "shop"),
            store,
            folder / "rejects.jsonl",
            lambda done, total, rate: show(done, total, f"{rate:,.0f} rows/s"),
        )
    note(f"2/5 loaded {summary.new_events:,} events at {summary.rows_per_s:,.0f} rows/s")
    snapshot = pipeline.take_snapshot(store, now)
    note("3/5 evaluating: the last 14 days are held out")
    with text_progress() as on_text:
        snapshot = pipeline.embed(snapshot, open_encoder(settings.encoder_config), settings, on_text)
    report = evaluate_snapshot(snapshot, Question(shop, "shop", "time", seeds=(seed,)), settings, note)
    write_report(report, folder, "evaluation")
    for name in ("hybrid", "graph", "popularity", "oracle"):
        note(f"    NDCG@10 {report.models[name]['ndcg@10'].mean:.4f}  {name}")
    note("4/5 training on everything")
    root = settings.artefact_root(url)
    pipeline.train(snapshot, root, settings, now, note, lambda done, total: None)
    note("5/5 answering")
    serving = pipeline.load(root, store, settings, now)
    lists = [
        to_json(serving.engine.answer(Ask(user_id=shopper.user_id, n=N_SHOWN, now=now)))
        for shopper in facts.shoppers
    ]
    return DemoDone(lists, report, serving)
