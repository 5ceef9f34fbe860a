"""Settings that all models share which learn from pairs of a user and an item."""

from typing import Literal

from pydantic import Field

from gnn.training.config import TrainingConfig


class PairConfig(TrainingConfig):
    """How pairs become a loss; the models' own settings add to it."""

    dim: int = Field(default=64, ge=1)
    """Length of every vector."""
    loss: Literal["bpr", "softmax"] = "softmax"
    """What a bought item is compared with: one random item (BPR), or many at once."""
    batch_size: int = Field(default=2048, ge=1)
    """Pairs per training step."""
    l2: float = Field(default=1e-4, ge=0)
    """Weight of half the squared length of a pair's free vectors in the loss."""
    initial_scale: float = Field(default=0.1, gt=0)
    """Standard deviation of the free vectors at the start."""
    temperature: float = Field(default=1.0, gt=0)
    """Scores are divided by this before the softmax."""
    full_softmax_items: int = Field(default=50_000, ge=1)
    """Largest catalogue whose softmax runs over every item; above, over as many random ones as pairs."""
    learning_rate: float = Field(default=0.005, gt=0)
    """Step size of Adam."""
