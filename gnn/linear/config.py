"""Settings of the linear, relation-aware graph model."""

import math
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat

from gnn.training.config import TrainingConfig
from gnn.training.space import OneOf, Space, Span

LINEAR_SPACE: Space = {
    "dim": OneOf((64, 128, 256)),
    "learning_rate": Span(0.002, 0.03, log=True),
    "initial_scale": Span(0.05, 0.3, log=True),
    "norm_power": Span(0.0, 1.0),
    "history_power": Span(0.3, 1.0),
    "target_share": Span(0.2, 0.8),
    "own_dropout": Span(0.0, 0.5),
    "edge_dropout": Span(0.0, 0.5),
}
"""What a sweep tries."""


_FEWEST_EPOCHS, _FEWEST_STEPS = 4, 80


class LinearKGConfig(TrainingConfig):
    """Settings of LinearKG; the defaults were chosen on validation data cut from Amazon Beauty's train."""

    epochs: int = Field(default=0, ge=0)
    """Passes over all users; 0: four, in a small shop as many as make 80 steps."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """How the step size goes on after the warm-up: cosine falls towards 0 over `epochs`."""
    patience: int = Field(default=10, ge=1)
    """Epochs without a better validation NDCG@10 after which training stops."""
    dim: int = Field(default=256, ge=1)
    """Length of every base vector."""
    hops: Literal[1, 2] = 1
    """Linear message passing steps: 2 also walks from the neighbours on (item → brand → …)."""
    min_degree: int = Field(default=2, ge=1)
    """Entities that fewer items than this are linked to are left out: they can join no two items."""
    norm_power: float = Field(default=0.5, ge=0, le=1)
    """q: an item's vector is divided by its length^q, a stored constant: 0 leaves it, 1 makes cosines."""
    own_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of items whose own vector is dropped in a training step, so that cold items can stand."""
    borrowed_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the mean own vector of the items most like it that an item borrows which nobody met."""
    edge_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of edges dropped in a training step; the means keep their normalisers."""
    node_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of nodes that send nothing to their neighbours in a training step."""
    target_share: float = Field(default=0.6, gt=0, lt=1)
    """Share of a history's items that are left out of it and must be found; at least one of each."""
    history_crop: float = Field(default=1.0, gt=0, le=1)
    """Share of what is left of a history that a training step sees, drawn at random; at least one item."""
    history_power: float = Field(default=0.7, ge=0)
    """p of the norm n_u = (sum of event weights)^-p."""
    type_weights: dict[str, float] = Field(default={})
    """Weight of an event by its name; the registry's default weight where unnamed."""
    tasks: dict[str, NonNegativeFloat] = Field(default={})
    """Events with a loss of their own, and its weight; the temperature of the first is the one that serves.

    `rate` is the squared error of stars, any other the softmax of what was met by it. Empty: one softmax of
    whatever was met, weighted by `type_weights`.
    """
    half_life_days: float | None = Field(default=None, gt=0)
    """Days after which an event counts half; None: time does not matter."""
    half_life_events: float | None = Field(default=None, gt=0)
    """Places after which an event counts half, where a history has an order but no times."""
    l2: float = Field(default=0.0, ge=0)
    """Weight of the mean squared length of the item vectors in the loss."""
    initial_scale: float = Field(default=0.14, gt=0)
    """Standard deviation of the base vectors at the start."""
    initial_temperature: float = Field(default=2.0, gt=0)
    """Factor of all scores at the start; it is learned."""
    batch_size: int = Field(default=1024, ge=1)
    """Users per training step."""
    full_softmax_items: int = Field(default=50_000, ge=1)
    """Largest catalogue whose loss compares a target with every item; above, with a sample."""
    sampled_items: int = Field(default=8_192, ge=1)
    """Items drawn per step for the sampled softmax, beside the batch's targets."""

    def sized(self, n_users: int) -> Self:
        """The same with a number of epochs, for so many users to learn from."""
        if self.epochs:
            return self
        steps = max(1, math.ceil(n_users / self.batch_size))
        return self.model_copy(update={"epochs": max(_FEWEST_EPOCHS, math.ceil(_FEWEST_STEPS / steps))})
