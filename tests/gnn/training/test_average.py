import pytest
import torch

from gnn.training.average import RunningMean


def module_of(value: float) -> torch.nn.Module:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, value)
    return module


def value_of(module: torch.nn.Module) -> float:
    (parameter,) = module.parameters()
    return parameter.item()


def test_the_mean_starts_short_and_then_forgets_by_the_decay() -> None:
    module = module_of(1.0)
    mean = RunningMean(module, decay=0.5)
    torch.nn.init.constant_(module.weight, 3.0)  # type: ignore[arg-type]  # a parameter
    mean.update(1)  # decay 2 / 11
    first = 1.0 * 2 / 11 + 3.0 * 9 / 11
    mean.update(100)  # decay 0.5
    with mean.applied():
        assert value_of(module) == pytest.approx(0.5 * first + 0.5 * 3.0)
    assert value_of(module) == 3.0


def test_training_goes_on_from_the_parameters_not_from_the_mean() -> None:
    module = module_of(1.0)
    mean = RunningMean(module, decay=0.9)
    with mean.applied():
        pass
    optimiser = torch.optim.SGD(module.parameters(), lr=1.0)
    module(torch.ones(1)).backward()
    optimiser.step()
    assert value_of(module) == 0.0


def test_without_a_decay_nothing_is_kept() -> None:
    module = module_of(1.0)
    mean = RunningMean(module, decay=0.0)
    torch.nn.init.constant_(module.weight, 3.0)  # type: ignore[arg-type]  # a parameter
    mean.update(100)
    with mean.applied():
        assert value_of(module) == 3.0
    assert not mean.state()
