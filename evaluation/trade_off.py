"""What diversity, novelty and exposure cost: NDCG against each, over the values of every slider."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from evaluation.bootstrap import Interval, bootstrap_intervals, paired_difference
from evaluation.brands import ItemGroups, groups_of_shop
from evaluation.cold import sampled
from evaluation.harness import evaluate_lists
from evaluation.metrics.category_fit import category_divergence_at_k
from evaluation.metrics.coverage import coverage_at_k
from evaluation.metrics.exposure import exposure_at_k, exposure_shares, gini
from evaluation.metrics.intra_list import intra_list_diversity_at_k
from evaluation.report import intervals_to_json
from ranking.ask import Ask
from ranking.catalogue import IN_CATEGORY, Catalogue
from ranking.diversity.config import DiversityConfig, ExposureGroup
from ranking.diversity.reranker import Reranker
from ranking.holdout import bought
from ranking.hybrid import Hybrid
from ranking.ordering import top
from ranking.scorer import Scorer
from shopgraph.types import GraphSnapshot, Heldout, IntVector, iter_batches

K = 10
SLIDER = tuple(round(value, 1) for value in np.linspace(0, 1, 11).tolist())
STRENGTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Which part of the asked-for shares is asked for."""

FLOOR = 0.5
"""Share of the places that small brands are to have at full strength, where the settings name no group."""

_ROWS_AT_ONCE = 128
_COLUMNS = {
    "ndcg": f"ndcg@{K}",
    "unlikeness": f"diversity@{K}",
    "novelty": f"novelty@{K}",
    "categories": f"category_divergence@{K}",
    "coverage": f"coverage@{K}",
    "gini": f"gini@{K}",
}


@dataclass(frozen=True)
class Point:
    """One value of a slider: metrics of users with intervals, those of all lists, groups' exposure."""

    value: float
    per_user: Mapping[str, Interval]
    of_all: Mapping[str, float]
    exposure: Mapping[str, float]


@dataclass(frozen=True)
class TradeOff:
    """The curves by name; the first point of each is the order of the score.

    Attributes:
        n_users: how many lists of K items each point has.
        groups: by name the share of the catalogue and of all purchases that a group has.
        curves: `dpp` and `mmr` over diversity, `novelty`, and `exposure` over the strength of the shares.
        p50_ms: what putting a list in order took, by the curve, at its last value.
    """

    n_users: int
    groups: Mapping[str, Mapping[str, float]]
    curves: Mapping[str, tuple[Point, ...]]
    p50_ms: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """{"n_users", "k", "groups", "p50_ms", "curves": {name: [{"value", metric: …, "exposure": {…}}]}}."""
        curves = {
            name: [
                {
                    "value": point.value,
                    **intervals_to_json({"": point.per_user})[""],
                    **point.of_all,
                    "exposure": dict(point.exposure),
                }
                for point in points
            ]
            for name, points in self.curves.items()
        }
        described = {"groups": dict(self.groups), "p50_ms": dict(self.p50_ms)}
        return {"n_users": self.n_users, "k": K, **described, "curves": curves}

    def rows(self) -> list[dict[str, float | str]]:
        """A row for each point: the curve, the value, the means that there are."""
        rows: list[dict[str, float | str]] = []
        for name, points in self.curves.items():
            for point in points:
                means = {metric: at.mean for metric, at in point.per_user.items()} | dict(point.of_all)
                named = {short: means[metric] for short, metric in _COLUMNS.items() if metric in means}
                rows.append({"curve": name, "value": point.value, **named})
        return rows

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        curves = {name: tuple(map(_point_of, points)) for name, points in found["curves"].items()}
        return cls(found["n_users"], found["groups"], curves, found["p50_ms"])


