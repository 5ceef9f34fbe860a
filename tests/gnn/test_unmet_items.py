"""An item that nobody met stands on its relations or its text, whatever model learned."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.deep.attention import AttentionConfig, SequenceAttention
from gnn.deep.hgt import HGT, HGTConfig
from gnn.deep.kgin import KGIN, KGINConfig
from gnn.deep.lightgcn import LightGCN, LightGCNConfig
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from shopgraph.types import GraphSnapshot, Recommender
from tests.planted import planted_snapshot

UNMET, N_TASTES = 39, 4


def without_its_events(snapshot: GraphSnapshot) -> GraphSnapshot:
    x = snapshot.interactions
    met = x.item_idx != UNMET
    columns = (x.user_idx, x.item_idx, x.type_code, x.value, x.time)
    return replace(snapshot, interactions=type(x)(*(column[met] for column in columns)))


@pytest.mark.parametrize(
    ("model", "with_text"),
    [
        pytest.param(LinearKG(LinearKGConfig(dim=16, epochs=20, own_dropout=0.3)), False, id="linear"),
        pytest.param(
            KGIN(KGINConfig(dim=16, epochs=15, batch_size=64, learning_rate=0.02)), False, id="kgin"
        ),
        pytest.param(HGT(HGTConfig(dim=16, epochs=10, batch_size=128, learning_rate=0.02)), False, id="hgt"),
        pytest.param(
            SequenceAttention(AttentionConfig(dim=16, epochs=15, batch_size=16, learning_rate=0.02)),
            True,
            id="attention",
        ),
    ],
)
def test_it_is_ranked_higher_for_those_of_its_taste(model: Recommender, with_text: bool) -> None:
    snapshot = without_its_events(planted_snapshot(with_text=with_text))
    model.fit(snapshot, np.random.default_rng(0))
    scores = model.score(snapshot.histories)
    places = (scores > scores[:, [UNMET]]).sum(axis=1)
    same_taste = np.arange(snapshot.n_users) % N_TASTES == UNMET % N_TASTES
    assert (places[same_taste][:, None] < places[~same_taste]).mean() > 0.9
    assert places[same_taste].mean() < snapshot.n_items / 3


@pytest.mark.parametrize("loss", ["bpr", "softmax"])
def test_without_relations_it_scores_nothing(loss: str) -> None:
    snapshot = without_its_events(planted_snapshot())
    config = LightGCNConfig.model_validate(
        {"dim": 16, "layers": 2, "epochs": 5, "batch_size": 64, "learning_rate": 0.02, "loss": loss}
    )
    model = LightGCN(config)
    model.fit(snapshot, np.random.default_rng(0))
    np.testing.assert_array_equal(model.score(snapshot.histories)[:, UNMET], 0)
