"""The fewest past items without which an item drops out of the first n places of a shopper's list."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import Literal

import numpy as np

from ranking.ask import Ask
from ranking.counterfactual import Counterfactual, WithoutPast, counterfactual, history_of
from ranking.engine import Engine
from ranking.without import without_events
from shopgraph.errors import BadRecord
from shopgraph.types import FloatVector, ParsedQuery

MOST_TRIED = 200
"""Sets that are tried before the search turns greedy."""


@dataclass(frozen=True)
class SmallestSet:
    """What keeps an item among the first `n`.

    Attributes:
        n: places.
        past: the past items, each with all that the shopper did with it; the weightiest first. Empty
            unless `outcome` is `found`.
        outcome: `found`; `not_listed`: the item is not among the first n as it is; `stays`: no set was
            found, as what is left (or the shop's popular list) keeps it there.
        method: `exact`: every smaller set was tried; `greedy`: the weightiest were taken out until it fell,
            and no one of them can be put back, though another set may be smaller.
        n_tried: sets whose rank was computed.
        counterfactual: the item without them, where they were found.
    """

    n: int
    past: tuple[str, ...]
    outcome: Literal["found", "not_listed", "stays"]
    method: Literal["exact", "greedy"]
    n_tried: int
    counterfactual: Counterfactual | None = None


def smallest_set(engine: Engine, ask: Ask, item_id: str, n: int, most_tried: int = MOST_TRIED) -> SmallestSet:
    """The smallest set of past items whose removal drops the item out of the first n.

    Each rank is computed from the changed past, with the removed items held out of the list: the item has to
    fall by itself, not because what was bought could be listed again.

    Raises:
        NotFound: the item is not in the catalogue.
        BadRecord: n < 1.
    """
    if n < 1:
        raise BadRecord("n", f"must be at least 1, got {n}")
    search = _Search(engine, ask, item_id, n)
    if search.is_out(()):
        return SmallestSet(n, (), "not_listed", "exact", search.n_tried)
    found, n_proven = search.exact(most_tried)
    is_exact = found is not None or n_proven == len(search.past)
    if not is_exact:
        found = search.greedy()
        is_exact = found is not None and len(found) == n_proven + 1
    method: Literal["exact", "greedy"] = "exact" if is_exact else "greedy"
    if found is None:
        return SmallestSet(n, (), "stays", method, search.n_tried)
    told = counterfactual(engine, ask, item_id, [WithoutPast(item) for item in found], _unread)
    return SmallestSet(n, found, "found", method, search.n_tried, told)


class _Search:
    """The search of one item; `past` are the ids of the past items, those that say most for it first."""

    def __init__(self, engine: Engine, ask: Ask, item_id: str, n: int) -> None:
        self._engine, self._ask, self._item_id, self._n = engine, ask, item_id, n
        self._history = history_of(engine, ask)
        self._known: dict[frozenset[str], bool] = {}
        self.past = self._by_share(ask)

    @property
    def n_tried(self) -> int:
        return len(self._known)

    def is_out(self, gone: Iterable[str]) -> bool:
        """Whether the item is past the n-th place without these past items."""
        key = frozenset(gone)
        if key not in self._known:
            held_out = replace(self._ask.filters, exclude_item_ids=self._ask.filters.exclude_item_ids | key)
            ask = replace(self._without(key), filters=held_out)
            self._known[key] = self._engine.explain(ask, self._item_id, reasons=0).item.rank > self._n
        return self._known[key]

    def exact(self, most_tried: int) -> tuple[tuple[str, ...] | None, int]:
        """(the smallest set, None where none was met, the size up to which every set was tried)."""
        for size in range(1, len(self.past) + 1):
            if self.n_tried + comb(len(self.past), size) > most_tried:
                return None, size - 1
            for chosen in combinations(self.past, size):
                if self.is_out(chosen):
                    return chosen, size - 1
        return None, len(self.past)

    def greedy(self) -> tuple[str, ...] | None:
        """A set from which none can be left out; None where even all of the past does not do."""
        gone: list[str] = []
        while not self.is_out(gone):
            left = self._by_share(self._without(frozenset(gone)))
            if not left:
                return None
            gone.append(left[0])
        for item_id in gone[::-1]:
            others = [other for other in gone if other != item_id]
            if self.is_out(others):
                gone = others
        return tuple(gone)

    def _without(self, gone: frozenset[str]) -> Ask:
        rows = self._engine.catalogue.known_items(gone)
        past = without_events(self._history, np.isin(self._history.item_idx, rows))
        return replace(self._ask, past=past)

    def _by_share(self, ask: Ask) -> tuple[str, ...]:
        past = np.unique(history_of(self._engine, ask).item_idx).tolist()
        said = dict.fromkeys(past, 0.0)
        for share in self._engine.shares(ask, [self._item_id])[1][0]:
            if share.past_item_idx is not None:
                said[share.past_item_idx] += share.value
        ordered = sorted(past, key=lambda idx: (-said[idx], idx))
        return tuple(self._engine.catalogue.item_id(idx) for idx in ordered)


def _unread(words: str) -> tuple[ParsedQuery, FloatVector | None]:
    """Past items take no word out, so that there is nothing to be read anew."""
    raise ValueError(f"nothing should change the words {words!r}")
