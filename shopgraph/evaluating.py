"""`shopgraph evaluate`: trains from nothing, in memory, and ranks every item for every test user."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

import numpy as np

from evaluation.cold import sampled
from evaluation.explanations import Explanations
from evaluation.harness import ModelResult, evaluate_panel
from evaluation.provenance import peak_rss_mb
from evaluation.ratings import unseen_ratings
from evaluation.report import Report, Run, build_report, common_models, section_of, with_section
from evaluation.splits import ColdStart, Protocol, train_and_heldout
from evaluation.trade_off import trade_off
from graph.ingest import ingest
from graph.readers import open_source, read_test
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from nlu.encoder import open_encoder
from ranking.config import HybridConfig
from ranking.models import GRAPH
from ranking.training import fit_hybrid
from shopgraph.demoshop.oracle import oracle_scores, truth_path
from shopgraph.errors import BadSource
from shopgraph.evaluating_cold import ColdQuestion, evaluate_cold
from shopgraph.panel import LAST_BASKETS, MOST_BOUGHT, WITHOUT, hybrid_panel
from shopgraph.pipeline import embed
from shopgraph.sections import sections, seed_detail
from shopgraph.settings import Settings
from shopgraph.types import ITEM, NO_TIME, USER, FloatMatrix, GraphSnapshot, Heldout, Histories

CLEAN_RELATIONS = ("MADE_BY", "IN_CATEGORY", "CHILD_OF", "HAS_ATTRIBUTE")
"""Relations that were not computed from purchases, so that they can't know any of the test."""

PAIRS = (
    ("hybrid", "hybrid_common"),
    ("hybrid", "item_item"),
    ("hybrid", "popularity"),
    ("hybrid", LAST_BASKETS),
    ("hybrid", MOST_BOUGHT),
)
"""Compared user by user, beside the hybrid with all that it has without something."""


@dataclass(frozen=True)
class Question:
    """What to evaluate. `days` are held out by `time`; `ablations` as in HybridConfig.

    `repeats` asks once more with what was bought before listed, and relevant when bought again;
    `limit_users` asks for so many of the held-out users alone, drawn by the seed; `explanations` measures
    how faithful the reasons of the first seed's hybrid are, too, and how like them those of the second one;
    `trade_off` what diversity, novelty and exposure cost the first seed's lists.
    """

    source: Path
    source_format: str
    protocol: Protocol
    variant: str = "all"
    seeds: tuple[int, ...] = (0,)
    days: float = 14.0
    ablations: tuple[str, ...] = (GRAPH,)
    repeats: bool = False
    limit_users: int | None = None
    explanations: bool = False
    trade_off: bool = False


def evaluate(
    question: Question,
    settings: Settings,
    now: datetime,
    on_stage: Callable[[str], None],
    on_text: Callable[[int, int], None],
) -> Report:
    """The report of a source: read into memory, its texts embedded, then `evaluate_snapshot`."""
    snapshot = read_snapshot(question, now)
    if any(snapshot.items.text):
        snapshot = embed(snapshot, open_encoder(settings.encoder_config), settings, on_text)
    return evaluate_snapshot(snapshot, question, settings, on_stage)


def evaluate_snapshot(
    snapshot: GraphSnapshot, question: Question, settings: Settings, on_stage: Callable[[str], None]
) -> Report:
    """The report of all seeds; validation cut from the training part decides every parameter.

    Raises:
        BadSource: the data are too few for the protocol, or have no times.
    """
    config = config_for(snapshot, question, settings)
    pairs = test_pairs(question)
    protocol = question.protocol
    if protocol == "cold-items" or protocol == "cold-users":
        asked = ColdQuestion(
            protocol,
            question.seeds,
            ordered=is_ordered(snapshot, question),
            limit_users=question.limit_users,
        )
        report = evaluate_cold(snapshot, pairs, asked, config, _run(snapshot, question, settings), on_stage)
    else:
        report = _evaluate_cut(snapshot, pairs, question, config, settings, on_stage)
        if question.repeats:
            on_stage("once more, with repeats counted")
            config = config.model_copy(update={"repeats": True})
            counted = _evaluate_cut(snapshot, pairs, question, config, settings, on_stage)
            report = with_section(report, "repeats_counted", section_of(counted))
    if question.limit_users is not None:
        report = with_section(report, "sample", {"limit_users": question.limit_users})
    return report


