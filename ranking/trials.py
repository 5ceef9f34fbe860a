"""Whether a model that nobody asked for stays: only if the hybrid ranks better with it.

Halves of the shoppers learn weights in turns, with the model and without it, the other half judges.
"""

from dataclasses import dataclass

import numpy as np

from ranking.config import FusionConfig
from ranking.listwise import FusionRows, likely_and_ranking, ndcg_of_rows

_MIN_USERS = 100
"""Too few shoppers judge nothing; what nobody asked for then stays away."""


@dataclass(frozen=True)
class Trial:
    """What a model brings.

    Attributes:
        gain: NDCG@10 with it less NDCG@10 without it, of shoppers that were not learned on.
        error: standard error of the gain.
    """

    gain: float
    error: float

    @property
    def kept(self) -> bool:
        """Whether the gain is more than chance."""
        return self.gain > self.error

    def __str__(self) -> str:
        verdict = "stays" if self.kept else "is left out"
        return f"{verdict}: NDCG@10 {self.gain:+.4f} ± {self.error:.4f} on shoppers not learned from"


def try_without(rows: FusionRows, name: str, config: FusionConfig) -> Trial:
    """The trial of one of the rows' parts."""
    if len(rows) < _MIN_USERS or len(rows.names) < 2:
        return Trial(0.0, 0.0)
    others = rows.only([part for part in rows.names if part != name])
    gains = np.zeros(len(rows))
    for half in (0, 1):
        judges, learners = np.arange(half, len(rows), 2), np.arange(1 - half, len(rows), 2)
        with_it, without = (
            ndcg_of_rows(one.take(judges), likely_and_ranking(one.take(learners), config.l2))
            for one in (rows, others)
        )
        gains[judges] = with_it - without
    return Trial(float(gains.mean()), float(gains.std()) / len(rows) ** 0.5)
