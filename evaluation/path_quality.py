"""What the reasons of lists are like: do they sum to the score, do their edges exist, how varied are they."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evaluation.harness import top_items
from ranking.explain import merge_shares
from ranking.holdout import bought
from ranking.scorer import Scorer
from ranking.without import Relations, edges_of, has_edge
from shopgraph.types import GraphSnapshot, Histories, IntVector, NodeRef, Path, PathEdge, Share

SHOWN = 3
"""Paths that a reader is shown of an item."""

WRITTEN_BY_MODELS = frozenset({"SIMILAR_TO"})
"""Relations that no person and no shop stated."""


@dataclass(frozen=True, eq=False)
class ExplainedItem:
    """An item of somebody's list with every share of its score, one for each path and past item."""

    history: Histories
    user_idx: int
    item_idx: int
    score: float
    shares: Sequence[Share]

    @cached_property
    def paths(self) -> tuple[Share, ...]:
        """The graph paths that speak for the item, largest first."""
        found = [share for share in self.shares if share.kind == "path" and share.value > 0]
        return tuple(sorted(found, key=lambda share: -share.value))


def explained_lists(
    scorer: Scorer, train: GraphSnapshot, user_idx: IntVector, top_n: int
) -> list[list[ExplainedItem]]:
    """The best items of some users, without what they bought, an explained list for each."""
    lists = []
    for user in user_idx.tolist():
        history = train.histories.row(user)
        scores = scorer.score(history)
        scores[bought(history, train).nonzero()] = -np.inf
        best = top_items(scores, top_n)[0]
        lists.append(explained(scorer, history, user, best[best >= 0], scores[0]))
    return lists


def explained(
    scorer: Scorer, history: Histories, user_idx: int, item_idx: IntVector, scores: np.ndarray
) -> list[ExplainedItem]:
    """Some items of one user; `scores` are those of all items, shape (n_items,)."""
    shares = scorer.shares_of_items(history, item_idx)
    return [
        ExplainedItem(history, user_idx, idx, float(scores[idx]), merge_shares(own))
        for idx, own in zip(item_idx.tolist(), shares, strict=True)
    ]


def quality(lists: Sequence[Sequence[ExplainedItem]], relations: Relations) -> dict[str, Any]:
    """Sum error, share of items with a path, validity of shown edges and diversity, over all lists."""
    items = [item for own in lists for item in own]
    shown = [path for item in items for path in item.paths[:SHOWN]]
    edges = [edge for share in shown for edge in edges_of(share.path)]
    return {
        "n_users": len(lists),
        "n_items": len(items),
        "sum_error_max": max(abs(sum(s.value for s in item.shares) - item.score) for item in items),
        "items_explained": float(np.mean([bool(item.paths) for item in items])),
        "paths_per_item": float(np.mean([len(item.paths) for item in items])),
        "shown_edges": len(edges),
        "shown_edges_that_exist": float(np.mean([has_edge(relations, edge) for edge in edges]))
        if edges
        else 1.0,
        "shown_edges_written_by_models": sum(edge.relation in WRITTEN_BY_MODELS for edge in edges),
        "path_share": path_share(items),
        "diversity": _diversity(lists),
    }


def path_share(items: Iterable[ExplainedItem]) -> dict[str, float]:
    """How much of the scores graph paths are.

    `of_what_is_said`: their absolute values beside those of all shares; `of_the_score`: their sum beside the
    sum of the scores; `latent_of_what_is_said` and `item_item_of_what_is_said` are the others' that no path
    of the graph says.
    """
    size = dict.fromkeys(("path", "latent", "item_item", "feature"), 0.0)
    total = paths = scores = 0.0
    for item in items:
        scores += item.score
        for share in item.shares:
            total += abs(share.value)
            paths += share.value if share.kind == "path" else 0.0
            if share.kind in size:
                size[share.kind] += abs(share.value)
    return {
        "of_what_is_said": size["path"] / total if total else 0.0,
        "of_the_score": paths / scores if scores else 0.0,
        "latent_of_what_is_said": size["latent"] / total if total else 0.0,
        "item_item_of_what_is_said": size["item_item"] / total if total else 0.0,
    }


def stability(
    first: Sequence[Sequence[ExplainedItem]], scorer: Scorer, train: GraphSnapshot, top_n: int
) -> dict[str, float]:
    """How much of the shown paths, and of the lists, another training gives for the same users and items.

    Args:
        first: lists of the one training.
        scorer: of the other one, of the same snapshot.
        train: whose histories they are.
        top_n: length of a list.
    """
    same_path, same_best, same_item = [], [], []
    for own in first:
        if not own:
            continue
        history, user_idx = own[0].history, own[0].user_idx
        scores = scorer.score(history)
        items = np.array([item.item_idx for item in own], np.int32)
        others = explained(scorer, history, user_idx, items, scores[0])
        scores[bought(history, train).nonzero()] = -np.inf
        same_item.append(len(np.intersect1d(top_items(scores, top_n)[0], items)) / len(items))
        for item, other in zip(own, others, strict=True):
            if len(item.paths) >= SHOWN and len(other.paths) >= SHOWN:
                shown, again = (
                    [(share.past_item_idx, share.path) for share in each.paths[:SHOWN]]
                    for each in (item, other)
                )
                same_path.append(len(set(shown) & set(again)) / SHOWN)
                same_best.append(shown[0] == again[0])
    return {
        "items_compared": len(same_path),
        f"shown_paths_in_common@{SHOWN}": float(np.mean(same_path)) if same_path else 0.0,
        "same_best_path": float(np.mean(same_best)) if same_best else 0.0,
        f"list_in_common@{top_n}": float(np.mean(same_item)) if same_item else 0.0,
    }


def _diversity(lists: Sequence[Sequence[ExplainedItem]]) -> dict[str, float]:
    """How many of the shown paths of an item, and of the best paths of a list, differ, beside their number.

    They differ in `past_items`, in `nodes` (what is met on the way) or in `kinds` (relations walked).
    """
    found: dict[str, list[float]] = {}
    for own in lists:
        groups = [("item", [share.path for share in item.paths[:SHOWN]]) for item in own]
        groups.append(("list", [item.paths[0].path for item in own if item.paths]))
        for name, paths in groups:
            if len(paths) < 2:
                continue
            ends: dict[str, set[object]] = {
                "past_items": {path[0] for path in paths},
                "nodes": {met for path in paths for met in nodes_between(path)},
                "kinds": {tuple(step for step in path if isinstance(step, PathEdge)) for path in paths},
            }
            for what, distinct in ends.items():
                found.setdefault(f"{what}_per_path_of_{name}", []).append(len(distinct) / len(paths))
    return {name: float(np.mean(values)) for name, values in found.items()}


def nodes_between(path: Path) -> tuple[NodeRef, ...]:
    """The nodes that a path meets between its ends."""
    return tuple(step for step in path[1:-1] if isinstance(step, NodeRef))
