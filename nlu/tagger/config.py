"""What can be set about the training of the tagger."""

from pydantic import BaseModel, ConfigDict, Field


class TaggerConfig(BaseModel):
    """How the tagger learns; the defaults take some ten minutes on two CPU cores."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: tuple[int, ...] = (4, 8, 12)
    """Layers of the text encoder whose states are read, from 1."""
    queries: int = Field(default=24_000, ge=1)
    """Queries made to learn from."""
    validation_queries: int = Field(default=2_000, ge=1)
    """Queries made from templates that are never learned from, to choose the epoch."""
    epochs: int = Field(default=6, ge=1)
    """Passes over the queries; the best of them is kept."""
    batch_size: int = Field(default=64, ge=1)
    """Queries a step."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of AdamW, after a tenth of the steps; falls to 0 by a cosine."""
    width: int = Field(default=192, ge=32, multiple_of=32)
    """Of the states that learn."""
    blocks: int = Field(default=2, ge=0)
    """Transformer layers that learn."""
    dropout: float = Field(default=0.15, ge=0, lt=1)
    """Share of what is put out at random while learning."""
    intent_weight: float = Field(default=0.3, ge=0)
    """Of the intent's loss beside the tags'."""
