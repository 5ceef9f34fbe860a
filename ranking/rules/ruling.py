"""What the rules that hold for one question do to its answer.

The order of composing is fixed (docs/decisions/rules.md): bans, then boosts and buries, then what must not be
listed, then pins, then caps. The order in which rules were written does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gnn.linear.bans import Bans
from ranking.rules.schema import Rule
from shopgraph.types import BoolVector, IntVector, Share

MOST_FACTOR = 1e3
"""What an item's factors together come to at most, and 1 over it at least, however many there are."""


@dataclass(frozen=True, eq=False)
class Factor:
    """A boost or a bury: `mask`, shape (n_items,), says of which items."""

    rule: Rule
    mask: BoolVector
    factor: float


@dataclass(frozen=True, eq=False)
class Pinned:
    """An item and the place, from 0, that it is to have."""

    rule: Rule
    item_idx: int
    place: int


@dataclass(frozen=True, eq=False)
class Capped:
    """At most `most` of a group in the first `within` places; item j's groups are `idx[indptr[j]:…]`."""

    rule: Rule
    most: int
    within: int
    indptr: NDArray[np.int64]
    idx: IntVector

    def groups(self, item_idx: int) -> Sequence[int]:
        """The groups that an item counts for."""
        found: list[int] = self.idx[self.indptr[item_idx] : self.indptr[item_idx + 1]].tolist()
        return found


@dataclass(frozen=True, eq=False)
class Removed:
    """Items that a rule keeps out of lists, shape (n_items,)."""

    rule: Rule
    mask: BoolVector


@dataclass(frozen=True, eq=False)
class Ruling:
    """The rules of one question; without any it changes nothing.

    Attributes:
        removed: what must not be listed.
        factors: boosts and buries, in the order of composing.
        pins: in the order of composing; of several for one place or item the first counts.
        caps: in the order of composing.
        banning: rules that ban anything.
        bans: what they ban.
    """

    removed: tuple[Removed, ...] = ()
    factors: tuple[Factor, ...] = ()
    pins: tuple[Pinned, ...] = ()
    caps: tuple[Capped, ...] = ()
    banning: tuple[Rule, ...] = ()
    bans: Bans = field(default_factory=Bans)

    @cached_property
    def out(self) -> BoolVector | None:
        """Which items no list may have, shape (n_items,); None: any may be listed."""
        if not self.removed:
            return None
        found: BoolVector = np.logical_or.reduce([removed.mask for removed in self.removed])
        return found

    @cached_property
    def boosted(self) -> IntVector:
        """Items that any rule boosts: they are scored whatever else is."""
        masks = [factor.mask for factor in self.factors if factor.factor > 1]
        return np.flatnonzero(np.logical_or.reduce(masks)).astype(np.int32) if masks else _NO_ITEMS

    @cached_property
    def product(self) -> NDArray[np.float64] | None:
        """The product of each item's factors, shape (n_items,); None: all are 1."""
        if not self.factors:
            return None
        found = np.ones(len(self.factors[0].mask))
        for factor in self.factors:
            found[factor.mask] = np.clip(found[factor.mask] * factor.factor, 1 / MOST_FACTOR, MOST_FACTOR)
        return found

    @property
    def arranges(self) -> bool:
        """Whether places are given by more than the score."""
        return bool(self.pins or self.caps)

    def adjustment(self, item_idx: IntVector, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The part `rules` of some items, (product of factors - 1) · max(score, 0), shape of `scores`.

        `scores` is the sum of the other parts.
        """
        if self.product is None:
            return np.zeros_like(scores)
        return (self.product[item_idx] - 1) * np.maximum(scores, 0)

    def shares(self, item_idx: int, score: float) -> list[Share]:
        """The summands of one item's adjustment, one a rule: what each adds after those before it."""
        found, before = [], 1.0
        for factor in self.factors:
            if factor.mask[item_idx]:
                after = min(max(before * factor.factor, 1 / MOST_FACTOR), MOST_FACTOR)
                found.append(Share("rule", (after - before) * max(score, 0.0), name=factor.rule.name))
                before = after
        return found

    def places(self, listed: BoolVector) -> dict[int, Pinned]:
        """Who is pinned where, of the items that may be listed, shape (n_items,).

        A place that is taken leaves the later pin the next free one.
        """
        found: dict[int, Pinned] = {}
        done: set[int] = set()
        for pin in self.pins:
            if not listed[pin.item_idx] or pin.item_idx in done:
                continue
            place = pin.place
            while place in found:
                place += 1
            found[place] = pin
            done.add(pin.item_idx)
        return found

    def removing(self, item_idx: int) -> list[str]:
        """Ids of the rules that keep an item out."""
        return [removed.rule.rule_id for removed in self.removed if removed.mask[item_idx]]

    def weighing(self, item_idx: int, score: float) -> list[str]:
        """Ids of the rules that boost or bury an item of this score."""
        if score <= 0:
            return []
        return [factor.rule.rule_id for factor in self.factors if factor.mask[item_idx]]


NO_RULES = Ruling()

_NO_ITEMS = np.zeros(0, np.int32)
