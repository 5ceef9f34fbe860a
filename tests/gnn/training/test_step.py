import shutil

import numpy as np
import pytest
import torch

from gnn.training.config import TrainingConfig
from gnn.training.loop import EpochReport, fit_module
from gnn.training.ranks import Ranks
from gnn.training.step import Stepper, learning_rate
from shopgraph.errors import BadSettings
from tests.gnn.training.toy import Toy, toy_data

CONFIG = TrainingConfig(epochs=4, learning_rate=0.005, device="cpu", patience=4)


def losses(**changes: object) -> list[float]:
    train, heldout = toy_data()
    reports: list[EpochReport] = []
    config = CONFIG.model_copy(update=changes)
    fit_module(Toy(train), config, np.random.default_rng(0), train.histories, heldout, reports.append)
    return [report.loss for report in reports]


def test_warm_up_grows_linearly_and_stays() -> None:
    config = CONFIG.model_copy(update={"warm_up_steps": 4})
    rates = [learning_rate(config, 1, step) / 0.005 for step in range(6)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])


def test_cosine_falls_from_all_to_nearly_nothing() -> None:
    config = CONFIG.model_copy(update={"schedule": "cosine"})
    rates = [learning_rate(config, epoch, 0) / 0.005 for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx([1.0, 0.85355, 0.5, 0.14645], abs=1e-5)


def test_half_precision_gives_nearly_the_same_losses() -> None:
    assert losses(precision="bf16") == pytest.approx(losses(), rel=0.02)
    assert losses(precision="bf16") != losses()


def test_fp16_without_cuda_is_said() -> None:
    with pytest.raises(BadSettings, match="'fp16' needs CUDA; take 'bf16'"):
        losses(precision="fp16")


@pytest.mark.slow
def test_compiled_gives_the_same_losses() -> None:
    if shutil.which("g++") is None and shutil.which("c++") is None:
        pytest.skip("no C++ compiler here")
    assert losses(compile=True) == pytest.approx(losses(), rel=1e-4)


def test_the_adversary_moves_every_row_by_its_step_along_the_gradient_and_back() -> None:
    train, _ = toy_data()
    module = Toy(train, batch_size=10**6)
    start = module.items.detach().clone()
    seen: list[torch.Tensor] = []

    class Watched(Toy):
        def loss(self, batch: tuple[torch.Tensor, torch.Tensor], generator: torch.Generator) -> torch.Tensor:
            seen.append(self.items.detach().clone())
            return super().loss(batch, generator)

    module = Watched(train, batch_size=10**6)
    config = CONFIG.model_copy(update={"adversarial": 1.0, "adversarial_step": 0.3, "learning_rate": 1e-12})
    stepper = Stepper(module, config, torch.Generator(), Ranks())
    (batch,) = module.batches(np.random.default_rng(0))
    stepper.step([batch], 1)
    moved = seen[1] - seen[0]
    torch.testing.assert_close(moved.norm(dim=1), torch.full((train.n_items,), 0.3))
    plain = Toy(train, batch_size=10**6)
    (gradient,) = torch.autograd.grad(plain.loss(batch, torch.Generator()), [plain.items])
    assert torch.nn.functional.cosine_similarity(moved, gradient).min() > 0.999
    torch.testing.assert_close(module.items.detach(), start)


def test_the_adversarial_gradient_is_that_of_both_losses() -> None:
    train, _ = toy_data()
    module = Toy(train, batch_size=10**6)
    config = CONFIG.model_copy(update={"adversarial": 0.7, "learning_rate": 1e-12})
    (batch,) = module.batches(np.random.default_rng(0))
    stepper = Stepper(module, config, torch.Generator(), Ranks())
    stepper.step([batch], 1)
    found = module.items.grad
    plain = Toy(train)
    (clean,) = torch.autograd.grad(plain.loss(batch, torch.Generator()), [plain.items])
    plain.items.data += 0.5 * torch.nn.functional.normalize(clean, dim=1)
    (worst,) = torch.autograd.grad(plain.loss(batch, torch.Generator()), [plain.items])
    assert found is not None
    torch.testing.assert_close(found, clean + 0.7 * worst, atol=1e-6, rtol=1e-4)


def test_adversarial_training_learns_too() -> None:
    found = losses(adversarial=0.5, adversarial_step=0.05)
    assert found[-1] < 0.9 * found[0]
