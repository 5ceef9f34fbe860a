"""`shopgraph evaluate --protocol cold-items` and `cold-users`: one fit, several views of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from evaluation.cold import ColdCut, base_cut, cold_items, cold_users, sampled_view
from evaluation.harness import ModelResult, evaluate_panel
from evaluation.report import Report, Run, build_report, common_models, section_of, with_section
from evaluation.splits import ColdStart
from ranking.config import HybridConfig
from ranking.holdout import heldout_from_ids
from ranking.training import fit_hybrid
from shopgraph.errors import BadSource
from shopgraph.panel import hybrid_panel
from shopgraph.types import GraphSnapshot

_COLD, _WARM = "cold_among_cold", "warm_among_as_many"


@dataclass(frozen=True)
class ColdQuestion:
    """Which cold start. `ordered`: whether histories are in time order; `limit_users`: asked for per view."""

    protocol: ColdStart
    seeds: tuple[int, ...]
    ordered: bool
    limit_users: int | None = None


def evaluate_cold(
    snapshot: GraphSnapshot,
    pairs: Sequence[tuple[str, str]] | None,
    question: ColdQuestion,
    config: HybridConfig,
    run: Run,
    on_stage: Callable[[str], None],
) -> Report:
    """The report over all seeds: `models` is the main view, the section `cold` has every view.

    Args:
        snapshot: what was ingested.
        pairs: (user_id, item_id) of the test part that the source brings; None: one is cut.
        question: what is cold.
        config: what is trained, without ablations.
        run: what is said of it; the seconds are filled in.
        on_stage: gets a line for each stage.

    Raises:
        BadSource: the data are too few.
    """
    config = config.model_copy(update={"ablations": ()})
    seconds: list[float] = []
    by_view: dict[str, list[Mapping[str, ModelResult]]] = {}
    for seed in question.seeds:
        rng = np.random.default_rng(seed)
        try:
            cut = cold_cut(snapshot, pairs, question, rng)
        except ValueError as exc:
            raise BadSource(f"{run.dataset}: {exc}") from exc
        on_stage(f"seed {seed}: {cut.n_cold:,} of what is known are cold")
        started = perf_counter()
        hybrid = fit_hybrid(cut.train, config, rng, on_stage)
        seconds.append(perf_counter() - started)
        panel = hybrid_panel(hybrid, cut.known, None)
        for name, view in cut.views.items():
            view = sampled_view(view, question.limit_users, seed)
            on_stage(f"seed {seed}: {name}, {len(view.heldout):,} shoppers")
            result = evaluate_panel(panel, cut.known, view.heldout, given=view.given, among=view.among)
            by_view.setdefault(name, []).append(result)
    run = replace(run, train_seconds=round(float(np.mean(seconds)), 1))
    reports = {
        name: build_report(run, common_models(results), np.random.default_rng(0))
        for name, results in by_view.items()
    }
    main = next(iter(reports.values()))
    return with_section(main, "cold", _section(reports, cut.n_cold))


def cold_cut(
    snapshot: GraphSnapshot,
    pairs: Sequence[tuple[str, str]] | None,
    question: ColdQuestion,
    rng: np.random.Generator,
) -> ColdCut:
    """What is learned from and asked; arguments as in `evaluate_cold`.

    Raises:
        ValueError: the data are too few.
    """
    if pairs is None:
        train, heldout = base_cut(snapshot, rng)
    else:
        train, heldout = snapshot, heldout_from_ids(snapshot, pairs)
    if question.protocol == "cold-items":
        return cold_items(train, heldout, rng)
    return cold_users(train, heldout, rng, ordered=question.ordered)


def _section(reports: Mapping[str, Report], n_cold: int) -> dict[str, Any]:
    """Every view, and for items what share of the warm recall the cold ones reach, both among as many."""
    section: dict[str, Any] = {
        "n_cold": n_cold,
        "views": {name: section_of(report) for name, report in reports.items()},
    }
    if _COLD in reports:
        cold, warm = reports[_COLD].models, reports[_WARM].models
        section["recall@10_cold_to_warm"] = {
            name: cold[name]["recall@10"].mean / warm[name]["recall@10"].mean
            for name in cold
            if warm[name]["recall@10"].mean > 0
        }
    return section
