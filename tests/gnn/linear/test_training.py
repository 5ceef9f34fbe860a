from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gnn.history import float_csr, snapshot_matrix, type_weight_vector
from gnn.linear.config import LinearKGConfig
from gnn.linear.model import LinearKG
from gnn.linear.parts import item_components, sum_components, with_borrowed_vectors
from gnn.linear.tower import LinearItemTower
from gnn.linear.training import LinearTraining, TrainingData, split_histories
from gnn.linear.walks import RelationGraph, relation_graph
from gnn.training.board import EpochReport
from ranking.holdout import without_interactions
from shopgraph.errors import BadSettings
from shopgraph.types import ITEM, FloatMatrix, GraphSnapshot, Heldout
from tests.gnn.recommender_suite import awkward_snapshot, without_last_event
from tests.planted import planted_snapshot

SMALL = LinearKGConfig(dim=8, epochs=6, batch_size=16, min_degree=1)


def fit(
    config: LinearKGConfig, snapshot: GraphSnapshot, validation: Heldout | None = None
) -> list[EpochReport]:
    reports: list[EpochReport] = []
    LinearKG(config, validation=validation, on_epoch=reports.append).fit(snapshot, np.random.default_rng(0))
    return reports


def last_events(snapshot: GraphSnapshot) -> tuple[GraphSnapshot, Heldout]:
    train, targets = without_last_event(snapshot)
    users = np.arange(len(targets), dtype=np.int32)
    return train, Heldout(users, np.arange(len(targets) + 1), targets.astype(np.int32))


def test_loss_falls() -> None:
    losses = [report.loss for report in fit(SMALL, planted_snapshot())]
    assert losses[-1] < 0.9 * losses[0]


def test_validation_ndcg_rises_and_is_a_share() -> None:
    reports = fit(SMALL, *last_events(planted_snapshot()))
    found = [report.ndcg or 0.0 for report in reports]
    assert found[0] < max(found) <= 1.0


def test_validation_ndcg_equals_the_one_of_the_scores() -> None:
    train, heldout = last_events(planted_snapshot())
    reports: list[EpochReport] = []
    model = LinearKG(replace_config(SMALL, epochs=1), validation=heldout, on_epoch=reports.append)
    model.fit(train, np.random.default_rng(0))
    scores = model.score(train.histories)
    scores[train.histories.owners(), train.histories.item_idx] = -np.inf
    rank = (scores > scores[heldout.user_idx, heldout.item_idx][:, None]).sum(1)
    expected = np.where(rank < 10, 1 / np.log2(rank + 2), 0).mean()
    assert reports[0].ndcg == pytest.approx(expected, abs=1e-6)


def test_training_stops_when_validation_no_longer_rises_and_keeps_the_best_epoch() -> None:
    train, heldout = last_events(planted_snapshot(shuffled=True))
    reports: list[EpochReport] = []
    model = LinearKG(
        replace_config(SMALL, epochs=50, patience=2), validation=heldout, on_epoch=reports.append
    )
    model.fit(train, np.random.default_rng(0))
    found = [report.ndcg or 0.0 for report in reports]
    assert model.best_epoch == int(np.argmax(found)) + 1
    assert len(reports) == model.best_epoch + 2 < 50


def test_a_fit_for_the_best_epochs_gives_the_early_stopped_model() -> None:
    train, heldout = last_events(planted_snapshot())
    steady = replace_config(SMALL, schedule="constant")
    stopped = LinearKG(steady, validation=heldout)
    stopped.fit(train, np.random.default_rng(0))
    again = LinearKG(replace_config(steady, epochs=stopped.best_epoch))
    again.fit(train, np.random.default_rng(0))
    np.testing.assert_allclose(again.item_vectors, stopped.item_vectors, atol=1e-5)


@pytest.mark.parametrize(("n_users", "epochs"), [(22_000, 4), (2_048, 40), (1, 80), (0, 80)])
def test_a_small_shop_is_trained_for_more_epochs(n_users: int, epochs: int) -> None:
    assert LinearKGConfig().sized(n_users).epochs == epochs
    assert LinearKGConfig(epochs=3).sized(n_users).epochs == 3


@pytest.mark.parametrize("hops", [1, 2])
def test_torch_and_numpy_give_the_same_item_vectors(hops: int) -> None:
    tower, vectors = tower_and_vectors(awkward_snapshot(with_text=True), replace_config(SMALL, hops=hops))
    np.testing.assert_allclose(tower().detach().numpy(), vectors, atol=1e-5)


