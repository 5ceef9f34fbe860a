"""Learning is real: on the demo shop, where the truth is known, and on Amazon Beauty, where it is published.

The thresholds are promises of the README; parameters were chosen on validation cuts of the training data.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from evaluation.harness import evaluate
from evaluation.report import Report
from gnn.linear.model import LinearKG
from graph.ingest import ingest
from graph.readers import open_source
from graph.readers.pgpr import read_pgpr_test
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from ranking.holdout import validation_cut
from shopgraph import evaluating
from shopgraph.demoshop.write import make_shop
from shopgraph.evaluating import Question
from shopgraph.settings import Settings
from shopgraph.types import Edges, GraphSnapshot

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2_400)]


def _report(question: Question) -> Report:
    return evaluating.evaluate(question, Settings(), NOW, lambda stage: None, lambda done, total: None)


def _demo_report(folder: Path, shuffled: bool) -> Report:
    make_shop(folder, rng=np.random.default_rng(7), now=NOW, shuffled_tastes=shuffled)
    return _report(Question(folder, "shop", "time"))


def test_planted_tastes_are_found(tmp_path: Path) -> None:
    models = _demo_report(tmp_path / "shop", shuffled=False).models
    hybrid = models["hybrid"]["ndcg@10"].mean
    assert hybrid >= 2 * models["popularity"]["ndcg@10"].mean
    assert hybrid >= 0.7 * models["oracle"]["ndcg@10"].mean


def test_shuffled_tastes_are_not_found(tmp_path: Path) -> None:
    report = _demo_report(tmp_path / "shop", shuffled=True)
    # No better than popularity: the paired interval of the difference does not lie above zero.
    assert report.differences["hybrid - popularity"]["ndcg@10"].low <= 0


@pytest.mark.real_data
@pytest.mark.parametrize(("variant", "ndcg", "recall"), [("all", 0.099, 0.144), ("clean", 0.083, 0.119)])
def test_amazon_beauty(data_dir: Path, variant: str, ndcg: float, recall: float) -> None:
    report = _report(Question(data_dir / "beauty", "pgpr", "split", variant))
    hybrid = report.models["hybrid"]
    assert hybrid["ndcg@10"].mean >= ndcg
    assert hybrid["recall@10"].mean >= recall
    assert report.run.n_users == 22_363
    assert report.differences["hybrid - without_graph"]["ndcg@10"].low > 0
    if variant == "all":
        graph = report.models["graph"]
        assert graph["ndcg@10"].mean >= 0.085
        assert graph["recall@10"].mean >= 0.128


@pytest.mark.real_data
def test_the_graph_model_needs_the_true_edges(data_dir: Path) -> None:
    with SqliteStore(None) as store:
        ingest(open_source(data_dir / "beauty", "pgpr"), store)
        snapshot = build_snapshot(store, NOW)
    heldout = read_pgpr_test(data_dir / "beauty").in_snapshot(snapshot)
    found = {}
    for name, graph in {"true": snapshot, "shuffled": _shuffled_edges(snapshot)}.items():
        train, validation = validation_cut(graph, np.random.default_rng(0))
        tried = LinearKG(validation=validation)
        tried.fit(train, np.random.default_rng(0))
        model = LinearKG(tried.config.model_copy(update={"epochs": tried.best_epoch}))
        model.fit(graph, np.random.default_rng(0))
        result = evaluate({"graph": model.score}, graph, heldout)
        found[name] = float(result["graph"].per_user["ndcg@10"].mean())
    assert found["shuffled"] <= 0.85 * found["true"]


def _shuffled_edges(snapshot: GraphSnapshot) -> GraphSnapshot:
    """Every relation keeps its degrees, but its targets are dealt out anew."""
    rng = np.random.default_rng(0)
    relations = {
        edge_type: Edges(edges.src, rng.permutation(edges.dst), edges.weight, edges.time)
        for edge_type, edges in snapshot.relations.items()
    }
    return replace(snapshot, relations=relations)
