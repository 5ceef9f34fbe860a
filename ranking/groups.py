"""Weights of their own for shoppers with few, some and many past items.

A shopper's group is a function of the history alone, so the score stays a sum of shares. What a group
learns from its own shoppers is drawn back to the common weights as far as cross-fitting says: halves of
the group learn in turns, the other half judges. Without a clear gain there the common weights stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.config import FusionConfig
from ranking.listwise import FusionRows, Weights, calibrated, likely_and_ranking, ndcg_of_rows, to_one
from shopgraph.types import Histories, IntVector

GROUPS = ("cold", "warm", "heavy")

_OWN_SHARES = (0.25, 0.5, 0.75, 1.0)
_MIN_USERS = 50


@dataclass(frozen=True)
class ShopperGroups:
    """Which of GROUPS a history belongs to.

    Attributes:
        bounds: most different past items of a cold and of a warm shopper.
    """

    bounds: tuple[int, int]

    @classmethod
    def of_thirds(cls, n_past: IntVector) -> "ShopperGroups":
        """Bounds that cut these shoppers into thirds, as far as equal numbers of items allow."""
        low, high = np.quantile(n_past, (1 / 3, 2 / 3), method="lower")
        return cls((int(low), int(high)))

    def codes(self, n_past: IntVector) -> NDArray[np.intp]:
        """The place in GROUPS of each shopper with so many past items."""
        return np.searchsorted(self.bounds, n_past, side="left")


@dataclass(frozen=True)
class GroupWeights:
    """What a group learned.

    Attributes:
        weights: by part.
        own_share: how far they are the group's own, in [0, 1]; 0 keeps the common ones.
        n_users: how many shoppers they were learned on.
        gain: NDCG@10 of shoppers that were not learned on, less that of the common weights.
    """

    weights: Mapping[str, float]
    own_share: float
    n_users: int
    gain: float


def count_past_items(histories: Histories) -> IntVector:
    """How many different items each history holds, shape (len(histories),)."""
    if len(histories) == 1:  # an answer waits
        return np.array([len(set(histories.item_idx.tolist()))], np.int32)
    order = np.lexsort((histories.item_idx, histories.owners()))
    owners, items = histories.owners()[order], histories.item_idx[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (owners[1:] != owners[:-1]) | (items[1:] != items[:-1])
    return np.bincount(owners[first], minlength=len(histories)).astype(np.int32)


def learn_groups(
    rows: FusionRows, common: Mapping[str, float], groups: ShopperGroups, config: FusionConfig
) -> dict[str, GroupWeights]:
    """Each group's weights, by the group's name."""
    start = np.array([common.get(name, 0.0) for name in rows.names])
    codes = groups.codes(rows.n_past)
    return {
        name: _learn_group(rows.take(np.flatnonzero(codes == code)), start, config)
        for code, name in enumerate(GROUPS)
    }


def _learn_group(rows: FusionRows, common: Weights, config: FusionConfig) -> GroupWeights:
    share, gain = _own_share(rows, common, config) if len(rows) >= 2 * _MIN_USERS else (0.0, 0.0)
    weights = common
    if share:
        weights = calibrated(rows, _blend(common, likely_and_ranking(rows, config.l2, common), share))
    named = dict(zip(rows.names, weights.tolist(), strict=True))
    return GroupWeights(named, share, len(rows), gain)


def _own_share(rows: FusionRows, common: Weights, config: FusionConfig) -> tuple[float, float]:
    """The share of own weights that ranks shoppers best who were not learned on, and what it gains.

    (0, 0) unless the gain is above its standard error; the common weights did see these shoppers.
    """
    gains = np.zeros((len(_OWN_SHARES), len(rows)))
    for half in (0, 1):
        judges = np.arange(half, len(rows), 2)
        own = likely_and_ranking(rows.take(np.arange(1 - half, len(rows), 2)), config.l2, common)
        held = rows.take(judges)
        base = ndcg_of_rows(held, common)
        for n, share in enumerate(_OWN_SHARES):
            gains[n, judges] = ndcg_of_rows(held, _blend(common, own, share)) - base
    best = int(gains.mean(axis=1).argmax())
    gain = float(gains[best].mean())
    error = float(gains[best].std()) / len(rows) ** 0.5
    return (_OWN_SHARES[best], gain) if gain > error else (0.0, 0.0)


def _blend(common: Weights, own: Weights, share: float) -> Weights:
    return (1 - share) * to_one(common) + share * to_one(own)
