"""Searches that were followed by a choice: BM25, the text alone, the hybrid, and the hybrid of the shopper.

The demo shop's searches of the last 28 days and what was selected after them; on Amazon Beauty, where
SHOPGRAPH_DATA names the public data, known items: a few words of the title of something that a shopper
bought in the test, every second query misspelt. The weights of the text part are those that the training
learned on its validation: from searches, or from known items where the shop has none; text only takes those
of a search by nobody. Figures `in_text` are of the queries whose every word the wanted item's texts have.
What was bought before is listed like everything else, as BM25 does not know it either.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from evaluation.bootstrap import bootstrap_interval, paired_difference
from evaluation.metrics.ndcg import ndcg_at_k
from evaluation.metrics.recall import recall_at_k
from gnn.index import ExactIndex
from gnn.linear.model import LinearKG
from graph.ingest import ingest
from graph.readers import open_source, read_test
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from nlu.encoder import open_encoder
from nlu.names import fold, singular, tidy, tokens
from nlu.parser import QueryParser
from nlu.shop import shop_names
from ranking.candidates import Candidates
from ranking.catalogue import Catalogue
from ranking.engine import Ask, Engine
from ranking.features import POPULARITY
from ranking.holdout import heldout_from_ids, hold_out
from ranking.hybrid import Hybrid
from ranking.profiles import Profiles
from ranking.scorer import Scorer
from ranking.search_lessons import Searches, known_items, past_searches
from ranking.tokens import Signer
from ranking.training import fit_hybrid
from ranking.words import word_texts
from shopgraph.demoshop.write import make_shop
from shopgraph.pipeline import embed
from shopgraph.settings import Settings
from shopgraph.types import (
    ITEM,
    USER,
    BoolVector,
    Filters,
    FloatMatrix,
    GraphSnapshot,
    Heldout,
    IntVector,
    TextEncoder,
)

HELD_OUT_DAYS, K, MAX_QUERIES = 28.0, 10, 2_000
BM25, MEANING, TEXT_ONLY = "BM25", "encoder alone", "text only"
HYBRID, PERSONAL = "hybrid", "personal hybrid"
OVER = {BM25: BM25, MEANING: BM25, TEXT_ONLY: BM25, HYBRID: TEXT_ONLY, PERSONAL: HYBRID}
"""What each ranker's gain is over."""

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_EVERYTHING = Filters(include_bought=True)


@dataclass(frozen=True, eq=False)
class Task:
    """A trained shop and the searches that it is asked."""

    dataset: str
    train: GraphSnapshot
    hybrid: Hybrid
    searches: Searches


def run(settings: Settings) -> list[dict[str, Any]]:
    """One row a data set and ranker; a gain is over the ranker that OVER names, query by query."""
    encoder = open_encoder(settings.encoder_config.model_copy(update={"threads": 1, "device": "cpu"}))
    rows: list[dict[str, Any]] = []
    for task in _tasks(settings, encoder):
        rows += compare(task, encoder)
    return rows


def compare(task: Task, encoder: TextEncoder) -> list[dict[str, Any]]:
    """The rows of one task, the plainest ranker first."""
    vectors = encoder.encode(list(task.searches.words), "query")
    head = {"dataset": task.dataset, "n_queries": len(task.searches.words), "n_items": task.train.n_items}
    rows: list[dict[str, Any]] = []
    values: dict[str, NDArray[np.float64]] = {}
    in_text = _in_text(task)
    head["share_in_text"] = round(float(in_text.mean()), 3)
    for name, ranked, seconds in _ranked(task, vectors):
        hits = ranked == task.searches.item_idx[:, None]
        one = np.ones(len(hits), np.int32)
        values[name] = ndcg_at_k(hits, one, K)
        interval = bootstrap_interval(values[name], np.random.default_rng(0))
        row = {**head, "ranker": name, f"ndcg@{K}": round(interval.mean, 4)}
        row["ci95"] = [round(interval.low, 4), round(interval.high, 4)]
        row["over"] = OVER[name]
        gain = paired_difference(values[name], values[OVER[name]], np.random.default_rng(0))
        row["gain"], row["gain_ci95"] = round(gain.mean, 4), [round(gain.low, 4), round(gain.high, 4)]
        row[f"recall@{K}"] = round(float(recall_at_k(hits, one, K).mean()), 4)
        for part, mine in (("in_text", in_text), ("otherwise", ~in_text)):
            found = values[name][mine]
            row[f"ndcg@{K}_{part}"] = round(float(found.mean()), 4) if len(found) else None
        row["ms_a_query"] = round(1_000 * seconds / len(hits), 3)
        row |= _weights_of(name, task.hybrid)
        rows.append(row)
    return rows


def _tasks(settings: Settings, encoder: TextEncoder) -> Iterator[Task]:
    with TemporaryDirectory() as scratch:
        make_shop(Path(scratch) / "shop", rng=np.random.default_rng(7), now=_NOW)
        snapshot = _read(Path(scratch) / "shop", "shop", encoder, settings)
    yield demo_task(snapshot, settings, encoder)
    if settings.data is not None:
        folder = settings.data / "beauty"
        snapshot = _read(folder, "pgpr", encoder, settings)
        test = read_test(folder, "pgpr")
        assert test is not None  # the source brings one
        pairs = zip(test.user_ids, test.item_ids, strict=True)
        yield known_item_task(snapshot, heldout_from_ids(snapshot, pairs), settings, encoder)


