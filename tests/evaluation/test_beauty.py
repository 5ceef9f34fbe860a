"""The item–item model on Amazon Beauty, read, split and measured by the real parts."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from evaluation.harness import evaluate
from gnn.item_item.model import Ease
from graph.ingest import ingest
from graph.readers import open_source
from graph.readers.pgpr import read_pgpr_test
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from shopgraph.types import GraphSnapshot, Heldout

CLEAN = {"MADE_BY", "IN_CATEGORY"}

pytestmark = [pytest.mark.slow, pytest.mark.real_data]


@pytest.fixture(scope="module")
def beauty(data_dir: Path) -> tuple[GraphSnapshot, Heldout]:
    source = data_dir / "beauty"
    with SqliteStore(None) as store:
        ingest(open_source(source, "pgpr"), store)
        snapshot = build_snapshot(store, datetime(2026, 1, 1, tzinfo=UTC))
    return snapshot, read_pgpr_test(source).in_snapshot(snapshot)


@pytest.mark.parametrize(("variant", "ndcg", "recall"), [("all", 0.099, 0.144), ("clean", 0.083, 0.119)])
def test_closed_form_with_side_information_reaches_its_mark(
    beauty: tuple[GraphSnapshot, Heldout], variant: str, ndcg: float, recall: float
) -> None:
    snapshot, heldout = beauty
    assert (len(heldout), snapshot.n_items) == (22_363, 12_101)
    if variant == "clean":
        clean = {at: edges for at, edges in snapshot.relations.items() if at.relation in CLEAN}
        snapshot = replace(snapshot, relations=clean)
    model = Ease()
    model.fit(snapshot, np.random.default_rng(0))
    found = evaluate({"item_item": model.score}, snapshot, heldout, ks=[10])["item_item"]
    assert found.per_user["ndcg@10"].mean() >= ndcg
    assert found.per_user["recall@10"].mean() >= recall
