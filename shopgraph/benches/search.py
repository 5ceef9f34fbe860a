"""Searches that were followed by a choice: BM25, the text alone, the hybrid, and the hybrid of the shopper.

The demo shop's searches of the last 14 days and what was selected after them; on Amazon Beauty, where
SHOPGRAPH_DATA names the public data, known items: a few words of the title of something that a shopper
bought in the test, every second query misspelt. The weights of the text part are learned on validation: by
the training itself where the shop has searches, else on known items of what was held out of the training.
What was bought before is listed like everything else, as BM25 does not know it either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from nlu.tagger.noise import misspell
from ranking.candidates import Candidates
from ranking.catalogue import Catalogue
from ranking.engine import Ask, Engine
from ranking.holdout import heldout_from_ids, hold_out, validation_cut
from ranking.hybrid import TEXT, WORDS, Hybrid
from ranking.profiles import Profiles
from ranking.query_weight import QUERY_LABEL, SearchPairs, learn_query_weights, search_pairs
from ranking.scorer import Scorer
from ranking.tokens import Signer
from ranking.training import fit_hybrid
from ranking.words import word_texts
from shopgraph.demoshop.write import make_shop
from shopgraph.pipeline import embed
from shopgraph.settings import Settings
from shopgraph.types import (
    ITEM,
    USER,
    Filters,
    FloatMatrix,
    GraphSnapshot,
    Heldout,
    IntVector,
    TextEncoder,
)

HELD_OUT_DAYS, K, MAX_QUERIES, MAX_LEARNED = 14.0, 10, 2_000, 1_000
BM25, MEANING, TEXT_ONLY = "BM25", "encoder alone", "text only"
HYBRID, PERSONAL = "hybrid", "personal hybrid"
OVER = {BM25: BM25, MEANING: BM25, TEXT_ONLY: BM25, HYBRID: TEXT_ONLY, PERSONAL: HYBRID}
"""What each ranker's gain is over."""

_WORDS_OF_A_TITLE = (2, 5)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_EVERYTHING = Filters(include_bought=True)


@dataclass(frozen=True, eq=False)
class Searches:
    """Who searched for what and wanted which item; all of one length."""

    user_idx: IntVector
    words: Sequence[str]
    item_idx: IntVector


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
        row["ms_a_query"] = round(1_000 * seconds / len(hits), 3)
        weights = task.hybrid.weights
        row["gamma_meaning"], row["gamma_letters"] = round(weights.text, 3), round(weights.words, 3)
        rows.append(row)
    return rows


def known_items(snapshot: GraphSnapshot, heldout: Heldout, most: int, rng: np.random.Generator) -> Searches:
    """For some users one held-out item each, and two to four words of its title, every second misspelt."""
    rows = rng.permutation(len(heldout))[:most]
    picked = heldout.indptr[rows] + (rng.random(len(rows)) * np.diff(heldout.indptr)[rows]).astype(np.int64)
    items = heldout.item_idx[picked]
    words = [_recalled(snapshot.items.title[item], rng) for item in items]
    return Searches(heldout.user_idx[rows], words, items)


def _recalled(title: str, rng: np.random.Generator) -> str:
    words = title.split()
    kept = np.sort(rng.permutation(len(words))[: rng.integers(*_WORDS_OF_A_TITLE)])
    query = " ".join(words[place] for place in kept)
    return misspell(query, rng) if rng.random() < 0.5 else query


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
        yield _known_item_task(snapshot, heldout_from_ids(snapshot, pairs), settings)


def demo_task(snapshot: GraphSnapshot, settings: Settings, encoder: TextEncoder) -> Task:
    """The last days of a shop are held out, and with them the searches that are asked."""
    rng = np.random.default_rng(settings.seed)
    train, _ = hold_out(snapshot, "time", rng, days=HELD_OUT_DAYS)
    hybrid = fit_hybrid(train, settings.hybrid_config, rng, encoder=encoder)
    pairs = search_pairs(snapshot, train.now.timestamp()).sample(MAX_QUERIES, rng)
    words = [snapshot.nodes[QUERY_LABEL].names[idx] for idx in pairs.query_idx]
    return Task("demo shop", train, hybrid, Searches(pairs.user_idx, words, pairs.item_idx))


def _known_item_task(snapshot: GraphSnapshot, test: Heldout, settings: Settings) -> Task:
    """Trained without a validation cut, on whose known items the text part's weights are learned."""
    rng = np.random.default_rng(settings.seed)
    train, held = validation_cut(snapshot, rng)
    hybrid = fit_hybrid(train, settings.hybrid_config, rng)
    encoder = open_encoder(settings.encoder_config)
    learned = _weights_learned(hybrid, train, known_items(train, held, MAX_LEARNED, rng), encoder)
    return Task("Amazon Beauty", train, learned, known_items(train, test, MAX_QUERIES, rng))


def _weights_learned(
    hybrid: Hybrid, train: GraphSnapshot, searches: Searches, encoder: TextEncoder
) -> Hybrid:
    vectors = encoder.encode(list(searches.words), "query")
    index = hybrid.words
    assert index is not None  # every hybrid that is trained here has one

    def personal(users: IntVector) -> FloatMatrix:
        return hybrid.weighted(train.histories.take(users), hybrid.weights)

    def likeness(rows: IntVector) -> tuple[FloatMatrix, FloatMatrix]:
        letters = index.score_many([searches.words[row] for row in rows])
        meaning = hybrid.features.likeness(vectors[rows])
        return meaning / np.float32(hybrid.scales[TEXT]), letters / np.float32(hybrid.scales[WORDS])

    pairs = SearchPairs(searches.user_idx, np.arange(len(vectors), dtype=np.int32), searches.item_idx)
    found = learn_query_weights(personal, pairs, likeness)
    assert found is not None  # there are more than enough pairs
    meaning, letters = found
    return replace(
        hybrid,
        weights=replace(hybrid.weights, text=meaning, words=letters),
        group_weights={
            name: replace(one, text=meaning, words=letters) for name, one in hybrid.group_weights.items()
        },
    )


def _ranked(task: Task, vectors: FloatMatrix) -> Iterator[tuple[str, IntVector, float]]:
    """Each ranker's name, its best items, shape (n_queries, K), and what they took, seconds."""
    words = task.searches.words
    peer = bm25s.BM25()
    peer.index([_tokens(text) for text in word_texts(task.train.items)], show_progress=False)
    scorer = Scorer(task.hybrid)
    parser = QueryParser(shop_names(task.train))
    engine = _engine(task, scorer)

    def bm25(row: int) -> IntVector:
        return _best(peer.get_scores(_tokens(words[row])))

    def meaning(row: int) -> IntVector:
        return _best(task.hybrid.features.likeness(vectors[[row]])[0])

    def text(row: int) -> IntVector:
        letters = scorer.letters(words[row])
        likeness = task.hybrid.features.likeness(vectors[[row]])[0]
        scaled = likeness * np.float32(task.hybrid.weights.text / task.hybrid.scales[TEXT])
        return _best(scaled if letters is None else scaled + letters)

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


def _tokens(text: str) -> list[str]:
    return [singular(token.key) for token in tokens(fold(tidy(text)))]


def _best(scores: NDArray[np.floating]) -> IntVector:
    return np.argsort(-scores, kind="stable")[:K].astype(np.int32)


def _read(folder: Path, source_format: str, encoder: TextEncoder, settings: Settings) -> GraphSnapshot:
    with SqliteStore(None) as store:
        ingest(open_source(folder, source_format), store)
        snapshot = build_snapshot(store, _NOW)
    return embed(snapshot, encoder, settings, lambda done, total: None)