def demo_task(snapshot: GraphSnapshot, settings: Settings, encoder: TextEncoder) -> Task:
    """The last days of a shop are held out, and with them the searches that are asked."""
    rng = np.random.default_rng(settings.seed)
    train, _ = hold_out(snapshot, "time", rng, days=HELD_OUT_DAYS)
    hybrid = fit_hybrid(train, settings.hybrid_config, rng, encoder=encoder)
    return Task("demo shop", train, hybrid, past_searches(snapshot, train.now.timestamp(), MAX_QUERIES, rng))


def known_item_task(snapshot: GraphSnapshot, test: Heldout, settings: Settings, encoder: TextEncoder) -> Task:
    """Known items of the test, after a training that has learned from those of its own validation."""
    rng = np.random.default_rng(settings.seed)
    hybrid = fit_hybrid(snapshot, settings.hybrid_config, rng, encoder=encoder)
    return Task("Amazon Beauty", snapshot, hybrid, known_items(snapshot, test, MAX_QUERIES, rng))


def _ranked(task: Task, vectors: FloatMatrix) -> Iterator[tuple[str, IntVector, float]]:
    """Each ranker's name, its best items, shape (n_queries, K), and what they took, seconds."""
    words = task.searches.words
    peer = bm25s.BM25()
    peer.index([_tokens(text) for text in word_texts(task.train.items)], show_progress=False)
    scorer = Scorer(task.hybrid)
    texts_alone = Scorer(task.hybrid, task.hybrid.nobody)
    nobody = Profiles(task.train).nobody(task.train.now)
    parser = QueryParser(shop_names(task.train))
    engine = _engine(task, scorer)

    def bm25(row: int) -> IntVector:
        return _best(peer.get_scores(_tokens(words[row])))

    def meaning(row: int) -> IntVector:
        return _best(task.hybrid.features.likeness(vectors[[row]])[0])

    def text(row: int) -> IntVector:
        letters = texts_alone.letters(words[row], nobody)
        said = texts_alone.parts(nobody, vectors[[row]], None if letters is None else letters[None, :])
        return _best(said["text"][0])

    def answered(row: int, user_id: str | None) -> IntVector:
        ask = Ask(
            now=task.train.now,
            user_id=user_id,
            n=K,
            reasons=0,
            filters=_EVERYTHING,
            parsed=parser.parse(words[row]),
            query_vector=vectors[row],
        )
        index = task.train.nodes[ITEM].index
        found = [index[item.item_id] for item in engine.answer(ask).items]
        return np.array((found + [-1] * K)[:K], np.int32)

    def hybrid(row: int) -> IntVector:
        return answered(row, None)

    def personal(row: int) -> IntVector:
        return answered(row, task.train.nodes[USER].ids[task.searches.user_idx[row]])

    rankers = {
        BM25: bm25,
        MEANING: meaning,
        TEXT_ONLY: text,
        HYBRID: hybrid,
        PERSONAL: personal,
    }
    for name, ranker in rankers.items():
        started = perf_counter()
        ranked = np.stack([ranker(row) for row in range(len(words))])
        yield name, ranked, perf_counter() - started


def _engine(task: Task, scorer: Scorer) -> Engine:
    graph, text = task.hybrid.graph_model, task.hybrid.features.text
    graph_index = ExactIndex(graph.item_vectors) if isinstance(graph, LinearKG) else None
    return Engine(
        scorer,
        Catalogue.from_snapshot(task.train),
        Candidates(scorer, graph_index, None if text is None else ExactIndex(text)),
        Profiles(task.train),
        Signer(b"nobody outside this process sees it"),
        "bench",
    )


def _in_text(task: Task) -> BoolVector:
    """Of each search whether the texts of what was wanted have its every word, as BM25 reads them."""
    texts = word_texts(task.train.items)
    searches = zip(task.searches.words, task.searches.item_idx, strict=True)
    return np.array([set(_tokens(words)) <= set(_tokens(texts[item])) for words, item in searches], np.bool_)


def _tokens(text: str) -> list[str]:
    return [singular(token.key) for token in tokens(fold(tidy(text)))]


def _weights_of(ranker: str, hybrid: Hybrid) -> dict[str, float | None]:
    """What words and popularity weigh in a ranker that weighs them."""
    if ranker not in (TEXT_ONLY, HYBRID, PERSONAL):
        return dict.fromkeys(("gamma_meaning", "gamma_letters", "popularity"))
    weights = hybrid.weights if ranker == PERSONAL or hybrid.nobody is None else hybrid.nobody
    popularity = None if ranker == TEXT_ONLY else round(weights.features.get(POPULARITY, 0.0), 3)
    return {
        "gamma_meaning": round(weights.text, 3),
        "gamma_letters": round(weights.words, 3),
        "popularity": popularity,
    }


def _best(scores: NDArray[np.floating]) -> IntVector:
    return np.argsort(-scores, kind="stable")[:K].astype(np.int32)


def _read(folder: Path, source_format: str, encoder: TextEncoder, settings: Settings) -> GraphSnapshot:
    with SqliteStore(None) as store:
        ingest(open_source(folder, source_format), store)
        snapshot = build_snapshot(store, _NOW)
    return embed(snapshot, encoder, settings, lambda done, total: None)