def trade_off(
    hybrid: Hybrid,
    train: GraphSnapshot,
    heldout: Heldout,
    config: DiversityConfig,
    seed: int,
    max_users: int = 2_000,
) -> TradeOff:
    """The curves of a hybrid that was fitted on `train`, for a sample of the held-out users.

    All items are scored; each list is made as an answer makes it.

    Args:
        hybrid: what scores.
        train: what it learned from.
        heldout: what is to be found.
        config: window, and the groups with their shares.
        seed: draws the users and the resamples of intervals.
        max_users: at most so many.
    """
    heldout = sampled(heldout, max_users, seed)
    catalogue = Catalogue.from_snapshot(train)
    groups = groups_of_shop(train, catalogue, config.exposure, FLOOR)
    arrangers = _arrangers(hybrid, catalogue, config, groups)
    lists, seconds = _lists(hybrid, train, heldout, arrangers)
    measures = _Measures(hybrid, train, heldout, catalogue, groups)
    base = lists["dpp", 0.0]
    curves: dict[str, tuple[Point, ...]] = {}
    for (name, value), ranked in lists.items():
        point = measures.point(value, ranked, base, np.random.default_rng(seed))
        curves[name] = (*curves.get(name, ()), point)
    p50_ms = {name: round(float(np.median(took)) * 1_000, 3) for (name, _), took in seconds.items()}
    return TradeOff(len(heldout), measures.shares_of_groups(), curves, p50_ms)


def strengthened(groups: tuple[ExposureGroup, ...], strength: float) -> tuple[ExposureGroup, ...]:
    """The groups with a part of their shares: nothing is asked for at 0, all at 1."""
    return tuple(
        group.model_copy(
            update={"floor": strength * group.floor, "ceiling": 1 - strength * (1 - group.ceiling)}
        )
        for group in groups
    )


def _arrangers(
    hybrid: Hybrid, catalogue: Catalogue, config: DiversityConfig, groups: ItemGroups | None
) -> dict[tuple[str, float], tuple[Reranker, float, float]]:
    """(reranker, diversity, novelty) of every point, by its curve and value."""

    def of(**changed: object) -> Reranker:
        return Reranker.of(hybrid, catalogue, config.model_copy(update={"exposure": (), **changed}))

    found: dict[tuple[str, float], tuple[Reranker, float, float]] = {}
    for method in ("dpp", "mmr"):
        reranker = of(method=method)
        found |= {(method, value): (reranker, value, 0.0) for value in SLIDER}
    found |= {("novelty", value): (reranker, 0.0, value) for value in SLIDER}
    if groups is not None:
        for strength in STRENGTHS:
            asked = of(exposure=strengthened(groups.asked, strength))
            found["exposure", strength] = (asked, 0.0, 0.0)
    return found


def _lists(
    hybrid: Hybrid,
    train: GraphSnapshot,
    heldout: Heldout,
    arrangers: Mapping[tuple[str, float], tuple[Reranker, float, float]],
) -> tuple[dict[tuple[str, float], IntVector], dict[tuple[str, float], NDArray[np.float64]]]:
    """(the lists, seconds for each) of each point; shape (len(heldout), K), -1 where one is shorter."""
    lists = {key: np.full((len(heldout), K), -1, np.int32) for key in arrangers}
    seconds = {key: np.zeros(len(heldout)) for key in arrangers}
    for row, (items, scores) in enumerate(_scored(hybrid, train, heldout)):
        for key, (reranker, diversity, novelty) in arrangers.items():
            ask = Ask(now=train.now, diversity=diversity, novelty=novelty)
            started = perf_counter()
            arrangement = reranker.arrangement(ask)
            chosen = arrangement.places(items, scores, K) if arrangement else top(scores, K)
            seconds[key][row] = perf_counter() - started
            lists[key][row, : len(chosen)] = items[chosen]
    return lists, seconds


