import numpy as np
import pytest
import torch

from gnn.deep.hgt import HGT, HGTConfig
from gnn.deep.hgt_module import sampled
from shopgraph.types import Recommender
from tests.gnn.recommender_suite import RecommenderSuite, awkward_snapshot
from tests.planted import planted_snapshot

SMALL = HGTConfig(dim=16, epochs=10, batch_size=128, learning_rate=0.02, max_neighbours=5)


class TestHGT(RecommenderSuite):
    def make(self) -> Recommender:
        return HGT(SMALL)


def test_sampled_edges_are_at_most_so_many_per_target_and_drawn_anew() -> None:
    edges = torch.tensor([[0, 1, 2, 3, 4, 0, 1], [0, 0, 0, 0, 0, 1, 2]])
    draw = torch.Generator().manual_seed(0)
    rounds = [sampled(edges, 2, draw) for _ in range(20)]
    for found in rounds:
        assert torch.bincount(found[1]).tolist() == [2, 1, 1]
        assert len(set(map(tuple, found.T.tolist()))) == 4
    assert {int(source) for found in rounds for source in found[0, :2]} == {0, 1, 2, 3, 4}


def test_training_with_texts_and_awkward_edges_gives_finite_scores() -> None:
    snapshot = awkward_snapshot(with_text=True)
    model = HGT(SMALL.model_copy(update={"layers": 2, "epochs": 2}))
    model.fit(snapshot, np.random.default_rng(0))
    assert np.isfinite(model.score(snapshot.histories)).all()


def test_heads_that_do_not_divide_the_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of heads"):
        HGT(HGTConfig(dim=10, heads=3)).fit(planted_snapshot(), np.random.default_rng(0))
