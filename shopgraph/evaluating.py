"""`shopgraph evaluate`: trains from nothing, in memory, and ranks every item for every test user."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from evaluation.harness import ModelResult, PanelFn, evaluate_panel
from evaluation.provenance import peak_rss_mb
from evaluation.report import Report, Run, build_report
from evaluation.splits import Protocol, train_and_heldout
from gnn.index import ExactIndex
from gnn.linear.model import LinearKG
from graph.ingest import ingest
from graph.readers import open_source, read_test
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from nlu.encoder import open_encoder
from ranking.candidates import Candidates
from ranking.features import POPULARITY, TEXT_PROFILE
from ranking.holdout import bought
from ranking.hybrid import Hybrid
from ranking.models import GRAPH
from ranking.scorer import Scorer
from ranking.training import fit_hybrid
from shopgraph.demoshop.oracle import oracle_scores, truth_path
from shopgraph.pipeline import embed
from shopgraph.sections import sections, seed_detail
from shopgraph.settings import Settings
from shopgraph.types import ITEM, USER, FloatMatrix, GraphSnapshot, Heldout, Histories

CLEAN_RELATIONS = ("MADE_BY", "IN_CATEGORY", "CHILD_OF", "HAS_ATTRIBUTE")
"""Relations that were not computed from purchases, so that they can't know any of the test."""

PAIRS = (("hybrid", "hybrid_common"), ("hybrid", "item_item"), ("hybrid", "popularity"))
"""Compared user by user, beside the hybrid with all that it has without something."""

_WITHOUT = "without_"


@dataclass(frozen=True)
class Question:
    """What to evaluate. `days` are held out by `time`; `ablations` as in HybridConfig."""

    source: Path
    source_format: str
    protocol: Protocol
    variant: str = "all"
    seeds: tuple[int, ...] = (0,)
    days: float = 14.0
    ablations: tuple[str, ...] = (GRAPH,)


def evaluate(
    question: Question,
    settings: Settings,
    now: datetime,
    on_stage: Callable[[str], None],
    on_text: Callable[[int, int], None],
) -> Report:
    """The report of a source: read into memory, its texts embedded, then `evaluate_snapshot`."""
    snapshot = read_snapshot(question, now)
    snapshot = embed(snapshot, open_encoder(settings.encoder_config), settings, on_text)
    return evaluate_snapshot(snapshot, question, settings, on_stage)


def evaluate_snapshot(
    snapshot: GraphSnapshot, question: Question, settings: Settings, on_stage: Callable[[str], None]
) -> Report:
    """The report of all seeds; validation cut from the training part decides every parameter."""
    pairs = test_pairs(question)
    relations = CLEAN_RELATIONS if question.variant == "clean" else None
    config = settings.hybrid_config.model_copy(
        update={"relations": relations, "ablations": question.ablations}
    )
    results, details, seconds = [], [], []
    for seed in question.seeds:
        rng = np.random.default_rng(seed)
        train, heldout = train_and_heldout(
            snapshot, question.protocol, rng, test_pairs=pairs, days=question.days
        )
        started = perf_counter()
        hybrid = fit_hybrid(train, config, rng, on_stage)
        seconds.append(perf_counter() - started)
        on_stage(f"seed {seed}: ranking {train.n_items:,} items for {len(heldout):,} shoppers")
        result = evaluate_panel(_panel(hybrid, train, settings), train, heldout)
        results.append({**result, **_oracle(question, train, heldout)})
        details.append(seed_detail(hybrid, train, heldout, rng))
    run = Run(
        dataset=question.source.resolve().name,
        protocol=question.protocol,
        variant=question.variant,
        n_users=snapshot.n_users,
        n_items=snapshot.n_items,
        seeds=question.seeds,
        train_seconds=round(float(np.mean(seconds)), 1),
        peak_rss_mb=round(peak_rss_mb(), 1),
        device=settings.device,
    )
    found = results[0]
    compared = [("hybrid", name) for name in found if name.startswith(_WITHOUT)]
    compared += [pair for pair in PAIRS if set(pair) <= found.keys()]
    report = build_report(run, results, np.random.default_rng(0), compared)
    return replace(report, sections=sections(results, details, np.random.default_rng(0)))