@pytest.mark.parametrize("hops", [1, 2])
def test_every_parameter_gets_the_gradient_of_finite_differences(hops: int) -> None:
    snapshot = awkward_snapshot(with_text=True)
    tower, _ = tower_and_vectors(snapshot, replace_config(SMALL, hops=hops, dim=2))
    tower.double()
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=(snapshot.n_items, 2)))

    def value() -> torch.Tensor:
        return (tower.gated(tower()) * weights).sum()

    value().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    for name, parameter in tower.named_parameters():
        assert parameter.grad is not None, name
        flat, place = parameter.data.view(-1), parameter.grad.abs().argmax()
        before, step = flat[place].item(), 1e-5
        flat[place] = before + step
        above = value().item()
        flat[place] = before - step
        slope = (above - value().item()) / (2 * step)
        flat[place] = before
        assert slope == pytest.approx(parameter.grad.view(-1)[place].item(), rel=1e-4), name


def test_gradients_are_cleared_between_steps() -> None:
    once = LinearKG(replace_config(SMALL, epochs=1, batch_size=1000, learning_rate=1e-12))
    once.fit(planted_snapshot(), np.random.default_rng(0))
    losses = [report.loss for report in fit(once.config.model_copy(update={"epochs": 4}), planted_snapshot())]
    assert losses == pytest.approx([losses[0]] * 4, rel=0.1)


def test_split_leaves_every_item_on_one_side_only() -> None:
    histories = float_csr(
        np.array([1, 2, 3, 4, 1, 3], np.float32), np.array([0, 2, 3, 4, 1, 4]), np.array([0, 4, 6]), 5
    )
    known, targets = split_histories(histories, 0.5, np.random.default_rng(0))
    assert np.diff(known.indptr).tolist() == [2, 1]
    assert np.diff(targets.indptr).tolist() == [2, 1]
    assert not known.multiply(targets).nnz
    assert targets.sum(axis=1).tolist() == pytest.approx([2, 1])
    both = (known.toarray() > 0) | (targets.toarray() > 0)
    np.testing.assert_array_equal(both, histories.toarray() > 0)


def test_sampled_softmax_finds_the_pattern_too() -> None:
    train, heldout = last_events(planted_snapshot())
    full = fit(replace_config(SMALL, epochs=10), train, heldout)
    sampled = fit(replace_config(SMALL, epochs=10, full_softmax_items=1, sampled_items=10), train, heldout)
    assert max(r.ndcg or 0 for r in sampled) > 0.8 * max(r.ndcg or 0 for r in full)


@pytest.mark.parametrize("sampled", [False, True])
def test_the_loss_of_a_batch_is_the_mean_of_its_shares(sampled: bool) -> None:
    snapshot = awkward_snapshot(with_text=True)
    still = replace_config(SMALL, own_dropout=0, edge_dropout=0, l2=0.1, batch_size=25)
    config = replace_config(still, full_softmax_items=1, sampled_items=10) if sampled else still
    tower, _ = tower_and_vectors(snapshot, config)
    weights = type_weight_vector(snapshot.event_types, {})
    data = TrainingData(snapshot.histories, weights, tower_graph(snapshot, config), snapshot.text_vectors)
    module = LinearTraining(tower, data, config)
    batch = next(module.batches(np.random.default_rng(0)))
    shares = [module.share(batch, rank, 3) for rank in range(3)]
    assert [module.units(share) for share in shares] == [9, 8, 8]
    parts = [module.loss(share, torch.Generator()) * module.units(share) / 25 for share in shares]
    assert sum(part.item() for part in parts) == pytest.approx(module.loss(batch, torch.Generator()).item())


@pytest.mark.parametrize(
    "change",
    [
        {"precision": "bf16"},
        {"history_crop": 0.5, "node_dropout": 0.2},
        {"adversarial": 0.3, "adversarial_step": 0.1, "l2": 0.01},
        {"accumulate": 2, "schedule": "cosine", "warm_up_steps": 3},
    ],
)
def test_every_option_of_training_still_finds_the_pattern(change: dict[str, object]) -> None:
    train, heldout = last_events(planted_snapshot())
    plain = fit(replace_config(SMALL, epochs=10), train, heldout)
    found = fit(replace_config(SMALL, epochs=10, **change), train, heldout)
    assert max(r.ndcg or 0 for r in found) > 0.9 * max(r.ndcg or 0 for r in plain)
    assert found[0].loss != plain[0].loss


def test_text_vectors_with_nan_are_refused_by_item() -> None:
    snapshot = planted_snapshot(with_text=True)
    assert snapshot.text_vectors is not None
    vectors = snapshot.text_vectors.copy()
    vectors[5, 0] = np.nan
    with pytest.raises(ValueError, match=r"NaN or infinity in 1 rows, first in that of item 5"):
        fit(SMALL, replace(snapshot, text_vectors=vectors))


def test_cuda_asked_for_and_absent_is_said() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(BadSettings, match="sees no CUDA device"):
        fit(replace_config(SMALL, device="cuda"), planted_snapshot())


def test_lack_of_memory_names_what_to_lower() -> None:
    with pytest.raises(BadSettings, match=r"lower dim \(now 1000000000000\)"):
        fit(replace_config(SMALL, dim=10**12), planted_snapshot())


