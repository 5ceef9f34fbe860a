"""The settings that memory grows with: what to lower when it ends."""

from gnn.training.config import TrainingConfig

_SIZES = ("dim", "batch_size", "layers", "max_neighbours", "sampled_items", "longest")


def sizes_of(config: TrainingConfig) -> dict[str, int]:
    """Those that a model's settings have, by name."""
    return {name: getattr(config, name) for name in _SIZES if name in type(config).model_fields}
