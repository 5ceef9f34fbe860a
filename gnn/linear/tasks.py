"""What a training of the linear model looks for: one softmax of everything, or a loss for each event."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnn.history import FloatCsr, history_matrix, type_weight_vector
from gnn.linear.config import LinearKGConfig
from shopgraph.types import EventType, Histories

STARS = "rate"
_FULL_STARS = 5.0
_SLOPE_AT_START = 0.1


class Tasks(torch.nn.Module):
    """Whose targets are whose, and what each task learns beside the shared item vectors.

    A task has a temperature of its own, relative to the first's, which serves. Stars are a line through the
    scores. Neither is part of the model that is served.

    Attributes:
        weights: of each task's loss.
        stars: which task predicts stars, -1 for none.
    """

    def __init__(
        self, histories: Histories, n_items: int, event_types: Sequence[EventType], config: LinearKGConfig
    ) -> None:
        super().__init__()
        names = tuple(config.tasks)
        self.weights = tuple(config.tasks.values()) or (1.0,)
        self.stars = names.index(STARS) if STARS in names else -1
        self._met = [_met_by(name, histories, n_items, event_types) for name in names]
        if not names:
            return
        self.log_temperatures = torch.nn.Parameter(torch.zeros(len(names)))
        stars = self._met[self.stars].data if self.stars >= 0 else np.zeros(0)
        mean = float(stars.mean()) if len(stars) else 0.0
        self.line = torch.nn.Parameter(torch.tensor([mean, _SLOPE_AT_START]))

    def targets(self, users: NDArray[np.intp], left_out: FloatCsr) -> tuple[FloatCsr, ...]:
        """Each task's part of the left-out items, users × items; 1 where met, for `rate` the stars."""
        if not self._met:
            return (left_out,)
        asked = left_out.copy()
        asked.data = np.ones_like(left_out.data)
        return tuple(met[users].multiply(asked).tocsr() for met in self._met)

    def temperature(self, task: int) -> Tensor | float:
        """Factor of the scores in the task's softmax."""
        return self.log_temperatures[task].exp() if task else 1.0

    def squared_error(self, scores: Tensor, stars: Tensor) -> Tensor:
        """Sum over ratings of (stars - the line through the scores)²."""
        return (stars - self.line[0] - self.line[1] * scores).square().sum()


def _met_by(name: str, histories: Histories, n_items: int, event_types: Sequence[EventType]) -> FloatCsr:
    """Users × items that were met by an event: 1, for `rate` the stars."""
    known = [event.name for event in event_types]
    if name not in known:
        raise ValueError(f"tasks names the unknown event {name!r}; known: {', '.join(known)}")
    weights = dict.fromkeys(known, 0.0) | {name: _FULL_STARS if name == STARS else 1.0}
    return history_matrix(histories, n_items, type_weight_vector(event_types, weights))
