"""Are the explained paths what a score stands on: they are taken out of the graph, and all is computed again.

A path is taken out with `every_edge` of it, or with one edge alone: the past item's (`shoppers_side`) or the
recommended item's (`items_side`). Edges are facts: whatever else used them loses them, too, and means go on
over the neighbours that are left. The rest of the score follows as ranking/without.py says.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from evaluation.bootstrap import bootstrap_interval
from evaluation.path_quality import SHOWN, ExplainedItem, nodes_between
from ranking.scorer import Scorer
from ranking.without import GraphFacts, Relations, edges_of, hybrid_without
from shopgraph.types import GraphEdge, NodeRef, Share

Cut = Literal["every_edge", "shoppers_side", "items_side"]

MIN_PATHS = 6
"""Items with fewer paths for them are not looked at: three are taken out, three are left to draw from."""

STEPS = (1, 2, 3, 5, 8)
"""Numbers of paths at which the curves are measured."""

Order = Callable[[Sequence[Share]], Sequence[Share]]


class Recomputed:
    """Scores of items without some edges, all else computed again."""

    def __init__(self, scorer: Scorer, relations: Relations) -> None:
        self._scorer, self._relations = scorer, relations

    def score(self, item: ExplainedItem, edges: Iterable[GraphEdge]) -> float:
        """The item's score for the same user without the edges."""
        gone = GraphFacts(edges=frozenset(edges))
        other = self._scorer.over(hybrid_without(self._scorer.hybrid, gone, self._relations))
        parts = other.parts_of_items(item.history, np.array([item.item_idx], np.int32))
        return float(sum(values[0] for values in parts.values()))


def edges_cut(paths: Iterable[Share], cut: Cut) -> set[GraphEdge]:
    """The edges that are taken out with the paths."""
    found: set[GraphEdge] = set()
    for share in paths:
        edges = edges_of(share.path)
        match cut:
            case "every_edge":
                found.update(edges)
            case "shoppers_side":
                found.add(edges[0])
            case "items_side":
                found.add(edges[-1])
    return found


def shown_against_random(
    cases: Sequence[ExplainedItem], recomputed: Recomputed, rng: np.random.Generator
) -> dict[str, Any]:
    """Taking out the shown paths against as many random ones of the item's others, for each way to cut.

    `larger_drop` is how often the score falls further; `ratio` the mean drop beside the random one's.
    """
    drawn = [
        [item.paths[SHOWN + place] for place in rng.permutation(len(item.paths) - SHOWN)[:SHOWN]]
        for item in cases
    ]
    found: dict[str, Any] = {"n_cases": len(cases), "paths_taken_out": SHOWN}
    for cut in get_args(Cut):
        drops = np.array(
            [
                [
                    item.score - recomputed.score(item, edges_cut(paths, cut))
                    for paths in (item.paths[:SHOWN], others)
                ]
                for item, others in zip(cases, drawn, strict=True)
            ]
        )
        won = bootstrap_interval((drops[:, 0] > drops[:, 1]).astype(np.float64), np.random.default_rng(0))
        shown, random = drops.mean(axis=0).tolist()
        found[cut] = {
            "larger_drop": {"mean": won.mean, "ci95": [won.low, won.high]},
            "mean_drop_shown": shown,
            "mean_drop_random": random,
            "ratio": shown / random if random > 0 else None,
        }
    return found


def curves(
    cases: Sequence[ExplainedItem],
    recomputed: Recomputed,
    popularity: Mapping[NodeRef, int],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Deletion and insertion by share, at random and by popularity of the nodes on the way.

    Deletion takes the first k paths out of the whole, insertion puts them back where all paths for the item
    are out, each with every edge. A value is what is left of the difference between the whole and nothing,
    summed over the cases: 1 with all paths, 0 with none. `area` is the mean over the steps: small is good for
    deletion, large for insertion.
    """
    cases = [item for item in cases if len(item.paths) >= max(STEPS)]
    orders: dict[str, Order] = {
        "by_share": lambda paths: paths,
        "random": lambda paths: [paths[place] for place in rng.permutation(len(paths))],
        "by_popularity": lambda paths: sorted(paths, key=lambda share: -_popularity(share, popularity)),
    }
    found: dict[str, Any] = {"n_cases": len(cases), "steps": list(STEPS)}
    if not cases:
        return found
    whole = np.array([item.score for item in cases])
    nothing = np.array([recomputed.score(item, edges_cut(item.paths, "every_edge")) for item in cases])
    for name, order in orders.items():
        deleted, inserted = np.zeros((2, len(cases), len(STEPS)))
        for row, item in enumerate(cases):
            ordered = order(item.paths)
            every = edges_cut(ordered, "every_edge")
            for column, k in enumerate(STEPS):
                first = edges_cut(ordered[:k], "every_edge")
                deleted[row, column] = recomputed.score(item, first)
                inserted[row, column] = recomputed.score(item, every - first)
        found[name] = {
            "deletion": _curve(deleted, whole, nothing),
            "insertion": _curve(inserted, whole, nothing),
        }
    return found


def node_popularity(relations: Relations) -> dict[NodeRef, int]:
    """How many edges reach each node."""
    counts: dict[NodeRef, int] = {}
    for edge_type, edges in relations.items():
        for label, ends in ((edge_type.src, edges.src), (edge_type.dst, edges.dst)):
            nodes, times = np.unique(ends, return_counts=True)
            for node, n in zip(nodes.tolist(), times.tolist(), strict=True):
                counts[NodeRef(label, node)] = counts.get(NodeRef(label, node), 0) + n
    return counts


def _popularity(share: Share, counts: Mapping[NodeRef, int]) -> int:
    """Edges at the most popular node of a path between its ends; of a direct edge at the past item."""
    start = share.path[0]
    nodes = nodes_between(share.path) or ((start,) if isinstance(start, NodeRef) else ())
    return max(counts.get(node, 0) for node in nodes)


def _curve(
    scores: NDArray[np.float64], whole: NDArray[np.float64], nothing: NDArray[np.float64]
) -> dict[str, Any]:
    left = (scores - nothing[:, None]).sum(axis=0) / (whole - nothing).sum()
    return {"left": left.tolist(), "area": float(left.mean())}
