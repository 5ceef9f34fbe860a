"""Settings of training that no model has for itself."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """How a model is trained; a model's own settings inherit these, or hold them, with other defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    learning_rate: float = Field(default=0.01, gt=0)
    """Step size of Adam."""
    epochs: int = Field(default=20, ge=1)
    """Passes over all users; with validation data, at most."""
    patience: int = Field(default=2, ge=1)
    """Epochs without a better validation NDCG@10 after which training stops."""
    schedule: Literal["constant", "cosine"] = "constant"
    """How the step size goes on after the warm-up: cosine falls towards 0 over `epochs`."""
    warm_up_steps: int = Field(default=0, ge=0)
    """Steps in which the step size grows from near 0, linearly."""
    average: float = Field(default=0.0, ge=0, lt=1)
    """Decay, per step, of the parameters' running mean, which is what is validated and kept; 0: off."""
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are averaged before a step."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """What products are computed in; parameters stay fp32. fp16 needs CUDA."""
    compile: bool = False
    """Whether the loss goes through torch.compile; needs a C++ compiler, and pays in long trainings."""
    adversarial: float = Field(default=0.0, ge=0)
    """Weight of the loss at embeddings moved where it hurts most (APR); 0: off."""
    adversarial_step: float = Field(default=0.5, gt=0)
    """Length by which each embedding is moved."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where training runs; auto takes CUDA where it is there."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads of training; None leaves torch's choice."""
    checkpoints: Path | None = None
    """Folder that keeps the state after each epoch, so that a training that was cut off goes on."""