def _evaluate_cut(
    snapshot: GraphSnapshot,
    pairs: list[tuple[str, str]] | None,
    question: Question,
    config: HybridConfig,
    settings: Settings,
    on_stage: Callable[[str], None],
) -> Report:
    results: list[dict[str, ModelResult]] = []
    details, seconds, explanations = [], [], Explanations()
    further: dict[str, dict[str, Any]] = {}
    for seed in question.seeds:
        rng = np.random.default_rng(seed)
        try:
            train, heldout = train_and_test(snapshot, pairs, question, rng, repeats=config.repeats)
        except ValueError as exc:
            raise BadSource(f"{question.source}: {exc}") from exc
        heldout = sampled(heldout, question.limit_users, seed)
        started = perf_counter()
        hybrid = fit_hybrid(train, config, rng, on_stage)
        seconds.append(perf_counter() - started)
        on_stage(f"seed {seed}: ranking {train.n_items:,} items for {len(heldout):,} shoppers")
        panel = hybrid_panel(hybrid, train, settings.candidates, repeats=config.repeats)
        result = evaluate_panel(panel, train, heldout, repeats=config.repeats)
        if not config.repeats:
            result |= _oracle(question, train, heldout)
            details.append(seed_detail(hybrid, train, heldout, rng, unseen_ratings(snapshot, train)))
            if question.explanations:
                explanations.add(hybrid, train, heldout, np.random.default_rng(seed), on_stage)
            if question.trade_off and not further:
                on_stage(f"seed {seed}: putting lists in order by every slider")
                curves = trade_off(hybrid, train, heldout, settings.diversity, seed)
                further["trade_off"] = curves.to_json()
        results.append(result)
    results = common_models(results)
    found = results[0]
    compared = [("hybrid", name) for name in found if name.startswith(WITHOUT)]
    compared += [pair for pair in PAIRS if set(pair) <= found.keys()]
    run = replace(_run(snapshot, question, settings), train_seconds=round(float(np.mean(seconds)), 1))
    report = build_report(run, results, np.random.default_rng(0), compared)
    if not details:
        return report
    report = replace(report, sections=sections(results, details, np.random.default_rng(0)))
    if explanations.section:
        further["explanations"] = explanations.section
    return replace(report, sections={**report.sections, **further})


def read_snapshot(question: Question, now: datetime) -> GraphSnapshot:
    """The source as a graph, in memory, without text vectors; its `now` is where its events end."""
    with SqliteStore(None) as store:
        ingest(open_source(question.source, question.source_format), store)
        snapshot = build_snapshot(store, now)
    last_s = int(snapshot.interactions.time.max(initial=NO_TIME))
    end = now if last_s == NO_TIME else datetime.fromtimestamp(last_s + 1, UTC)
    return replace(snapshot, now=min(now, end))


def test_pairs(question: Question) -> list[tuple[str, str]] | None:
    """(user_id, item_id) of the test part that the source brings with it, where the protocol takes it."""
    brings: Protocol = "next-item" if question.source_format == "games" else "split"
    if question.protocol not in (brings, *get_args(ColdStart)):
        return None
    test = read_test(question.source, question.source_format)
    return None if test is None else list(zip(test.user_ids, test.item_ids, strict=True))


def train_and_test(
    snapshot: GraphSnapshot,
    pairs: list[tuple[str, str]] | None,
    question: Question,
    rng: np.random.Generator,
    *,
    repeats: bool,
) -> tuple[GraphSnapshot, Heldout]:
    """The training part and what is to be found, of a protocol that is no cold start.

    Raises:
        ValueError: as `train_and_heldout`.
    """
    train, heldout = train_and_heldout(
        snapshot, question.protocol, rng, test_pairs=pairs, days=question.days, repeats=repeats
    )
    return (_with_known_prices(train) if question.source_format == "completejourney" else train), heldout


def config_for(snapshot: GraphSnapshot, question: Question, settings: Settings) -> HybridConfig:
    """What is trained: validation is cut as the test part was, unless a setting says otherwise."""
    config = settings.hybrid_config
    said = {
        "relations": CLEAN_RELATIONS if question.variant == "clean" else None,
        "ablations": question.ablations,
    }
    if config.validation == "auto" and (
        question.protocol == "next-item" or question.source_format == "games"
    ):
        return config.model_copy(update={**said, "validation": "last"})
    return config.model_copy(update=said)


def is_ordered(snapshot: GraphSnapshot, question: Question) -> bool:
    """Whether histories are in the order in which things were bought."""
    timed = snapshot.interactions.time != NO_TIME
    return question.source_format == "games" or bool(timed.any())


def _with_known_prices(train: GraphSnapshot) -> GraphSnapshot:
    """Without the prices of items that were never sold in training: they come from the sales themselves."""
    sold = np.bincount(train.interactions.item_idx, minlength=train.n_items) > 0
    price = np.where(sold, train.items.price, np.nan).astype(np.float32)
    return replace(train, items=replace(train.items, price=price))


def _run(snapshot: GraphSnapshot, question: Question, settings: Settings) -> Run:
    return Run(
        dataset=question.source.resolve().name,
        protocol=question.protocol,
        variant=question.variant,
        n_users=snapshot.n_users,
        n_items=snapshot.n_items,
        seeds=question.seeds,
        train_seconds=0.0,
        peak_rss_mb=round(peak_rss_mb(), 1),
        device=settings.device,
    )


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