def _scored(
    hybrid: Hybrid, train: GraphSnapshot, heldout: Heldout
) -> Iterator[tuple[IntVector, NDArray[np.float64]]]:
    """(items that were not bought, their scores) of each user."""
    scorer = Scorer(hybrid)
    for batch in iter_batches(len(heldout), _ROWS_AT_ONCE):
        histories = train.histories.take(heldout.user_idx[batch])
        scores, had = scorer.score(histories), bought(histories, train)
        for row in range(len(histories)):
            left = np.ones(train.n_items, np.bool_)
            left[had.indices[had.indptr[row] : had.indptr[row + 1]]] = False
            items = np.flatnonzero(left).astype(np.int32)
            yield items, scores[row, items].astype(np.float64)


class _Measures:
    """Measures lists of the same users."""

    def __init__(
        self,
        hybrid: Hybrid,
        train: GraphSnapshot,
        heldout: Heldout,
        catalogue: Catalogue,
        groups: ItemGroups | None,
    ) -> None:
        self._train, self._heldout, self._groups = train, heldout, groups
        everything = np.arange(train.n_items, dtype=np.int32)
        self._vectors = Reranker.of(hybrid, catalogue, DiversityConfig()).likeness.vectors(everything)
        self._past = bought(train.histories.take(heldout.user_idx), train)
        self._categories: sparse.csr_array | None = None
        if (edges := train.relations.get(IN_CATEGORY)) is not None and len(edges):
            shape = (train.n_items, len(train.nodes[IN_CATEGORY.dst]))
            self._categories = sparse.csr_array((np.ones(len(edges)), (edges.src, edges.dst)), shape=shape)

    def point(self, value: float, ranked: IntVector, base: IntVector, rng: np.random.Generator) -> Point:
        """A point of a curve; `base` are the lists of the score alone."""
        found = self._per_user(ranked)
        intervals = bootstrap_intervals(np.stack(list(found.values()), axis=1), rng)
        per_user = dict(zip(found, intervals, strict=True))
        ndcg = f"ndcg@{K}"
        per_user[f"{ndcg}_change"] = paired_difference(found[ndcg], self._per_user(base)[ndcg], rng)
        exposure = exposure_at_k(ranked, self._train.n_items, K)
        of_all = {f"coverage@{K}": coverage_at_k(ranked, self._train.n_items, K), f"gini@{K}": gini(exposure)}
        return Point(value, per_user, of_all, self._by_group(exposure))

    def shares_of_groups(self) -> dict[str, dict[str, float]]:
        """What each group has of the catalogue and of all purchases."""
        train = self._train
        buyers = np.bincount(bought(train.histories, train).indices, minlength=train.n_items)
        items = self._by_group(np.ones(train.n_items))
        purchases = self._by_group(buyers.astype(np.float64))
        return {name: {"items": items[name], "purchases": purchases[name]} for name in items}

    def _per_user(self, ranked: IntVector) -> dict[str, NDArray[np.float64]]:
        result = evaluate_lists({"list": ranked}, self._train, self._heldout, ks=(K,))["list"]
        found = {metric: result.per_user[metric] for metric in (f"ndcg@{K}", f"recall@{K}", f"novelty@{K}")}
        found[f"diversity@{K}"] = intra_list_diversity_at_k(ranked, self._vectors, K)
        if self._categories is not None:
            divergence = category_divergence_at_k(ranked, self._past, self._categories, K)
            found[f"category_divergence@{K}"] = divergence
        return found

    def _by_group(self, amounts: NDArray[np.float64]) -> dict[str, float]:
        if self._groups is None:
            return {}
        names = self._groups.names
        shares = exposure_shares(amounts, self._groups.codes, len(names))
        return dict(zip(names, shares.tolist(), strict=True))


def _point_of(found: Mapping[str, Any]) -> Point:
    per_user = {
        name: Interval(each["mean"], *each["ci95"])
        for name, each in found.items()
        if isinstance(each, Mapping) and "mean" in each
    }
    of_all = {name: each for name, each in found.items() if name != "value" and not isinstance(each, Mapping)}
    return Point(found["value"], per_user, of_all, found["exposure"])
