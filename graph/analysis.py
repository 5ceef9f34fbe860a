"""An analyst's first look at a snapshot: counts, degrees, components, PageRank."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from shopgraph.errors import BadSettings
from shopgraph.types import ITEM, USER, GraphSnapshot, IntVector, NamedNode

MAX_EDGES = 3_000_000
"""What networkx holds in a few GB; beyond it ask Neo4j."""


@dataclass(frozen=True)
class Degrees:
    """Edges in and out per node of one label; parallel edges count each."""

    min: int
    median: float
    mean: float
    max: int


@dataclass(frozen=True)
class GraphStats:
    """What the graph looks like. Edges are keyed "User VIEWED Item".

    Components are weakly connected: edges count both ways. `pagerank` lists each label's nodes, best
    first, with their share of the whole graph's PageRank (damping 0.85, edges weighted).
    """

    n_nodes: Mapping[str, int]
    n_edges: Mapping[str, int]
    degrees: Mapping[str, Degrees]
    n_components: int
    largest_component: int
    pagerank: Mapping[str, tuple[tuple[NamedNode, float], ...]]


def graph_stats(snapshot: GraphSnapshot, top: int = 10) -> GraphStats:
    """The figures of a snapshot, with the `top` nodes of each label by PageRank.

    Raises:
        BadSettings: more than MAX_EDGES edges.
    """
    n_edges: dict[str, int] = {}
    degrees = {label: np.zeros(len(table), np.int64) for label, table in snapshot.nodes.items()}
    for src_label, relation, dst_label, src, dst in _edge_lists(snapshot):
        n_edges[f"{src_label} {relation} {dst_label}"] = len(src)
        degrees[src_label] += np.bincount(src, minlength=len(degrees[src_label]))
        degrees[dst_label] += np.bincount(dst, minlength=len(degrees[dst_label]))
    if sum(n_edges.values()) > MAX_EDGES:
        raise BadSettings(
            f"the graph has {sum(n_edges.values()):,} edges; networkx is used for up to {MAX_EDGES:,}. "
            "Use a part of the shop, or Neo4j and Cypher"
        )
    graph = snapshot.to_networkx()
    components = [len(component) for component in nx.weakly_connected_components(graph)]
    return GraphStats(
        n_nodes={label: len(table) for label, table in snapshot.nodes.items()},
        n_edges=n_edges,
        degrees={label: _degrees(of_label) for label, of_label in degrees.items() if len(of_label)},
        n_components=len(components),
        largest_component=max(components, default=0),
        pagerank=_top_lists(snapshot, nx.pagerank(graph), top),
    )


def _edge_lists(snapshot: GraphSnapshot) -> Iterator[tuple[str, str, str, IntVector, IntVector]]:
    x = snapshot.interactions
    for code, event in enumerate(snapshot.event_types):
        mine = x.type_code == code
        yield USER, event.relation, ITEM, x.user_idx[mine], x.item_idx[mine]
    for edge_type, edges in snapshot.relations.items():
        yield *edge_type, edges.src, edges.dst


def _degrees(of_label: NDArray[np.int64]) -> Degrees:
    return Degrees(
        int(of_label.min()), float(np.median(of_label)), float(of_label.mean()), int(of_label.max())
    )


def _top_lists(
    snapshot: GraphSnapshot, ranks: Mapping[tuple[str, str], float], top: int
) -> dict[str, tuple[tuple[NamedNode, float], ...]]:
    lists = {}
    for label, table in snapshot.nodes.items():
        of_label = np.array([ranks[label, node_id] for node_id in table.ids])
        best = np.argsort(-of_label, kind="stable")[:top]
        lists[label] = tuple(
            (NamedNode(label, table.ids[idx], table.names[idx]), float(of_label[idx])) for idx in best
        )
    return lists
