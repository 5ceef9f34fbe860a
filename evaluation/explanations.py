"""How faithful the explanations of a fitted hybrid are: the section `explanations` of a report."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluation.cold import sampled
from evaluation.harness import evaluate_panel
from evaluation.path_fidelity import (
    MIN_PATHS,
    Recomputed,
    curves,
    node_popularity,
    shown_against_random,
)
from evaluation.path_quality import ExplainedItem, explained_lists, path_share, quality, stability
from ranking.hybrid import Hybrid
from ranking.models import GRAPH
from ranking.scorer import Scorer
from ranking.without import kept_as_trained
from shopgraph.types import FloatMatrix, FusionWeights, GraphSnapshot, Heldout, Histories

FACTORS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""By which the graph part's weight is multiplied to see what a larger share of paths costs."""

ALONE = "alone"
"""The graph part without all others."""


@dataclass(frozen=True)
class Sizes:
    """How much is looked at.

    Attributes:
        users: whose lists are explained.
        top_n: length of a list.
        cases: items whose paths are taken out.
        curve_cases: items that curves are drawn from.
        ranked_users: held-out users whose lists say what weights cost.
    """

    users: int = 300
    top_n: int = 10
    cases: int = 1_000
    curve_cases: int = 100
    ranked_users: int = 5_000


class Explanations:
    """The section as it grows: the first training is looked at, the next one compared with it."""

    def __init__(self, sizes: Sizes | None = None) -> None:
        self.section: dict[str, Any] = {}
        self._sizes = sizes or Sizes()
        self._lists: list[list[ExplainedItem]] | None = None
        self._train: GraphSnapshot | None = None

    def add(
        self,
        hybrid: Hybrid,
        train: GraphSnapshot,
        heldout: Heldout,
        rng: np.random.Generator,
        on_stage: Callable[[str], None],
    ) -> None:
        """One more training.

        Args:
            hybrid: fitted on `train`, or on another cut of the same snapshot.
            train: its data; paths are held against its relations.
            heldout: users are drawn from these, and lists are ranked against their items.
            rng: draws users, items and random paths.
            on_stage: gets a line for each stage.
        """
        if self._lists is None or self._train is None:
            self._lists, self._train = self._look_at(hybrid, train, heldout, rng, on_stage), train
        elif "stability" not in self.section:
            on_stage("comparing the shown paths of two trainings")
            found = stability(self._lists, Scorer(hybrid), self._train, self._sizes.top_n)
            self.section["stability"] = found

    def _look_at(
        self,
        hybrid: Hybrid,
        train: GraphSnapshot,
        heldout: Heldout,
        rng: np.random.Generator,
        on_stage: Callable[[str], None],
    ) -> list[list[ExplainedItem]]:
        sizes, scorer = self._sizes, Scorer(hybrid)
        users = rng.permutation(heldout.user_idx)[: sizes.users]
        on_stage(f"explaining the lists of {len(users):,} shoppers")
        lists = explained_lists(scorer, train, users, sizes.top_n)
        self.section |= quality(lists, train.relations)
        self.section["kept_as_trained"] = list(kept_as_trained(hybrid))
        enough = [item for own in lists for item in own if len(item.paths) >= MIN_PATHS]
        self.section["items_with_enough_paths"] = {"min_paths": MIN_PATHS, "n_items": len(enough)}
        if enough:
            cases = [enough[place] for place in rng.permutation(len(enough))[: sizes.cases]]
            on_stage(f"taking paths of {len(cases):,} items out of the graph")
            recomputed = Recomputed(scorer, train.relations)
            self.section["fidelity"] = shown_against_random(cases, recomputed, rng)
            on_stage("deletion and insertion curves")
            popularity = node_popularity(train.relations)
            self.section["curves"] = curves(cases[: sizes.curve_cases], recomputed, popularity, rng)
        on_stage("what a larger share of paths costs")
        self.section["graph_weight"] = _trade_off(hybrid, train, heldout, rng, sizes)
        return lists


def weighed(hybrid: Hybrid, factor: float | None) -> Hybrid:
    """The hybrid with the graph part's weight multiplied; None: with the graph part alone."""
    graph = set(hybrid.names_of(GRAPH))

    def of(weights: FusionWeights) -> FusionWeights:
        if factor is None:
            models = {name: weight for name, weight in weights.models.items() if name in graph}
            return replace(weights, models=models, features={})
        models = {
            name: weight * factor if name in graph else weight for name, weight in weights.models.items()
        }
        return replace(weights, models=models)

    groups = {name: of(weights) for name, weights in hybrid.group_weights.items()}
    return replace(hybrid, weights=of(hybrid.weights), group_weights=groups)


def _trade_off(
    hybrid: Hybrid, train: GraphSnapshot, heldout: Heldout, rng: np.random.Generator, sizes: Sizes
) -> dict[str, Any]:
    """NDCG@10 and the paths' share of the lists by what the graph part's weight is multiplied with."""
    scorer = Scorer(hybrid)

    def panel(histories: Histories) -> dict[str, FloatMatrix]:
        parts = scorer.parts(histories)
        graph = parts.pop(GRAPH)
        rest: FloatMatrix = np.sum(list(parts.values()), axis=0, dtype=np.float32)
        found = {f"{factor:g}": rest + graph * np.float32(factor) for factor in FACTORS}
        return found | {ALONE: graph}

    some = sampled(heldout, sizes.ranked_users, int(rng.integers(2**31)))
    ranked = evaluate_panel(panel, train, some, (10,))
    users = rng.permutation(heldout.user_idx)[: max(sizes.users // 3, 1)]
    factors: dict[str, float | None] = {f"{factor:g}": factor for factor in FACTORS}
    found: dict[str, Any] = {"n_users_ranked": len(some), "n_users_explained": len(users), "by_factor": {}}
    for name, factor in {**factors, ALONE: None}.items():
        lists = explained_lists(Scorer(weighed(hybrid, factor)), train, users, sizes.top_n)
        found["by_factor"][name] = {
            "ndcg@10": float(ranked[name].per_user["ndcg@10"].mean()),
            **path_share(item for own in lists for item in own),
        }
    return found
