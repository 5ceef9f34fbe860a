"""Items in order: by score, or as a search asked for them to be sorted."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from ranking.catalogue import Catalogue
from ranking.conditions import Condition
from shopgraph.types import NO_TIME, FloatVector, IntVector, ParsedQuery, Sort

FITTING = 100
"""Where words are left that only the text answers to, so many of the best are sorted, the others follow."""

_COMPARED = ("brand", "category", "attribute")

_Scores = FloatVector | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranked:
    """Items in order with their weighted parts, shape (n, len(PARTS))."""

    item_idx: IntVector
    parts: NDArray[np.float64]

    def then(self, other: "Ranked") -> "Ranked":
        """These items, then the others."""
        return Ranked(
            np.concatenate([self.item_idx, other.item_idx]), np.concatenate([self.parts, other.parts])
        )


class Sorting(ABC):
    """An order that a search asks for instead of that by score."""

    @abstractmethod
    def places(self, item_idx: IntVector, scores: _Scores) -> NDArray[np.intp]:
        """Places of the items in order."""


@dataclass(frozen=True, eq=False)
class ByKey(Sorting):
    """By `keys`, shape (n_items,), the smallest first, inf where it is unknown; equal ones by score.

    `n_fitting` of the best by score are sorted (None: all), so that what only half fits is not first
    because it is cheap.
    """

    keys: NDArray[np.float64]
    n_fitting: int | None

    def places(self, item_idx: IntVector, scores: _Scores) -> NDArray[np.intp]:
        """Places of the items in order."""
        by_score = top(scores, len(scores))
        sorted_ones = by_score[: self.n_fitting]
        keys = self.keys[item_idx[sorted_ones]]
        return np.concatenate([sorted_ones[np.argsort(keys, kind="stable")], by_score[len(sorted_ones) :]])


@dataclass(frozen=True, eq=False)
class InTurn(Sorting):
    """The best of each side, then the second best of each, and so on.

    `side`: of each item, shape (n_items,); 0 for the one said first, -1 for none of them: these are last.
    """

    side: IntVector

    def places(self, item_idx: IntVector, scores: _Scores) -> NDArray[np.intp]:
        """Places of the items in order."""
        by_score = top(scores, len(scores))
        sides = self.side[item_idx[by_score]]
        turn = np.full(len(sides), len(sides))
        for side in np.unique(sides[sides >= 0]):
            own = np.flatnonzero(sides == side)
            turn[own] = np.arange(len(own))
        return by_score[np.lexsort((sides, turn))]


def sorting_of(
    parsed: ParsedQuery, conditions: Sequence[Condition], catalogue: Catalogue, popularity: _Scores
) -> Sorting | None:
    """The order that the words ask for, if any."""
    if parsed.sort is None:
        return _in_turn(conditions, catalogue) if parsed.intent == "compare" else None
    loose = parsed.rest or parsed.missing or not all(slot.node_id for slot in parsed.attribute)
    return ByKey(_keys(parsed.sort, catalogue, popularity), FITTING if loose else None)


def place_of(
    item_idx: int,
    pools: Iterable[IntVector],
    parts_of: Callable[[IntVector], NDArray[np.float64]],
    sorting: Sorting | None,
) -> tuple[int, Ranked]:
    """(the rank of an item among all of its and earlier pools, the item with its parts).

    Args:
        item_idx: is in one of the pools.
        pools: items that come before those of the next pool, whatever their scores.
        parts_of: the weighted parts of items, shape (n, len(PARTS)).
        sorting: the order within a pool, None: by score.
    """
    above = 0
    for pool in pools:
        places = np.flatnonzero(pool == item_idx)
        if not len(places):
            above += len(pool)
            continue
        parts = parts_of(pool)
        scores, row = parts.sum(axis=1), int(places[0])
        if sorting is None:
            equal = np.count_nonzero(scores[:row] == scores[row])
            before = int(np.count_nonzero(scores > scores[row]) + equal)
        else:
            before = int(np.flatnonzero(sorting.places(pool, scores) == row)[0])
        return above + before + 1, Ranked(pool[[row]], parts[[row]])
    raise ValueError(f"item {item_idx} is in no pool")


def top(scores: _Scores, n: int) -> NDArray[np.intp]:
    """Places of the n largest scores, best first; of equal ones the earlier first, whatever n is."""
    if 0 < n < len(scores):
        threshold = np.partition(scores, len(scores) - n)[len(scores) - n]
        places = np.flatnonzero(scores >= threshold)
    else:
        places = np.arange(len(scores))
    return places[np.argsort(-scores[places], kind="stable")][:n]


def _in_turn(conditions: Sequence[Condition], catalogue: Catalogue) -> InTurn | None:
    """The first of the brands, categories or attributes that are compared take turns."""
    parted = {one.field: sides for one in reversed(conditions) if len(sides := one.by_word()) > 1}
    sides = next((parted[field] for field in _COMPARED if field in parted), ())
    if not sides:
        return None
    masks = [catalogue.mask_of_any(one.filters) for one in sides]
    nobodys = np.full(len(catalogue), -1)
    return InTurn(np.select(masks, list(range(len(masks))), nobodys).astype(np.int32))


def _keys(sort: Sort, catalogue: Catalogue, popularity: _Scores) -> NDArray[np.float64]:
    items = catalogue.items
    match sort:
        case "price_asc":
            keys = items.price.astype(np.float64)
        case "price_desc":
            keys = -items.price.astype(np.float64)
        case "newest":
            keys = np.where(items.created_at == NO_TIME, np.nan, -items.created_at.astype(np.float64))
        case "rating":
            keys = -catalogue.stars.astype(np.float64)
        case "popular":
            keys = -popularity.astype(np.float64)
        case _:
            assert_never(sort)
    return np.where(np.isnan(keys), np.inf, keys)
