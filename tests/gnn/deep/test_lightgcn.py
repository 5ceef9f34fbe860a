import numpy as np
import pytest
import torch

from gnn.deep.graph import distinct_interactions
from gnn.deep.lightgcn import LightGCN, LightGCNConfig
from gnn.deep.lightgcn_module import LightGCNModule
from gnn.deep.pairs import Pairs
from gnn.training.loop import EpochReport
from shopgraph.types import Recommender
from tests.gnn.recommender_suite import RecommenderSuite, awkward_snapshot
from tests.planted import planted_snapshot

SMALL = LightGCNConfig(dim=16, layers=2, epochs=15, batch_size=64, learning_rate=0.02)


class TestLightGCN(RecommenderSuite):
    def make(self) -> Recommender:
        return LightGCN(SMALL)


def dense_layers(module: LightGCNModule) -> torch.Tensor:
    """The mean over layers as the paper writes it, with a dense adjacency and torch's own gradients."""
    adjacency = module.convolution.adjacency.to_dense()
    layer: torch.Tensor = module.free
    total = layer
    for _ in range(module.layers):
        layer = adjacency @ layer
        total = total + layer
    return total / (module.layers + 1)


def small_module(layers: int) -> LightGCNModule:
    config = SMALL.model_copy(update={"layers": layers})
    return LightGCNModule(distinct_interactions(awkward_snapshot()), config, torch.Generator().manual_seed(0))


def test_adjacency_is_symmetrically_normalised() -> None:
    adjacency = small_module(1).convolution.adjacency.to_dense().numpy()
    links = distinct_interactions(awkward_snapshot()).toarray()
    expected = links / np.maximum(np.sqrt(np.outer(links.sum(1), links.sum(0))), 1)
    np.testing.assert_allclose(adjacency[: len(links), len(links) :], expected, atol=1e-6)
    np.testing.assert_array_equal(adjacency, adjacency.T)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_rows_and_gradients_equal_those_of_dense_layers(layers: int) -> None:
    module = small_module(layers)
    users, items = torch.tensor([0, 3, 58]), torch.tensor([1, 7, 39])
    rows = torch.cat([users, items + module.n_users])
    pull = torch.randn((6, SMALL.dim), generator=torch.Generator().manual_seed(1))
    expected = dense_layers(module)[rows]
    loss = (expected * pull).sum() + module.free[rows].square().sum()
    (expected_grad,) = torch.autograd.grad(loss, [module.free])
    vectors = module.vectors(Pairs(users, items, items), items, torch.Generator())
    found = torch.cat([vectors.profiles, vectors.items])
    free = torch.cat([vectors.free_users, vectors.free_items])
    (found_grad,) = torch.autograd.grad((found * pull).sum() + free.square().sum(), [module.free])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found_grad, expected_grad)


def test_served_scores_of_a_trained_user_are_those_of_the_layers() -> None:
    snapshot = awkward_snapshot()
    module = small_module(3)
    vectors = dense_layers(module).detach().numpy()
    expected = vectors[: module.n_users] @ vectors[module.n_users :].T
    found = module.state().score(snapshot.histories)
    busy = np.diff(snapshot.histories.indptr) > 0
    np.testing.assert_allclose(found[busy], expected[busy], atol=1e-5)


def test_negatives_are_items_that_the_user_does_not_have() -> None:
    module = small_module(1)
    links = distinct_interactions(awkward_snapshot()).toarray()
    for batch in module.batches(np.random.default_rng(0)):
        assert links[batch.users, batch.items].all()
        assert not links[batch.users, batch.negatives].any()


@pytest.mark.parametrize("changes", [{"loss": "bpr"}, {"loss": "softmax"}, {"full_softmax_items": 10}])
def test_loss_falls(changes: dict[str, object]) -> None:
    reports: list[EpochReport] = []
    model = LightGCN(SMALL.model_copy(update=changes), on_epoch=reports.append)
    model.fit(planted_snapshot(), np.random.default_rng(0))
    assert reports[-1].loss < 0.9 * reports[0].loss


def test_an_unknown_shopper_is_folded_in_from_the_past_items() -> None:
    snapshot = planted_snapshot()
    model = LightGCN(SMALL)
    model.fit(snapshot, np.random.default_rng(0))
    known = snapshot.histories.row(0)
    unknown = type(known)(
        known.indptr, known.item_idx, known.type_code, known.value, known.time, known.now, None
    )
    own = {share.value for share in model.shares(known, 5) if share.kind == "latent"}
    difference = model.score(known)[0, 5] - model.score(unknown)[0, 5]
    assert difference == pytest.approx(own.pop(), abs=1e-5)