def read_snapshot(question: Question, now: datetime) -> GraphSnapshot:
    """The source as a graph, in memory, without text vectors."""
    with SqliteStore(None) as store:
        ingest(open_source(question.source, question.source_format), store)
        return build_snapshot(store, now)


def test_pairs(question: Question) -> list[tuple[str, str]] | None:
    """(user_id, item_id) of the test part that the source brings with it, for `split` alone."""
    test = read_test(question.source, question.source_format) if question.protocol == "split" else None
    return None if test is None else list(zip(test.user_ids, test.item_ids, strict=True))


def _panel(hybrid: Hybrid, train: GraphSnapshot, settings: Settings) -> PanelFn:
    """The whole, the whole over served candidates, each part alone, and the whole without each ablation."""
    scorer = Scorer(hybrid)
    candidates = _candidates(scorer, train, settings)
    popularity = hybrid.features.columns[POPULARITY]

    def panel(histories: Histories) -> dict[str, FloatMatrix]:
        parts = scorer.parts(histories)
        whole: FloatMatrix = np.sum(list(parts.values()), axis=0, dtype=np.float32)
        found = {
            "hybrid": whole,
            "hybrid_served": _served(whole, histories, candidates, train),
            **{part: parts[part] for part in ("graph", "item_item", "features")},
            "popularity": np.broadcast_to(popularity, whole.shape).astype(np.float32),
        }
        texts = dict(hybrid.features.values(histories, None, {TEXT_PROFILE: 1.0}))
        if TEXT_PROFILE in texts:
            found["text"] = texts[TEXT_PROFILE]
        return found | _alternatives(hybrid, histories)

    return panel


def _alternatives(hybrid: Hybrid, histories: Histories) -> dict[str, FloatMatrix]:
    """The whole by other weights: the common ones where groups have their own, and those of each ablation."""
    others = {f"{_WITHOUT}{name}": weights for name, weights in hybrid.ablations.items()}
    if hybrid.group_weights:
        others["hybrid_common"] = hybrid.weights
    if not others:
        return {}
    parts = hybrid.standard_parts(histories)
    found = {name: np.zeros((len(histories), hybrid.n_items), np.float32) for name in others}
    for name, weights in others.items():
        for part, weight in {**weights.models, **weights.features}.items():
            found[name] += parts[part] * np.float32(weight)
    return found


def _candidates(scorer: Scorer, train: GraphSnapshot, settings: Settings) -> Candidates:
    graph = scorer.hybrid.graph_model
    graph_index = ExactIndex(graph.item_vectors) if isinstance(graph, LinearKG) else None
    text_index = None if train.text_vectors is None else ExactIndex(train.text_vectors)
    return Candidates(scorer, graph_index, text_index, settings.candidates)


def _served(
    scores: FloatMatrix, histories: Histories, candidates: Candidates, train: GraphSnapshot
) -> FloatMatrix:
    """Scores of the candidates that would be served, -inf elsewhere."""
    served = np.full_like(scores, -np.inf)
    had = bought(histories, train)
    for row in range(len(histories)):
        eligible = np.ones(train.n_items, np.bool_)
        eligible[had[[row]].indices] = False
        chosen = candidates.gather(histories.row(row), eligible)
        served[row, chosen] = scores[row, chosen]
    return served


def _oracle(question: Question, train: GraphSnapshot, heldout: Heldout) -> dict[str, ModelResult]:
    """What the planted tastes reach, on a demo shop; nothing elsewhere."""
    if question.source_format != "shop" or not truth_path(question.source).exists():
        return {}
    ids = train.nodes[USER].ids
    user_ids = [ids[user_idx] for user_idx in heldout.user_idx]
    truth = oracle_scores(question.source, user_ids, train.nodes[ITEM].ids, train.now)
    done = 0

    def panel(histories: Histories) -> dict[str, FloatMatrix]:
        nonlocal done  # the harness goes through the held-out users in order
        rows = slice(done, done + len(histories))
        done = rows.stop
        return {"oracle": truth[rows]}

    return evaluate_panel(panel, train, heldout)
