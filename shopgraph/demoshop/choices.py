"""Who turned to which item when, and what they bought: softmax draws from the true utility."""

from dataclasses import dataclass, fields, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from shopgraph.demoshop.catalogue import DAY, WINDOW_DAYS, Stock
from shopgraph.demoshop.people import SPECIAL_SHOPPERS
from shopgraph.demoshop.tastes import Truth
from shopgraph.types import FloatMatrix, FloatVector, iter_batches

MEAN_CHOICES = 24.0
_PERIOD_DAYS, _BLOCK = 28, 300
_GROWTH = (0.75, 1.25)


@dataclass(frozen=True, eq=False)
class Choices:
    """One row per time that a shopper turned to an item.

    `period` counts months of 28 days from the window's start, `order` the user's choices in it, in
    which no item comes twice. `liking` is how far the item's utility is above what this user's
    choices have on average, in standard deviations. Nobody buys an item twice.
    """

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    period: NDArray[np.int64]
    order: NDArray[np.int64]
    liking: FloatVector
    carted: NDArray[np.bool_]
    bought: NDArray[np.bool_]


def n_periods() -> int:
    """How many months the window has."""
    return WINDOW_DAYS // _PERIOD_DAYS


def draw_choices(truth: Truth, stock: Stock, now: datetime, rng: np.random.Generator) -> Choices:
    """Every user's choices: items drawn by softmax of U; what was bought is not drawn again."""
    n_users = len(truth.user_ids)
    start = int(now.timestamp()) - WINDOW_DAYS * DAY
    activity = np.clip(rng.lognormal(-0.15, 0.55, n_users), 0.3, 3.0)
    activity[: len(SPECIAL_SHOPPERS)] = 2.0
    growth = np.linspace(*_GROWTH, n_periods())
    counts = rng.poisson(MEAN_CHOICES * activity[:, None] * growth / n_periods())
    parts = []
    for users in iter_batches(n_users, _BLOCK):
        bought = np.zeros((len(counts[users]), len(stock.items)), np.bool_)
        for period in range(n_periods()):
            first_second = start + period * _PERIOD_DAYS * DAY
            unavailable = bought | stock.is_new | (stock.created_at > first_second)
            utility = truth.utility(users, first_second + _PERIOD_DAYS * DAY / 2)
            utility[unavailable] = -np.inf
            part = _draw_period(utility, counts[users, period], period, rng)
            bought[part.user[part.bought], part.item[part.bought]] = True
            parts.append(replace(part, user=part.user + users.start))
    return Choices(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Choices)))


def shuffle_tastes(choices: Choices, rng: np.random.Generator) -> Choices:
    """The same choices with the items dealt out anew: popularity stays, taste and season go.

    What would be bought twice is dealt again with others; what is left after 20 rounds is dropped.
    """
    row = rng.permutation(len(choices.item))
    for _ in range(20):
        again = _bought_again(choices.user, choices.item[row], choices.bought[row])
        others = rng.choice(len(row), size=len(again), replace=False)
        mixed = np.unique(np.concatenate([again, others]))
        row[mixed] = row[rng.permutation(mixed)]
    dropped = _bought_again(choices.user, choices.item[row], choices.bought[row])
    keep = np.setdiff1d(np.arange(len(row)), dropped)
    row = row[keep]
    return Choices(
        choices.user[keep],
        choices.item[row],
        choices.period[keep],
        choices.order[keep],
        choices.liking[row],
        choices.carted[row],
        choices.bought[row],
    )


def _draw_period(
    utility: FloatMatrix, counts: NDArray[np.int64], period: int, rng: np.random.Generator
) -> Choices:
    """One month's choices by Gumbel top-k, `counts[row]` of each row; -inf is never drawn."""
    most = max(int(counts.max()), 1)
    waiting = rng.standard_exponential(utility.shape, dtype=np.float32)
    noisy = utility - np.log(np.maximum(waiting, np.finfo(np.float32).tiny))
    top = np.argpartition(noisy, -most, axis=1)[:, -most:]
    best_first = np.argsort(-np.take_along_axis(noisy, top, axis=1), axis=1)
    top = np.take_along_axis(top, best_first, axis=1)
    user, order = np.nonzero(np.arange(most) < counts[:, None])
    item = top[user, order]
    mean, deviation = _choice_moments(utility)
    liking = (utility[user, item] - mean[user]) / deviation[user]
    carted = rng.random(len(item)) < _sigmoid(0.9 + 0.8 * liking)
    bought = carted & (rng.random(len(item)) < _sigmoid(1.2 + 0.5 * liking))
    return Choices(user, item, np.full(len(item), period), order, liking, carted, bought)


def _choice_moments(utility: FloatMatrix) -> tuple[FloatVector, FloatVector]:
    """Mean and standard deviation of the utility of a choice by softmax, per row."""
    share = np.exp(utility - utility.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    finite = np.where(share > 0, utility, 0)
    mean = (share * finite).sum(axis=1)
    variance = (share * finite**2).sum(axis=1) - mean**2
    return mean, np.sqrt(np.maximum(variance, 0.01)).astype(np.float32)


def _bought_again(
    user: NDArray[np.int64], item: NDArray[np.int64], bought: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Rows whose user buys an item that an earlier row already has them buy."""
    rows = np.flatnonzero(bought)
    _, first = np.unique(np.stack([user[rows], item[rows]]), axis=1, return_index=True)
    return np.setdiff1d(rows, rows[first])


def _sigmoid(x: FloatVector) -> FloatVector:
    return (1 / (1 + np.exp(-x))).astype(np.float32)
