"""Lists of many shoppers at once, as an engine and its rules make them, over the whole catalogue.

A shopper's list is the served one but for two things: every item is scored, not candidates alone, and
nothing is put in order for diversity.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from evaluation.harness import top_items
from ranking.engine import Engine
from ranking.rules.arrange import arrange
from ranking.rules.ruling import NO_RULES, Ruling
from ranking.scorer import Scorer
from shopgraph.types import BoolVector, FloatMatrix, Histories, IntVector, iter_batches

_ROWS_AT_ONCE, _SCORES_AT_ONCE = 200, 1 << 22
_BEHIND = 100
"""Items ranked behind a list's end at first, for caps to draw on."""


@dataclass(frozen=True, eq=False)
class Shoppers:
    """A batch: their histories, ids, and what they have bought by code in rows and columns."""

    histories: Histories
    user_ids: Sequence[str]
    bought: tuple[NDArray[np.intp], NDArray[np.integer]]

    def __len__(self) -> int:
        return len(self.user_ids)

    def take(self, rows: NDArray[np.intp]) -> "Shoppers":
        """Some of them, in ascending order."""
        place = np.full(len(self), -1)
        place[rows] = np.arange(len(rows))
        owners, items = self.bought
        kept = place[owners] >= 0
        ids = [self.user_ids[row] for row in rows.tolist()]
        return Shoppers(self.histories.take(rows), ids, (place[owners[kept]], items[kept]))


def lists_of(
    engines: Sequence[Engine], shoppers: Shoppers, n: int, now: datetime, threads: int = 1
) -> list[IntVector]:
    """Each engine's lists of recommendations, shape (len(shoppers), n), -1 where one is shorter."""
    n_rows = max(1, min(_ROWS_AT_ONCE, _SCORES_AT_ONCE // len(engines[0].catalogue)))
    blocks = [np.arange(len(shoppers))[block] for block in iter_batches(len(shoppers), n_rows)]

    def made(rows: NDArray[np.intp]) -> list[IntVector]:
        batch, scores = shoppers.take(rows), _Scores()
        return [_lists(engine, batch, n, now, scores) for engine in engines]

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(made, blocks))
    empty = np.zeros((0, n), np.int32)
    return [np.concatenate([empty, *(block[at] for block in found)]) for at in range(len(engines))]


class _Scores:
    """Scores of a batch, each computed once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], FloatMatrix] = {}

    def of(self, scorer: Scorer, batch: Shoppers, rows: NDArray[np.intp]) -> FloatMatrix:
        """Scores of some rows; not to be changed."""
        key = id(scorer), rows.tobytes()
        if key not in self._known:
            whole = len(rows) == len(batch)
            self._known[key] = scorer.score(batch.histories if whole else batch.histories.take(rows))
        return self._known[key]


def _lists(engine: Engine, batch: Shoppers, n: int, now: datetime, scores: _Scores) -> IntVector:
    found = np.full((len(batch), n), -1, np.int32)
    for ruling, rows in _by_ruling(engine, batch, now):
        own = scores.of(engine.scoring.scorer_for(ruling), batch, rows)
        mine = batch if len(rows) == len(batch) else batch.take(rows)
        found[rows] = _ruled(ruling, own, mine.bought, n)
    return found


def _by_ruling(engine: Engine, batch: Shoppers, now: datetime) -> list[tuple[Ruling, NDArray[np.intp]]]:
    """Each ruling and the rows that it is for."""
    house = engine.house
    rules = None if house is None else house.source.current()
    if house is None or rules is None or not rules.rules:
        return [(NO_RULES, np.arange(len(batch)))]
    groups = house.group_of(batch.histories)
    rulings = [
        house.ruling_of(rules, user_id, group, "recommend", now)
        for user_id, group in zip(batch.user_ids, groups, strict=True)
    ]
    codes = np.array([id(ruling) for ruling in rulings])
    return [
        (rulings[int(np.argmax(codes == code))], np.flatnonzero(codes == code)) for code in np.unique(codes)
    ]


def _ruled(
    ruling: Ruling, scores: FloatMatrix, bought: tuple[NDArray[np.intp], NDArray[np.integer]], n: int
) -> IntVector:
    masked = np.array(scores)
    if ruling.product is not None:
        masked += (ruling.product - 1).astype(np.float32) * np.maximum(scores, 0)
    masked[bought] = -np.inf
    if ruling.out is not None:
        masked[:, ruling.out] = -np.inf
    if not ruling.arranges:
        return top_items(masked, n)
    pins = [ruling.places(np.isfinite(row)) for row in masked]
    deep = top_items(masked, min(masked.shape[1], n + len(ruling.pins) + _BEHIND))
    found = np.full((len(masked), n), -1, np.int32)
    for row, ranked in enumerate(deep):
        places = {place: pin.item_idx for place, pin in pins[row].items()}
        ended = deep.shape[1] == masked.shape[1] or ranked[-1] < 0
        items = _arranged(ruling, ranked, places, n, complete=ended)
        if len(items) < n and not ended:  # caps hold back more than was ranked
            everything = top_items(masked[row : row + 1], masked.shape[1])[0]
            items = _arranged(ruling, everything, places, n, complete=True)
        found[row, : len(items)] = items
    return found


def _arranged(
    ruling: Ruling, ranked: IntVector, places: dict[int, int], n: int, *, complete: bool
) -> list[int]:
    pinned = set(places.values())
    free = [item for item in ranked[ranked >= 0].tolist() if item not in pinned]
    return arrange(free, places, ruling.caps, n, complete=complete).item_idx


def bought_before(histories: Histories, is_bought: BoolVector) -> tuple[NDArray[np.intp], IntVector]:
    """(row, item) of all that a batch has bought; `is_bought` says it of each type of event."""
    bought = is_bought[histories.type_code]
    return histories.owners()[bought].astype(np.intp), histories.item_idx[bought]
