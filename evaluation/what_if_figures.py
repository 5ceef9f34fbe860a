"""What a change of rules or weights does to a sample of shoppers.

The sample's shoppers are seen as they were before their last purchase, which is what the lists should find.
The models were trained with it, so NDCG is too high on both sides: it is their difference that tells.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics.ndcg import ndcg_at_k
from evaluation.what_if_lists import Shoppers, bought_before, lists_of
from ranking.catalogue import BRAND, CATEGORY, Catalogue, Members
from ranking.engine import Engine
from ranking.profiles import Profiles
from shopgraph.types import BoolVector, FloatVector, Histories, IntVector, NodeRef

SHOWN = 20
"""Brands and categories whose share of the places changes most are shown, so many each."""

_BANDS = 4
_Z95 = 1.96


@dataclass(frozen=True)
class BeforeAfter:
    """One figure, before and after."""

    before: float
    after: float


@dataclass(frozen=True)
class Exposure:
    """Share of the lists' places that a brand or category has; `label` says which it is."""

    label: str
    id: str
    name: str
    before: float
    after: float


@dataclass(frozen=True)
class PriceBand:
    """Share of the places of items between two prices, a quarter of the catalogue's each."""

    price_min: float
    price_max: float
    before: float
    after: float


@dataclass(frozen=True)
class SampleFigures:
    """What the change does to a sample of shoppers.

    Attributes:
        n_shoppers: how many.
        n_changed: whose list is another one.
        n_new_items: items of a list that were not in it before, on average.
        n_short: lists that are not full.
        ndcg: of the first n places, mean.
        ndcg_change_ci95: interval of the difference's mean.
        coverage: share of the catalogue that is in any list.
        mean_price: of all places whose price is known; None where the shop has no prices.
        exposure: of brands and categories, those that change most first.
        prices: the price mix.
    """

    n_shoppers: int
    n_changed: int
    n_new_items: float
    n_short: BeforeAfter
    ndcg: BeforeAfter
    ndcg_change_ci95: tuple[float, float]
    coverage: BeforeAfter
    mean_price: BeforeAfter | None
    exposure: tuple[Exposure, ...]
    prices: tuple[PriceBand, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """Shoppers as they were before their last purchase, and what that was, shape (n,)."""

    shoppers: Shoppers
    target: IntVector

    @classmethod
    def of(cls, profiles: Profiles, size: int, rng: np.random.Generator) -> "Sample":
        """At most `size` shoppers who bought something and did something before, drawn at random."""
        everybody = profiles.trained
        owners, buys = everybody.owners(), profiles.is_bought[everybody.type_code]
        n_bought = np.bincount(owners[buys], minlength=len(everybody))
        rows = np.flatnonzero((n_bought > 0) & (np.diff(everybody.indptr) > 1))
        rng.shuffle(rows)
        earlier, target, kept = before_last(everybody.take(rows[: 2 * size]), profiles.is_bought)
        kept = np.sort(kept[:size])
        histories = earlier.take(kept)
        ids = [profiles.user_id(row) for row in rows[kept].tolist()]
        return cls(Shoppers(histories, ids, bought_before(histories, profiles.is_bought)), target[kept])


def sample_figures(
    before: Engine, after: Engine, sample: Sample, n: int, now: datetime, threads: int | None = None
) -> SampleFigures:
    """The figures of two engines over one sample; `threads`: as many as there are cores, at most 4."""
    threads = threads or min(os.cpu_count() or 1, 4)
    old, new = lists_of([before, after], sample.shoppers, n, now, threads)
    catalogue = before.catalogue
    ndcg = [_ndcg(lists, sample.target, n) for lists in (old, new)]
    change = ndcg[1] - ndcg[0]
    error = _Z95 * float(change.std()) / max(len(change), 1) ** 0.5
    middle = _mean(change)
    fresh = [len(set(b) - set(a) - {-1}) for a, b in zip(old.tolist(), new.tolist(), strict=True)]
    price = catalogue.items.price
    return SampleFigures(
        n_shoppers=len(old),
        n_changed=int((old != new).any(axis=1).sum()),
        n_new_items=_mean(np.array(fresh, np.float64)),
        n_short=_both((lists < 0).any(axis=1).sum() for lists in (old, new)),
        ndcg=BeforeAfter(_mean(ndcg[0]), _mean(ndcg[1])),
        ndcg_change_ci95=(middle - error, middle + error),
        coverage=_both(len(np.unique(_items(lists))) / len(catalogue) for lists in (old, new)),
        mean_price=_both(_mean(_known(price[_items(lists)])) for lists in (old, new))
        if len(_known(price))
        else None,
        exposure=(
            *_exposure(BRAND, catalogue.brand_items, old, new, catalogue),
            *_exposure(CATEGORY, catalogue.category_items, old, new, catalogue),
        ),
        prices=_prices(price, old, new),
    )


def before_last(histories: Histories, is_bought: BoolVector) -> tuple[Histories, IntVector, NDArray[np.intp]]:
    """Histories without each one's last purchase, what followed it, and all else of its item.

    Returns:
        (the earlier histories, the item bought last in each or -1, the rows where both are something).
    """
    owners, place = histories.owners(), np.arange(len(histories.item_idx))
    last = np.full(len(histories), -1)
    buys = is_bought[histories.type_code]
    last[owners[buys]] = place[buys]  # the last one stays, as they are in order
    target = np.where(last >= 0, histories.item_idx[last], -1).astype(np.int32)
    earlier = (place < last[owners]) & (histories.item_idx != target[owners])
    lengths = np.bincount(owners[earlier], minlength=len(histories))
    cut = Histories(
        np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
        histories.item_idx[earlier],
        histories.type_code[earlier],
        histories.value[earlier],
        histories.time[earlier],
        histories.now,
        histories.user_idx,
    )
    return cut, target, np.flatnonzero((lengths > 0) & (target >= 0))


def _ndcg(lists: IntVector, target: IntVector, n: int) -> NDArray[np.float64]:
    return ndcg_at_k(lists == target[:, None], np.ones(len(lists), np.int32), n)


def _exposure(
    label: str, members: Members, old: IntVector, new: IntVector, catalogue: Catalogue
) -> list[Exposure]:
    """The nodes whose share of the places changes most; an item of several nodes counts for each."""
    node = np.repeat(np.arange(len(members.indptr) - 1), np.diff(members.indptr))
    shares = []
    for lists in (old, new):
        places = np.bincount(_items(lists), minlength=len(catalogue)).astype(np.float64)
        total = max(places.sum(), 1.0)
        shares.append(np.bincount(node, places[members.idx], len(members.indptr) - 1) / total)
    change = shares[1] - shares[0]
    order = np.lexsort((-shares[0], -np.abs(change)))[:SHOWN]
    found = []
    for idx in order.tolist():
        named = catalogue.named(NodeRef(label, idx), "en")
        found.append(Exposure(label, named.id, named.name, float(shares[0][idx]), float(shares[1][idx])))
    return [one for one in found if one.before or one.after]


def _prices(price: FloatVector, old: IntVector, new: IntVector) -> tuple[PriceBand, ...]:
    known = _known(price)
    if not len(known):
        return ()
    bounds = np.quantile(known, np.linspace(0, 1, _BANDS + 1))
    shares = []
    for lists in (old, new):
        paid = _known(price[_items(lists)])
        band = np.clip(np.searchsorted(bounds, paid, side="right") - 1, 0, _BANDS - 1)
        shares.append(np.bincount(band, minlength=_BANDS) / max(len(paid), 1))
    return tuple(
        PriceBand(float(bounds[n]), float(bounds[n + 1]), float(shares[0][n]), float(shares[1][n]))
        for n in range(_BANDS)
    )


def _items(lists: IntVector) -> IntVector:
    listed: IntVector = lists[lists >= 0]
    return listed


def _known(price: FloatVector) -> FloatVector:
    known: FloatVector = price[np.isfinite(price)]
    return known


def _mean(values: NDArray[np.floating]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _both(values: Iterable[float]) -> BeforeAfter:
    before, after = values
    return BeforeAfter(float(before), float(after))
