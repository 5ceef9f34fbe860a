"""One step of the optimiser over one or several batches."""

import math
from collections.abc import Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from gnn.training.config import TrainingConfig
from gnn.training.module import Trainable
from gnn.training.ranks import Ranks
from shopgraph.errors import BadSettings

B = TypeVar("B")

_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Stepper(Generic[B]):
    """Adam with the schedule, precision, gradient averaging and adversary of the settings.

    `steps` counts the steps taken; with `optimiser` and `scaler` it is what a checkpoint keeps.
    """

    def __init__(
        self, module: Trainable[B], config: TrainingConfig, generator: torch.Generator, ranks: Ranks
    ) -> None:
        device = module.device
        if config.precision == "fp16" and device.type != "cuda":
            raise BadSettings("precision 'fp16' needs CUDA; take 'bf16' or 'fp32'")
        self.module, self.config, self.generator, self.ranks = module, config, generator, ranks
        self.parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.Adam(self.parameters, lr=config.learning_rate, fused=True)
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        self.steps = 0
        self._loss = torch.compile(module.loss) if config.compile else module.loss

    def step(self, batches: Sequence[B], epoch: int) -> tuple[Tensor, int]:
        """(sum of the losses of this process's units, number of them); parameters have moved.

        Args:
            batches: what the gradient is averaged over.
            epoch: counts from 1, for the schedule.
        """
        self.optimiser.zero_grad(set_to_none=True)
        total, n_units = torch.zeros((), device=self.module.device), 0
        for whole in batches:
            part = whole
            if self.ranks.n_ranks > 1:
                part = self.module.share(whole, self.ranks.rank, self.ranks.n_ranks)
            n_own, n_all = self.module.units(part), self.module.units(whole)
            if n_own:
                total += n_own * self._backward(part, n_own / n_all / len(batches))
                n_units += n_own
        self._average()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.config, epoch, self.steps)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.steps += 1
        return total, n_units

    def _backward(self, batch: B, weight: float) -> Tensor:
        """The batch's loss; its gradient, times `weight`, is added to the parameters'."""
        loss = self._forward(batch)
        if not self.config.adversarial:
            torch.autograd.backward(self.scaler.scale(loss * weight))
            return loss.detach()
        gradients = torch.autograd.grad(self.scaler.scale(loss * weight), self.parameters, allow_unused=True)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            if gradient is not None:
                kept = parameter.grad
                parameter.grad = gradient.clone() if kept is None else kept + gradient
        self._attack(batch, weight, dict(zip(self.parameters, gradients, strict=True)))
        return loss.detach()

    def _forward(self, batch: B) -> Tensor:
        half = _HALF.get(self.config.precision)
        with torch.autocast(self.module.device.type, dtype=half, enabled=half is not None):
            loss: Tensor = self._loss(batch, self.generator)
        return loss

    def _attack(self, batch: B, weight: float, gradients: dict[torch.nn.Parameter, Tensor | None]) -> None:
        """Adds the gradient of the loss at worst-case embeddings: He et al. 2018 (APR).

        Every row is moved by `adversarial_step` along its own normalised gradient, as in the authors' code.
        """
        before = {}
        with torch.no_grad():
            for embedding in self.module.embeddings():
                gradient = gradients[embedding]
                if gradient is not None:
                    before[embedding] = embedding.detach().clone()
                    direction = torch.nn.functional.normalize(gradient, dim=-1)
                    embedding.add_(direction, alpha=self.config.adversarial_step)
        loss = self._forward(batch)
        torch.autograd.backward(self.scaler.scale(loss * (weight * self.config.adversarial)))
        with torch.no_grad():
            for embedding, value in before.items():
                embedding.copy_(value)

    def _average(self) -> None:
        """Each process's gradients, weighted by its share, become those of the whole batch."""
        if self.ranks.n_ranks == 1:
            return
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.ranks.add_up([parameter.grad for parameter in self.parameters if parameter.grad is not None])


def learning_rate(config: TrainingConfig, epoch: int, step: int) -> float:
    """The step size of a step (counted from 0) in an epoch (counted from 1)."""
    rate = config.learning_rate
    if config.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * (epoch - 1) / config.epochs))
    return rate * min(1.0, (step + 1) / (config.warm_up_steps + 1))
