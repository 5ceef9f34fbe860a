"""The running mean of a module's parameters, which ranks better than the last step's.

Polyak and Juditsky 1992, in the exponential form of Tarvainen and Valpola 2017 (§3): after each step
`mean ← d·mean + (1 − d)·parameters`. As in TensorFlow's moving averages, d is at most
(1 + steps) / (10 + steps), so that a short training is not held back by where it began.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class RunningMean:
    """The mean of a module's parameters over its steps; with a decay of 0, none is kept."""

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self._parameters = dict(module.named_parameters()) if decay else {}
        self._means = {name: value.detach().clone() for name, value in self._parameters.items()}

    def update(self, steps: int) -> None:
        """Take in the parameters as they are after so many steps."""
        fresh = 1.0 - min(self.decay, (1 + steps) / (10 + steps))
        for name, mean in self._means.items():
            mean.lerp_(self._parameters[name].detach(), fresh)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the module has the means for parameters."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def state(self) -> Mapping[str, Tensor]:
        """The means by parameter name, not copied."""
        return self._means

    def restore(self, means: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        for name, mean in self._means.items():
            mean.copy_(means[name])

    def _exchange(self) -> None:
        for name, mean in self._means.items():
            parameter = self._parameters[name]
            self._means[name], parameter.data = parameter.data, mean
