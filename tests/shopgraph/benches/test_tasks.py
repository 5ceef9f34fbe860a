import numpy as np
import pytest

from gnn.linear.config import LinearKGConfig
from gnn.ratings import ratings_of
from graph.ingest import ingest
from graph.readers import open_source
from graph.snapshot import build_snapshot
from graph.sqlite_store import SqliteStore
from shopgraph.benches.tasks import ALONE, LOOKED_FOR, VARIANTS, Cut, Found, cut_of, measure, row_of
from shopgraph.demoshop.write import make_shop
from shopgraph.types import GraphSnapshot
from tests.planted import NOW

SMALL = LinearKGConfig(dim=16, epochs=8, batch_size=64, min_degree=1, device="cpu")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> GraphSnapshot:
    folder = tmp_path_factory.mktemp("data") / "shop"
    make_shop(folder, rng=np.random.default_rng(0), now=NOW, n_items=200, n_users=200)
    with SqliteStore(None) as store:
        ingest(open_source(folder, "shop"), store)
        return build_snapshot(store, NOW)


@pytest.fixture(scope="module")
def cut(shop: GraphSnapshot) -> Cut:
    return cut_of(shop)


def test_nothing_that_is_asked_for_is_trained_on(shop: GraphSnapshot, cut: Cut) -> None:
    x = cut.train.interactions
    for event, heldout in cut.heldout.items():
        code = [each.name for each in shop.event_types].index(event)
        met = set(zip(x.user_idx[x.type_code == code], x.item_idx[x.type_code == code], strict=True))
        users = np.repeat(heldout.user_idx, np.diff(heldout.indptr))
        assert len(users) > 20
        assert met.isdisjoint(zip(users, heldout.item_idx, strict=True))
    assert len(cut.ratings) + len(ratings_of(cut.train)) == len(ratings_of(shop))
    assert len(cut.ratings) > 5


def test_a_gain_is_over_purchase_alone_shopper_by_shopper(cut: Cut) -> None:
    found: dict[str, Found] = {}
    for name in (ALONE, "all four, equal"):
        config = LinearKGConfig.model_validate({**SMALL.model_dump(), "tasks": dict(VARIANTS[name])})
        found[name] = measure(cut, config, seed=0)
    alone, four = (row_of(name, [each], [found[ALONE]]) for name, each in found.items())
    for event in LOOKED_FOR:
        metric = f"{event}_ndcg@10"
        assert alone[f"{metric}_gain"] == {"mean": 0, "ci95": [0, 0]}
        assert four[f"{metric}_n"] == len(cut.heldout[event])
        # lists of any ten of 200 items would reach about 0.03
        assert four[metric]["mean"] > 0.06
        gain = four[metric]["mean"] - alone[metric]["mean"]
        assert four[f"{metric}_gain"]["mean"] == pytest.approx(gain, abs=2e-4)
    assert four["rating_rmse"] == pytest.approx(np.sqrt(four["rating_mse"]["mean"]), abs=1e-3)
    assert four["weights"] == dict(VARIANTS["all four, equal"])
