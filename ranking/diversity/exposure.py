"""Lists in which every beginning has the shares of groups that are asked for, as far as there are items."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.catalogue import Catalogue
from ranking.diversity.config import ExposureGroup
from ranking.diversity.fairness import Counts, checked_bounds
from shopgraph.types import BoolVector, Filters, FloatVector, GroupExposure, IntVector


@dataclass(frozen=True, eq=False)
class Limits:
    """The groups of a shop and what lists must and may hold of them.

    Attributes:
        groups: as they were named.
        codes: the group of each item, len(groups) for all others, shape (n_items,).
        floors: fewest items in the first k places, shape (len(groups) + 1, window + 1).
        ceilings: most, same shape.
    """

    groups: tuple[ExposureGroup, ...]
    codes: IntVector
    floors: Counts
    ceilings: Counts

    @classmethod
    def of(cls, groups: Sequence[ExposureGroup], catalogue: Catalogue, window: int) -> "Limits | None":
        """The limits of the first `window` places; None where there is no group.

        Raises:
            BadSettings: the shares contradict each other.
        """
        if not groups:
            return None
        codes = np.full(len(catalogue), len(groups), np.int32)
        for code in reversed(range(len(groups))):
            codes[_mask_of(groups[code], catalogue)] = code
        return cls(tuple(groups), codes, *checked_bounds(tuple(groups), window))

    def counts(self, item_idx: IntVector) -> Counts:
        """How many of some items are of each group, shape (len(groups) + 1,)."""
        return np.bincount(self.codes[item_idx], minlength=len(self.groups) + 1)

    def best_known(self, information: FloatVector, most: int) -> IntVector:
        """Of each group with a floor the items of least information, at most so many of each."""
        found = [np.zeros(0, np.int32)]
        for code, group in enumerate(self.groups):
            if group.floor:
                own = np.flatnonzero(self.codes == code).astype(np.int32)
                found.append(own[np.argsort(information[own], kind="stable")[:most]])
        return np.concatenate(found)

    def said(self, item_idx: IntVector, available: Counts) -> tuple[GroupExposure, ...]:
        """What a list holds of each group, and if it is not what was asked for, why.

        Args:
            item_idx: the list, best first; what stands behind the window is not looked at.
            available: how many items of each group could be listed, shape (len(groups) + 1,).
        """
        n = min(len(item_idx), self.floors.shape[1] - 1)
        codes, found = self.codes[item_idx[:n]], []
        for code, group in enumerate(self.groups):
            held = np.concatenate([[0], np.cumsum(codes == code)])
            few = np.flatnonzero(held < self.floors[code, : n + 1])
            many = np.flatnonzero(held > self.ceilings[code, : n + 1])
            reason = None
            if len(few):
                scarce = available[code] < self.floors[code, few[0]]
                reason = f"only_{available[code]}_items_of_the_group" if scarce else _OTHERWISE
            elif len(many):
                others = available.sum() - available[code]
                scarce = others < many[0] - self.ceilings[code, many[0]]
                reason = f"only_{others}_other_items" if scarce else _OTHERWISE
            missed = int(np.concatenate([few, many]).min()) if reason else None
            share = float(held[-1] / n) if n else 0.0
            found.append(GroupExposure(group.name, share, group.floor, group.ceiling, missed, reason))
        return tuple(found)


class OpenPlaces:
    """Which groups the next place of a growing list may go to.

    Guarantee: if the first k places can hold what they must of every group and no more than they may, for
    every k up to some K, then taking any item of an allowed group, again and again, makes a list that does so
    for every k up to K. Where they can't, because a group has too few items, it gets all that it has, in
    time, and the others keep their shares; where there are not enough items beside a ceiling, ceilings end.

    The places are unit jobs: the j-th item of a group must stand by the first k that demands j, and not
    before the first k that lets j in. A choice is allowed if all of what is due can still be met (Hall's
    condition over every later k); `checked_bounds` has seen to it that no two limits contradict each other.
    """

    def __init__(self, limits: Limits, available: Counts) -> None:
        """`available`: how many items of each group there are to take, shape (n_groups + 1,)."""
        n = min(limits.floors.shape[1] - 1, int(available.sum()))
        places = np.arange(1, n + 1)
        there = available[:, None]
        self._floors = np.minimum(limits.floors[:, 1 : n + 1], there)
        self._ceilings = np.minimum(limits.ceilings[:, 1 : n + 1], there)
        if len(short := np.flatnonzero(self._ceilings.sum(axis=0) < places)):
            self._ceilings[:, short[0] :] = np.minimum(there, places[short[0] :])
        self._slack = places - self._floors.sum(axis=0)
        self._counts = np.zeros(len(available), np.int64)
        self._placed = 0

    def __len__(self) -> int:
        """Places that it can tell of."""
        return len(self._slack)

    def allowed(self) -> BoolVector:
        """The groups that the next place may go to, shape (n_groups + 1,)."""
        allowed: BoolVector = self._counts < self._ceilings[:, self._placed]
        tight = np.flatnonzero(self._slack[self._placed :] == 0)
        if len(tight):
            allowed &= self._counts < self._floors[:, self._placed + tight[0]]
        return allowed

    def take(self, code: int) -> None:
        """The next place has gone to a group."""
        not_needed = np.searchsorted(self._floors[code], self._counts[code], side="right")
        self._slack[:not_needed] -= 1
        self._counts[code] += 1
        self._placed += 1


_OTHERWISE = "places_given_by_words_or_rules"


def _mask_of(group: ExposureGroup, catalogue: Catalogue) -> NDArray[np.bool_]:
    """Who is of the group, shape (n_items,)."""
    found = np.zeros(len(catalogue), np.bool_)
    for one in (
        Filters(brand_ids=frozenset(group.brands)),
        Filters(category_ids=frozenset(group.categories)),
        Filters(attribute_ids=frozenset(group.attributes)),
    ):
        if one != Filters():
            found |= catalogue.mask_of_any(one)
    return found
