"""A list as it grows, pool by pool: by score, diversity or as words sort it, then pins and caps."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ranking.diversity.reranker import Arrangement
from ranking.ordering import Ranked, Sorting, top
from ranking.rules.arrange import Arranged, arrange
from ranking.rules.ruling import Pinned, Ruling
from shopgraph.types import PARTS, BoolVector, IntVector, Reranked


@dataclass(frozen=True, eq=False)
class Listed:
    """The places of a list.

    Attributes:
        ranked: items in order with their parts.
        touched: by item the ids of the rules that gave it its place.
        short: whether a cap keeps out what could fill the list.
        reranked: what put the items in order beside the score; None: nothing did.
    """

    ranked: Ranked
    touched: dict[int, list[str]] = field(default_factory=dict)
    short: bool = False
    reranked: Reranked | None = None

    def page(self, start: int, end: int) -> Ranked:
        """Some places."""
        return Ranked(self.ranked.item_idx[start:end], self.ranked.parts[start:end])


class Listing:
    """Collects pools until the first n places are known."""

    def __init__(
        self,
        ruling: Ruling,
        sorting: Sorting | None,
        listed: BoolVector,
        n: int,
        arrangement: Arrangement | None = None,
    ) -> None:
        """`listed`: items that may be pinned, shape (n_items,); who asks for an order gets no pins.

        `arrangement` puts what is not sorted in order beside the score.
        """
        self._ruling, self._sorting, self._n = ruling, sorting, n
        self._arrangement = None if sorting else arrangement
        self._pins: dict[int, Pinned] = {} if sorting else ruling.places(listed)
        self._unseen = {pin.item_idx for pin in self._pins.values()}
        self._arranges = bool(self._pins or ruling.caps)
        self._ranked = Ranked(np.zeros(0, np.int32), np.zeros((0, len(PARTS))))

    @property
    def also(self) -> IntVector:
        """Items to be scored whatever else speaks for them: those pinned, and of groups with a floor."""
        pinned = np.array(sorted(pin.item_idx for pin in self._pins.values()), np.int32)
        if self._arrangement is None:
            return pinned
        return np.union1d(pinned, self._arrangement.reserve).astype(np.int32)

    def add(self, pool: IntVector, parts: NDArray[np.float64]) -> bool:
        """Take in the items that come next; says whether the list is full."""
        scores = parts.sum(axis=1)
        wanted = len(pool) if self._arranges else self._n - len(self._ranked.item_idx)
        if self._sorting:
            order = self._sorting.places(pool, scores)[:wanted]
        elif self._arrangement:
            order = self._arrangement.places(pool, scores, wanted)
        else:
            order = top(scores, wanted)
        self._ranked = self._ranked.then(Ranked(pool[order], parts[order]))
        if not self._arranges:
            return len(self._ranked.item_idx) >= self._n
        self._unseen.difference_update(pool.tolist())
        return not self._unseen and len(self._arranged(complete=False).item_idx) >= self._n

    def listed(self) -> Listed:
        """The list of what was taken in."""
        if not self._arranges:
            return Listed(self._ranked, reranked=self._reranked(self._ranked))
        done = self._arranged(complete=True)
        row_of = {item: row for row, item in enumerate(self._ranked.item_idx.tolist())}
        rows = np.array([row_of[item] for item in done.item_idx], np.intp)
        touched = {
            item: [self._ruling.caps[cap].rule.rule_id for cap in sorted(caps)]
            for item, caps in done.held_back.items()
        }
        touched |= {pin.item_idx: [pin.rule.rule_id] for pin in self._pins.values()}
        ranked = Ranked(self._ranked.item_idx[rows], self._ranked.parts[rows])
        return Listed(ranked, touched, done.short, self._reranked(ranked))

    def _reranked(self, ranked: Ranked) -> Reranked | None:
        return None if self._arrangement is None else self._arrangement.said(ranked.item_idx)

    def _arranged(self, *, complete: bool) -> Arranged:
        pins = {place: pin.item_idx for place, pin in self._pins.items()}
        pinned = set(pins.values())
        free = [item for item in self._ranked.item_idx.tolist() if item not in pinned]
        return arrange(free, pins, self._ruling.caps, self._n, complete=complete)
