"""The comparison of text encoders, on a small demo shop with an encoder that is trained in seconds."""

from typing import Any

import numpy as np
import pytest

from graph.ingest import ingest
from graph.readers import open_source
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from nlu.encoder import EncoderConfig
from nlu.tuning.config import TuningConfig
from ranking.query_weight import QUERY_LABEL
from shopgraph.benches.text import COLD_SHARE, Task, compare, timed_task
from shopgraph.demoshop.write import make_shop
from shopgraph.settings import Settings
from tests.planted import NOW
from tests.word_model import write_word_model

TRAINING = TuningConfig(layers=2, steps=30, batch_pairs=16, learning_rate=0.01, evaluate_every=15)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("data") / "shop"
    make_shop(folder, rng=np.random.default_rng(0), now=NOW, n_items=200, n_users=100)
    with SqliteStore(None) as store:
        ingest(open_source(folder, "shop"), store)
        snapshot = build_snapshot(store, NOW)
    return timed_task("small shop", snapshot, np.random.default_rng(0))


@pytest.fixture(scope="module")
def rows(task: Task, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("text")
    texts = (*task.train.items.text, *task.train.nodes[QUERY_LABEL].names)
    model = write_word_model(folder / "shop-bert", (word for text in texts for word in text.split()))
    text = EncoderConfig(cache_dir=folder / "cache", max_tokens=16, device="cpu")
    return compare(task, {"pairs": TRAINING}, Settings(encoder=str(model), text=text), seed=0)


def test_nothing_of_cold_items_or_of_the_held_out_days_is_learned_from(task: Task) -> None:
    x = task.train.interactions
    assert task.cold.sum() == task.train.n_items * COLD_SHARE
    assert not task.cold[x.item_idx].any()
    assert x.time.max() < task.train.now.timestamp()
    assert task.wanted.interactions.time.max() > task.train.now.timestamp()
    assert len(task.searches.item_idx) > 0


def test_each_encoder_has_a_row_and_gains_are_over_the_one_as_it_comes(rows: list[dict[str, Any]]) -> None:
    frozen, pairs = rows
    assert [row["encoder"] for row in rows] == ["as it comes", "pairs"]
    for metric in ("cold_recall@10", "search_ndcg@10", "search_recall@10"):
        low, high = pairs[metric]["ci95"]
        assert 0 <= low <= pairs[metric]["mean"] <= high <= 1
        gain = pairs[metric]["mean"] - frozen[metric]["mean"]
        assert pairs[f"{metric}_gain"]["mean"] == pytest.approx(gain, abs=2e-4)
        assert frozen[f"{metric}_gain"] == {"mean": 0, "ci95": [0, 0]}
    assert pairs["steps"] == 30
    assert pairs["validation_ndcg@10"] >= pairs["validation_ndcg@10_before"]
    assert pairs["train_peak_rss_mb"] > 100
