from pathlib import Path

import numpy as np
import pytest
import torch

from gnn.training.config import TrainingConfig
from gnn.training.loop import EpochReport, Fitted, fit_module
from shopgraph.errors import BadSettings
from shopgraph.types import GraphSnapshot, Heldout
from tests.gnn.training.toy import Toy, toy_data

FAST = TrainingConfig(epochs=6, learning_rate=0.02, device="cpu")


def fit(
    config: TrainingConfig,
    snapshot: GraphSnapshot,
    validation: Heldout | None = None,
    module: Toy | None = None,
) -> tuple[Fitted, list[EpochReport]]:
    reports: list[EpochReport] = []
    fitted = fit_module(
        module or Toy(snapshot),
        config,
        np.random.default_rng(0),
        snapshot.histories,
        validation,
        reports.append,
    )
    return fitted, reports


def test_loss_falls_and_validation_rises() -> None:
    _, reports = fit(FAST.model_copy(update={"learning_rate": 0.001}), *toy_data())
    assert reports[-1].loss < 0.8 * reports[0].loss
    found = [report.ndcg or 0.0 for report in reports]
    assert found[0] < max(found) <= 1.0


def test_training_stops_when_validation_no_longer_rises() -> None:
    config = FAST.model_copy(update={"epochs": 50, "patience": 2})
    fitted, reports = fit(config, *toy_data(shuffled=True))
    found = [report.ndcg or 0.0 for report in reports]
    assert fitted.best_epoch == int(np.argmax(found)) + 1
    assert fitted.best_ndcg == max(found)
    assert len(reports) == fitted.best_epoch + 2 < 50
    assert fitted.seconds_to_best > 0
    assert fitted.peak_memory_mb > 1


def test_the_best_epochs_parameters_are_left_in_the_module() -> None:
    train, heldout = toy_data(shuffled=True)
    stopped, again = Toy(train), Toy(train)
    fitted, _ = fit(FAST.model_copy(update={"epochs": 50}), train, heldout, stopped)
    fit(FAST.model_copy(update={"epochs": fitted.best_epoch}), train, None, again)
    torch.testing.assert_close(stopped.items, again.items)


def test_validation_ndcg_equals_the_one_of_the_scores() -> None:
    train, heldout = toy_data()
    module = Toy(train)
    _, reports = fit(FAST.model_copy(update={"epochs": 1}), train, heldout, module)
    scores = module.scores(train.histories).detach().numpy()
    scores[train.histories.owners(), train.histories.item_idx] = -np.inf
    rank = (scores > scores[heldout.user_idx, heldout.item_idx][:, None]).sum(1)
    expected = np.where(rank < 10, 1 / np.log2(rank + 2), 0).mean()
    assert reports[0].ndcg == pytest.approx(expected, abs=1e-6)


def test_gradients_are_cleared_between_steps() -> None:
    snapshot, _ = toy_data()
    module = Toy(snapshot, batch_size=10**6)
    steps: list[float] = []

    def note(items: torch.Tensor) -> None:
        assert items.grad is not None
        steps.append(items.grad.norm().item())

    module.items.register_post_accumulate_grad_hook(note)  # type: ignore[no-untyped-call]  # torch's
    fit(FAST.model_copy(update={"epochs": 4, "learning_rate": 1e-12}), snapshot, None, module)
    assert steps == pytest.approx([steps[0]] * 4, rel=1e-3)


def test_accumulated_batches_equal_one_large_batch() -> None:
    snapshot, _ = toy_data()
    n_pairs = len(Toy(snapshot).pairs)
    large, small = Toy(snapshot, batch_size=n_pairs), Toy(snapshot, batch_size=n_pairs // 4)
    _, one = fit(FAST, snapshot, None, large)
    _, four = fit(FAST.model_copy(update={"accumulate": 4}), snapshot, None, small)
    assert n_pairs % 4 == 0
    assert [report.loss for report in four] == pytest.approx([report.loss for report in one], rel=1e-4)


def test_a_loss_that_is_no_number_is_said() -> None:
    snapshot, _ = toy_data()
    module = Toy(snapshot)
    module.items.data[3, 0] = float("nan")
    with pytest.raises(
        BadSettings, match=r"toy model: the loss is nan in epoch 1; lower learning_rate \(now 0.02\)"
    ):
        fit(FAST, snapshot, None, module)


def test_lack_of_memory_names_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    class Greedy(Toy):
        def loss(self, batch: object, generator: torch.Generator) -> torch.Tensor:
            return torch.empty((10**9, 10**9)).sum()

    snapshot, _ = toy_data()
    with pytest.raises(BadSettings, match=r"lower batch_size \(now 32\) or dim \(now 8\)"):
        fit(FAST, snapshot, None, Greedy(snapshot))


def test_cuda_asked_for_and_absent_is_said() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(BadSettings, match="sees no CUDA device"):
        fit(FAST.model_copy(update={"device": "cuda"}), toy_data()[0])


def test_a_model_without_batches_keeps_its_parameters() -> None:
    snapshot, _ = toy_data()
    module = Toy(snapshot)
    module.pairs = module.pairs[:0]
    before = module.items.detach().clone()
    _, reports = fit(FAST, snapshot, None, module)
    assert reports[0].loss == 0
    torch.testing.assert_close(module.items.detach(), before)


def test_tensorboard_gets_the_curves(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train, heldout = toy_data()
    config = FAST.model_copy(update={"epochs": 2})
    reports: list[EpochReport] = []
    fit_module(
        Toy(train), config, np.random.default_rng(0), train.histories, heldout, reports.append, tmp_path
    )
    written = EventAccumulator(str(tmp_path)).Reload()
    assert set(written.Tags()["scalars"]) == {
        "loss",
        "validation_ndcg_at_10",
        "edges_per_s",
        "learning_rate",
        "peak_memory_mb",
    }
    losses = [event.value for event in written.Scalars("loss")]
    assert losses == pytest.approx([report.loss for report in reports], rel=1e-6)


def test_progress_line_names_model_loss_metric_and_rate() -> None:
    line = str(EpochReport(2, 8, 1.23456, 0.0871, 1_234_567.8, 3.21, 0.01, "toy"))
    assert line == "toy model: epoch 2/8, loss 1.2346, validation NDCG@10 0.0871, 1,234,568 edges/s, 3.2 s"
