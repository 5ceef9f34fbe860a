"""What can be set about the training of the text encoder."""

from pydantic import BaseModel, ConfigDict, Field


class TuningConfig(BaseModel):
    """How long and on what the adapter is trained; the defaults take some minutes on two CPU cores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: int = Field(default=3, ge=1)
    """Topmost layers that learn; what lies below is computed once a text."""
    rank: int = Field(default=8, ge=1, le=256)
    """Rank of the adapter (LoRA) on each learning layer's query and value matrices."""
    max_tokens: int = Field(default=48, ge=8, le=512)
    """Tokens read of a text in training; serving reads as many as the encoder's own setting says."""
    steps: int = Field(default=120, ge=0)
    """Steps of the fine-tuning on pairs, at most."""
    batch_pairs: int = Field(default=32, ge=2)
    """Pairs a step; each pair's item is a negative for the others."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of AdamW, after a tenth of the steps; falls to 0 by a cosine."""
    temperature: float = Field(default=0.05, gt=0)
    """Similarities are divided by it before the softmax."""
    evaluate_every: int = Field(default=30, ge=1)
    """Steps between two measurements on validation."""
    patience: int = Field(default=3, ge=1)
    """Measurements without a better one until the training stops."""
    validation_share: float = Field(default=0.1, gt=0, lt=1)
    """Of the items, whose pairs are held out to decide when to stop."""
    max_validation_items: int = Field(default=300, ge=1)
    """Items held out, at most."""
    max_validation_pairs: int = Field(default=300, ge=1)
    """Held-out pairs measured, of each kind."""
    masked_steps: int = Field(default=0, ge=0)
    """Steps of masked words over the catalogue's texts beforehand; 0: none."""
    masked_batch: int = Field(default=32, ge=1)
    """Texts a step of masked words."""
    masked_share: float = Field(default=0.15, gt=0, lt=1)
    """Of a text's tokens, to be guessed."""