def test_tensorboard_gets_a_file(tmp_path: Path) -> None:
    LinearKG(replace_config(SMALL, epochs=1), log_dir=tmp_path).fit(
        planted_snapshot(), np.random.default_rng(0)
    )
    assert list(tmp_path.glob("events.out.tfevents.*"))


@pytest.mark.parametrize("full_softmax_items", [1, 50_000])
def test_what_nobody_met_is_made_of_its_text_and_relations_alone(full_softmax_items: int) -> None:
    snapshot = awkward_snapshot(with_text=True)
    is_cold = np.arange(snapshot.n_items) % 5 == 0
    x = snapshot.interactions
    cold = without_interactions(snapshot, is_cold[x.item_idx], snapshot.now)
    config = replace_config(SMALL, full_softmax_items=full_softmax_items, sampled_items=10, borrowed_share=0)
    model = LinearKG(config)
    model.fit(cold, np.random.default_rng(0))
    met = np.bincount(cold.interactions.item_idx, minlength=snapshot.n_items) > 0
    read = np.zeros(snapshot.n_items, np.bool_)  # what other items are linked to has a vector for that
    for edge_type, edges in snapshot.relations.items():
        if edge_type.src == edge_type.dst == ITEM:
            read[edges.dst] = read[edges.src] = True
    assert not model.components["own"][~met & ~read].any()
    assert np.abs(model.components["own"][met]).sum(axis=1).all()


def test_what_nobody_met_borrows_the_vectors_of_what_is_like_it() -> None:
    snapshot = planted_snapshot()
    config = replace_config(SMALL, min_degree=1)
    graph = tower_graph(snapshot, config)
    tower, _ = tower_and_vectors(snapshot, config)
    parameters = tower.parameters_as_numpy()
    base = parameters.base.copy()
    base[[0, 1]] = 0
    lenders = np.zeros(snapshot.n_items, np.bool_)
    lenders[[2, 3]] = True
    lent = with_borrowed_vectors(replace(parameters, base=base), graph, None, lenders, 0.5).base
    known = np.sum([graph.means[n] @ base for n in graph.first_hop], axis=0)[: snapshot.n_items]
    known /= np.maximum(np.linalg.norm(known, axis=1, keepdims=True), 1e-12)
    cosines = known @ known.T
    for item_idx in (0, 1):
        weights = np.maximum(cosines[item_idx, [2, 3]], 0) ** 4
        expected = 0.5 * weights @ base[[2, 3]] / max(weights.sum(), 1e-12)
        np.testing.assert_allclose(lent[item_idx], expected, atol=1e-5)
    np.testing.assert_array_equal(lent[2:], base[2:])


@pytest.mark.parametrize("full_softmax_items", [1, 50_000])
def test_that_nobody_met_an_item_says_nothing_against_it(full_softmax_items: int) -> None:
    snapshot = planted_snapshot()
    cold = snapshot.interactions.item_idx % 5 == 0
    snapshot = without_interactions(snapshot, cold, snapshot.now)
    config = replace_config(SMALL, full_softmax_items=full_softmax_items, sampled_items=10)
    weights = type_weight_vector(snapshot.event_types, {})
    graph = tower_graph(snapshot, config)
    data = TrainingData(snapshot.histories, weights, graph, None)
    tower = LinearItemTower(graph, None, config, torch.Generator().manual_seed(0), data.met)
    module = LinearTraining(tower, data, config)
    batch = next(module.batches(np.random.default_rng(0)))
    module.loss(batch, torch.Generator().manual_seed(0)).backward()  # type: ignore[no-untyped-call]  # torch
    gradient = tower.base.grad
    assert gradient is not None
    own = gradient[: snapshot.n_items].abs().sum(dim=1) > 0
    assert not own[~data.met].any()
    assert own[data.met].any()


def test_a_shop_without_any_pair_of_items_still_fits() -> None:
    snapshot = planted_snapshot(n_events=1)
    matrix = snapshot_matrix(snapshot, type_weight_vector(snapshot.event_types, {}))
    assert np.diff(matrix.indptr).max() == 1
    assert fit(replace_config(SMALL, epochs=1), snapshot)[0].loss == 0


def replace_config(config: LinearKGConfig, **changes: object) -> LinearKGConfig:
    return LinearKGConfig.model_validate({**config.model_dump(), **changes})


def tower_graph(snapshot: GraphSnapshot, config: LinearKGConfig) -> RelationGraph:
    return relation_graph(snapshot, config.min_degree)


def tower_and_vectors(snapshot: GraphSnapshot, config: LinearKGConfig) -> tuple[LinearItemTower, FloatMatrix]:
    graph = tower_graph(snapshot, config)
    start = torch.Generator().manual_seed(0)
    tower = LinearItemTower(graph, snapshot.text_vectors, config, start, np.ones(snapshot.n_items, np.bool_))
    parameters = tower.parameters_as_numpy()
    components, _ = item_components(parameters, graph, snapshot.text_vectors, config.norm_power)
    return tower, sum_components(components)
