"""A made-up shop whose true effect is known, day by day, to hold the experiments' figures against.

Shoppers differ (each has a click probability of their own), arrive over weeks, come back, see several lists a
visit; few buy, and what they pay has a heavy tail. So nothing here is as independent as a formula might hope.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.experiments.estimates import Sums

_Days = NDArray[np.float64]
"""A number for each day and shopper, summed up to that day, shape (n_days, n_shoppers)."""


@dataclass(frozen=True)
class MadeShop:
    """What the shop is like.

    Attributes:
        n_shoppers: in both arms together, by the last day.
        n_days: how long the experiment runs.
        arriving: share of the days over which shoppers first come; 0: all on the first day.
        click_rate: mean probability that a list is clicked.
        buy_rate: probability that a clicked list leads to a purchase.
        lift: the treatment's relative change of every shopper's click probability.
    """

    n_shoppers: int = 2_000
    n_days: int = 28
    arriving: float = 1.0
    click_rate: float = 0.15
    buy_rate: float = 0.15
    lift: float = 0.0


@dataclass(frozen=True, eq=False)
class Day:
    """What both arms' shoppers did up to the end of a day: by metric, (numerators, denominators) of each arm.

    Only shoppers who were shown a list are in it; arm 0 is the control.
    """

    sums: dict[str, tuple[tuple[Sums, Sums], tuple[Sums, Sums]]]
    counts: tuple[int, int]


METRICS = ("ctr", "add_to_cart", "conversion", "revenue")


def simulated_days(shop: MadeShop, rng: np.random.Generator) -> Iterator[Day]:
    """The days of one experiment, each with everything that happened so far."""
    arm = rng.integers(2, size=shop.n_shoppers)
    lists, clicked, carted, paid = _behaviour(shop, arm, rng)
    for day in range(shop.n_days):
        seen = lists[day] > 0
        columns = {
            "ctr": (clicked[day], lists[day]),
            "add_to_cart": (carted[day], lists[day]),
            "conversion": ((paid[day] > 0).astype(np.float64), np.ones(shop.n_shoppers)),
            "revenue": (paid[day], np.ones(shop.n_shoppers)),
        }
        rows = [np.flatnonzero(seen & (arm == code)) for code in (0, 1)]
        sums = {
            name: ((x[rows[0]], y[rows[0]]), (x[rows[1]], y[rows[1]])) for name, (x, y) in columns.items()
        }
        yield Day(sums, (len(rows[0]), len(rows[1])))


def _behaviour(
    shop: MadeShop, arm: NDArray[np.int64], rng: np.random.Generator
) -> tuple[_Days, _Days, _Days, _Days]:
    """Lists seen, lists clicked, lists put to the cart from, and money paid."""
    shape = (shop.n_days, shop.n_shoppers)
    first = rng.integers(max(int(shop.n_days * shop.arriving), 1), size=shop.n_shoppers)
    day = np.arange(shop.n_days)[:, None]
    comes = (day == first) | ((day > first) & (rng.random(shape) < rng.beta(0.5, 3.0, shop.n_shoppers)))
    lists = comes * (1 + rng.poisson(1.0, shape))
    taste = rng.beta(shop.click_rate * 6, (1 - shop.click_rate) * 6, shop.n_shoppers)
    clicked = rng.binomial(lists, np.minimum(taste * np.where(arm == 1, 1 + shop.lift, 1.0), 1.0))
    carted = rng.binomial(clicked, 0.4)
    orders = rng.binomial(carted, min(shop.buy_rate / 0.4, 1.0))
    wealth = rng.lognormal(0.0, 0.5, shop.n_shoppers)
    paid = orders * wealth * rng.lognormal(3.0, 0.8, shape)
    return tuple(np.cumsum(each, axis=0, dtype=np.float64) for each in (lists, clicked, carted, paid))  # type: ignore[return-value]  # four of them
