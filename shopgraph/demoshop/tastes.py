"""The truth behind the demo shop: who likes what, as one formula.

Utility of item j for user u at time t, in nats (a user chooses by softmax over the items left):

    U(u, j, t) = ⟨stable_u + (1 - d_u(t))·early_u + d_u(t)·late_u, f_j⟩   tastes and price, drifting
               + pull_u · Σ_s cos(2π(t - peak_s)/year)·[season_j = s]     seasons
               + appeal_j + LAUNCH · exp(-(t - created_j)/30 days)        the same for everybody

f_j has one column per department, category, brand, attribute value and tag (0/1) and two for the
price level p_j in standard deviations, p and p²; so -PRICE·(p_j - level_u)² is linear in f_j.
d_u(t) rises from 0 to 1 over 60 days around the user's turning point.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shopgraph.demoshop.brands import BRANDS
from shopgraph.demoshop.catalogue import DAY, Item, Stock
from shopgraph.demoshop.circles import CIRCLES, Circle
from shopgraph.demoshop.words import words
from shopgraph.types import FloatMatrix, FloatVector

DEPARTMENT, CATEGORY, BRAND, WORD = 2.4, 2.0, 2.4, 1.2
"""Nats that a circle's liked department, category, brand, and attribute value or tag are worth."""
MAIN, SECOND = 0.8, 0.2
"""How much of a user's taste the main and the second circle make."""
PERSONAL_BRAND, PERSONAL_CATEGORY = 0.8, 0.6
PRICE, SEASON_PULL, LAUNCH, APPEAL_SIGMA = 0.2, 0.4, 0.4, 1.1

_TURN_DAYS, _YEAR = 60, 365.25 * DAY
_PEAK_DAY = {"spring": 105, "summer": 197, "autumn": 288, "winter": 15}


@dataclass(frozen=True, eq=False)
class Truth:
    """Everything in the formula above; rows are users or items in the order of the ids.

    Shapes: features (n_items, n_features); stable, early, late (n_users, n_features); turn_at and
    season_pull (n_users,); appeal and created_at (n_items,). Times are unix seconds.
    """

    user_ids: NDArray[np.str_]
    item_ids: NDArray[np.str_]
    feature_names: NDArray[np.str_]
    features: FloatMatrix
    stable: FloatMatrix
    early: FloatMatrix
    late: FloatMatrix
    turn_at: NDArray[np.int64]
    season_pull: FloatVector
    appeal: FloatVector
    created_at: NDArray[np.int64]

    def utility(self, users: slice | NDArray[np.integer], time: float) -> FloatMatrix:
        """U of all items at a unix time, shape (len(users), n_items)."""
        late_share = np.clip((time - self.turn_at[users]) / (_TURN_DAYS * DAY) + 0.5, 0, 1)[:, None]
        taste = self.stable[users] + (1 - late_share) * self.early[users] + late_share * self.late[users]
        for season, peak_day in _PEAK_DAY.items():
            column = int(np.flatnonzero(self.feature_names == f"season:{season}")[0])
            match = np.cos(2 * np.pi * (time - peak_day * DAY) / _YEAR)
            taste[:, column] += self.season_pull[users] * match
        age = np.maximum(time - self.created_at, 0)
        common = self.appeal + LAUNCH * np.exp(-age / (30 * DAY))
        scores = taste.astype(np.float32) @ self.features.T
        scores += common.astype(np.float32)
        return scores


@dataclass(frozen=True, eq=False)
class Members:
    """Which circles each user belongs to: main for good, before and after the turning point a second."""

    main: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    turn_at: NDArray[np.int64]


def feature_table(stock: Stock) -> tuple[NDArray[np.str_], FloatMatrix]:
    """The columns' names and f, shape (n_items, n_features)."""
    named = [_features_of(item) for item in stock.items]
    names = sorted({name for row in named for name in row})
    index = {name: k for k, name in enumerate(names)}
    matrix = np.zeros((len(named), len(names) + 2), np.float32)
    rows = np.repeat(np.arange(len(named)), [len(row) for row in named])
    matrix[rows, [index[name] for row in named for name in row]] = 1
    level = np.array([item.price_level for item in stock.items], np.float32)
    matrix[:, -2], matrix[:, -1] = level, level**2
    return np.array([*names, "price", "price²"]), matrix


def circle_tastes(names: NDArray[np.str_], rng: np.random.Generator) -> FloatMatrix:
    """One row of f's weights per circle; brands and categories within its departments are drawn."""
    return np.stack([_circle_taste(circle, names, rng) for circle in CIRCLES])


def plant(stock: Stock, members: Members, user_ids: NDArray[np.str_], rng: np.random.Generator) -> Truth:
    """The truth for these items and people."""
    names, features = feature_table(stock)
    circles = circle_tastes(names, rng)
    n_users, n_items = len(user_ids), len(stock.items)
    stable = MAIN * circles[members.main] + _personal_tastes(circles[members.main], names, rng)
    return Truth(
        user_ids=user_ids,
        item_ids=np.array([item.item_id for item in stock.items]),
        feature_names=names,
        features=features,
        stable=stable.astype(np.float32),
        early=SECOND * circles[members.before],
        late=SECOND * circles[members.after],
        turn_at=members.turn_at,
        season_pull=(SEASON_PULL * rng.gamma(4, 0.25, n_users)).astype(np.float32),
        appeal=rng.normal(0, APPEAL_SIGMA, n_items).astype(np.float32),
        created_at=stock.created_at,
    )


def _features_of(item: Item) -> list[str]:
    return [
        f"department:{item.department.name}",
        f"category:{item.category_id}",
        f"brand:{item.brand}",
        *(f"{key}:{value}" for key, value in item.attributes.items() if key != "size"),
        *(f"tag:{tag}" for tag in item.tags),
    ]


def _circle_taste(circle: Circle, names: NDArray[np.str_], rng: np.random.Generator) -> FloatVector:
    taste = np.zeros(len(names), np.float32)
    likes = words(circle.likes)
    for name in circle.departments.split():
        taste[names == f"department:{name}"] = DEPARTMENT
        kinds = np.flatnonzero(np.char.startswith(names, f"category:{name} > "))
        taste[rng.choice(kinds, size=4, replace=False)] = CATEGORY
        for brand in rng.choice(tuple(BRANDS[name]), size=3, replace=False):
            taste[names == f"brand:{brand}"] = BRAND
    for column, name in enumerate(names):
        key, _, value = str(name).partition(":")
        if value in likes and key not in ("department", "category", "brand"):
            taste[column] = WORD
    taste[-2], taste[-1] = 2 * PRICE * circle.price_level, -PRICE
    return taste


def _personal_tastes(
    of_circle: FloatMatrix, names: NDArray[np.str_], rng: np.random.Generator
) -> FloatMatrix:
    """Each user's own favourites: two brands and two kinds from anywhere, and a shift in price level."""
    own = np.zeros_like(of_circle)
    rows = np.arange(len(own))
    for prefix, worth in (("brand:", PERSONAL_BRAND), ("category:", PERSONAL_CATEGORY)):
        columns = np.flatnonzero(np.char.startswith(names, prefix))
        for _ in range(2):
            own[rows, rng.choice(columns, size=len(own))] += worth
    own[:, -2] += 2 * PRICE * rng.normal(0, 0.5, len(own))
    return own
