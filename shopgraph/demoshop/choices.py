"""Who turned to which item when: Plackett–Luce draws from the true utility, month by month."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from shopgraph.demoshop.catalogue import DAY, WINDOW_DAYS, Stock
from shopgraph.demoshop.tastes import Truth
from shopgraph.types import FloatVector, iter_batches

MEAN_CHOICES = 22.0
_PERIOD_DAYS, _BLOCK = 28, 300
_GROWTH = (0.75, 1.25)


@dataclass(frozen=True, eq=False)
class Choices:
    """One row per item that a shopper turned to, no (user, item) pair twice.

    `period` counts months of 28 days from the window's start, `order` the user's choices in it.
    `liking` is how far the item's utility is above the user's other choices, in standard deviations.
    """

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    period: NDArray[np.int64]
    order: NDArray[np.int64]
    liking: FloatVector


def n_periods() -> int:
    """How many months the window has."""
    return WINDOW_DAYS // _PERIOD_DAYS


def draw_choices(truth: Truth, stock: Stock, now: datetime, rng: np.random.Generator) -> Choices:
    """Every user's choices; a user's items are drawn by softmax of U without replacement."""
    n_users = len(truth.user_ids)
    start = now.timestamp() - WINDOW_DAYS * DAY
    activity = np.clip(rng.lognormal(-0.15, 0.55, n_users), 0.3, 3.0)
    activity[:4] = 2.0
    growth = np.linspace(*_GROWTH, n_periods())
    counts = rng.poisson(MEAN_CHOICES * activity[:, None] * growth / n_periods())
    parts = []
    for users in iter_batches(n_users, _BLOCK):
        gone = np.broadcast_to(stock.is_new, (len(counts[users]), len(stock.items))).copy()
        for period in range(n_periods()):
            middle = start + (period + 0.5) * _PERIOD_DAYS * DAY
            unavailable = gone | (stock.created_at > middle - _PERIOD_DAYS * DAY / 2)
            utility = truth.utility(users, middle)
            row, item, order = _top_draws(utility, unavailable, counts[users, period], rng)
            gone[row, item] = True
            parts.append((row + users.start, item, np.full(len(row), period), order, utility[row, item]))
    user, item, period, order, utility = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Choices(user, item, period, order, _standardised(utility, user))


def shuffle_tastes(choices: Choices, rng: np.random.Generator) -> Choices:
    """The same choices with the items dealt out anew: popularity stays, taste and season go.

    Pairs that come up twice are dealt again with others; the few left after 20 rounds are dropped.
    """
    row = rng.permutation(len(choices.item))
    for _ in range(20):
        again = _repeats(choices.user, choices.item[row])
        if not len(again):
            break
        mixed = np.concatenate([again, rng.choice(len(row), size=len(again), replace=False)])
        mixed = np.unique(mixed)
        row[mixed] = row[rng.permutation(mixed)]
    keep = np.setdiff1d(np.arange(len(row)), _repeats(choices.user, choices.item[row]))
    return Choices(
        choices.user[keep],
        choices.item[row][keep],
        choices.period[keep],
        choices.order[keep],
        choices.liking[row][keep],
    )


def _top_draws(
    utility: FloatVector, unavailable: NDArray[np.bool_], counts: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Gumbel top-k: rows, items and their order; `counts[row]` items of each row."""
    most = max(int(counts.max()), 1)
    waiting = rng.standard_exponential(utility.shape, dtype=np.float32)
    noisy = utility - np.log(np.maximum(waiting, np.finfo(np.float32).tiny))
    noisy[unavailable] = -np.inf
    top = np.argpartition(noisy, -most, axis=1)[:, -most:]
    best_first = np.argsort(-np.take_along_axis(noisy, top, axis=1), axis=1)
    top = np.take_along_axis(top, best_first, axis=1)
    row, order = np.nonzero(np.arange(most) < counts[:, None])
    return row, top[row, order], order


def _standardised(utility: FloatVector, user: NDArray[np.int64]) -> FloatVector:
    n = np.maximum(np.bincount(user), 1)
    centred = utility - (np.bincount(user, utility) / n)[user]
    return (centred / centred.std()).astype(np.float32)


def _repeats(user: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows whose (user, item) pair stands in an earlier row."""
    _, first = np.unique(user * (int(item.max()) + 1) + item, return_index=True)
    return np.setdiff1d(np.arange(len(user)), first)
