"""Lists in another order than the score's; scores, their parts and the reasons stay what they are.

The best of a pool by score, `window` of them and of each group, are taken one by one: what is worth most
beside what stands above, of the groups that the place may go to. What lies behind them follows by score.
"""

from dataclasses import dataclass
from typing import Self, assert_never

import numpy as np
from numpy.typing import NDArray

from ranking.ask import Ask
from ranking.catalogue import Catalogue
from ranking.diversity.config import DiversityConfig
from ranking.diversity.exposure import Limits, OpenPlaces
from ranking.diversity.greedy import Dpp, Mmr, Objective, Relevance, greedy
from ranking.diversity.likeness import ItemLikeness
from ranking.features import POPULARITY
from ranking.hybrid import Hybrid
from ranking.ordering import top
from shopgraph.types import FloatVector, IntVector, Reranked

_NO_ITEMS = np.zeros(0, np.int32)


@dataclass(frozen=True)
class Amounts:
    """What is asked of one list: 0 in both is the order of the score."""

    diversity: float
    novelty: float


class Reranker:
    """What a shop's lists are put in order by; one for all answers."""

    def __init__(
        self,
        config: DiversityConfig,
        likeness: ItemLikeness,
        information: FloatVector,
        limits: Limits | None,
    ) -> None:
        """`information` is how little known each item is, in any unit, shape (n_items,)."""
        self.config, self.likeness, self.information, self.limits = config, likeness, information, limits
        self.reserve = _NO_ITEMS if limits is None else limits.best_known(information, config.window)

    @classmethod
    def of(cls, hybrid: Hybrid, catalogue: Catalogue, config: DiversityConfig) -> Self:
        """By the hybrid's vectors and counts of events.

        Raises:
            BadSettings: the groups' shares contradict each other.
        """
        limits = Limits.of(config.exposure, catalogue, config.window)
        return cls(config, ItemLikeness.of(hybrid), -hybrid.features.columns[POPULARITY], limits)

    def arrangement(self, ask: Ask) -> "Arrangement | None":
        """What puts one list in order; None: the score alone does, as with the caller's own candidates.

        Raises:
            ValueError: diversity or novelty is not in [0, 1].
        """
        if ask.candidate_ids is not None:
            return None
        asked = Amounts(
            self.config.amount if ask.diversity is None else ask.diversity,
            self.config.novelty if ask.novelty is None else ask.novelty,
        )
        if not (0 <= asked.diversity <= 1 and 0 <= asked.novelty <= 1):
            raise ValueError(f"diversity and novelty must be in [0, 1], got {asked}")
        if asked == Amounts(0, 0) and self.limits is None:
            return None
        return Arrangement(self, asked)


class Arrangement:
    """The order of one list, of one pool of candidates after the other."""

    def __init__(self, reranker: Reranker, asked: Amounts) -> None:
        self._reranker, self._asked = reranker, asked
        n_groups = 0 if reranker.limits is None else len(reranker.limits.groups)
        self._available = np.zeros(n_groups + 1, np.int64)

    @property
    def reserve(self) -> IntVector:
        """Items to be scored so that groups with a floor are not missed: their best known ones."""
        return self._reranker.reserve

    def places(self, item_idx: IntVector, scores: NDArray[np.float64], n: int) -> NDArray[np.intp]:
        """Places of the first n of a pool, in order; fewer where it is smaller.

        Args:
            item_idx: the pool, shape (n_pool,).
            scores: of each, same shape.
            n: what a smaller n gives is the beginning of what a larger one gives.
        """
        config, limits = self._reranker.config, self._reranker.limits
        candidates = self._candidates(item_idx, scores)
        n_first = min(n, config.window, len(item_idx))
        items = item_idx[candidates]
        objective = self._objective(items, scores[candidates], n_first)
        if limits is None:
            order = greedy(objective, len(items), n_first)
        else:
            available, codes = limits.counts(item_idx), limits.codes[items]
            self._available += available
            open_places = OpenPlaces(limits, available)
            order = greedy(
                objective,
                len(items),
                n_first,
                lambda: open_places.allowed()[codes],
                lambda place: open_places.take(int(codes[place])),
            )
        first = candidates[order]
        if n <= n_first or n_first == len(item_idx):
            return first
        rest = np.setdiff1d(np.arange(len(item_idx)), first)
        return np.concatenate([first, rest[top(scores[rest], n - n_first)]])

    def said(self, item_idx: IntVector) -> Reranked:
        """How a list that was put in order came about; `item_idx` is the list from its first place."""
        config, limits = self._reranker.config, self._reranker.limits
        exposure = () if limits is None else limits.said(item_idx, self._available)
        method = config.method if self._asked.diversity else "score"
        return Reranked(method, self._asked.diversity, self._asked.novelty, exposure)

    def _candidates(self, item_idx: IntVector, scores: NDArray[np.float64]) -> NDArray[np.intp]:
        """Places of those that are put in order, by score."""
        limits, window = self._reranker.limits, self._reranker.config.window
        if limits is None or len(item_idx) <= window:
            return top(scores, window)
        codes = limits.codes[item_idx]
        found = [top(scores, window)]
        for code in range(len(limits.groups) + 1):
            own = np.flatnonzero(codes == code)
            found.append(own[top(scores[own], window)])
        places = np.unique(np.concatenate(found))
        return places[np.argsort(-scores[places], kind="stable")]

    def _objective(self, items: IntVector, scores: NDArray[np.float64], n: int) -> Objective:
        asked, config = self._asked, self._reranker.config
        relevance = _to_one(scores, scores[: config.window])
        if asked.novelty:
            information = self._reranker.information[items]
            relevance = relevance + np.float32(asked.novelty) * _to_one(information, information)
        if not asked.diversity:
            return Relevance(relevance)
        vectors = self._reranker.likeness.vectors(items)
        match config.method:
            case "mmr":
                return Mmr(relevance, vectors, asked.diversity)
            case "dpp":
                return Dpp(relevance, vectors, asked.diversity, n)
            case _:
                assert_never(config.method)


def _to_one(values: NDArray[np.floating], among: NDArray[np.floating]) -> FloatVector:
    """The values in units of the span of some of them, their smallest as 0."""
    spread = float(np.ptp(among)) if len(among) else 0.0
    if not spread:
        return np.zeros(len(values), np.float32)
    found: FloatVector = ((values - among.min()) / spread).astype(np.float32)
    return found
