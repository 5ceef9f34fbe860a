import networkx as nx
import pytest

from graph import analysis
from graph.analysis import Degrees, graph_stats
from graph.open import open_store
from graph.schema import MADE_BY, ShopSchema
from graph.snapshot import build_snapshot
from shopgraph.errors import BadSettings
from shopgraph.types import GraphSnapshot
from tests.graph.stores import NOON, edges, events, items


def star() -> GraphSnapshot:
    """Items a, b and c of one brand, viewed by nobody but u, who saw a twice; item d stands alone."""
    with open_store("sqlite://") as store:
        store.prepare(ShopSchema())
        store.write_nodes(items("a", "b", "c", "d"))
        store.write_edges(edges(MADE_BY, ("a", "Ace"), ("b", "Ace"), ("c", "Ace")))
        store.write_events(
            events(("e1", "view_item", "u", "a"), ("e2", "view_item", "u", "a"), time=[NOON, None])
        )
        return build_snapshot(store, NOON)


def test_counts_degrees_and_components() -> None:
    stats = graph_stats(star())
    assert stats.n_nodes["Item"] == 4
    assert stats.n_edges["User VIEWED Item"] == 2
    assert stats.n_edges["Item MADE_BY Brand"] == 3
    assert stats.degrees["Item"] == Degrees(min=0, median=1.0, mean=5 / 4, max=3)
    assert stats.degrees["Brand"] == Degrees(3, 3.0, 3.0, 3)
    assert "Category" not in stats.degrees
    assert (stats.n_components, stats.largest_component) == (2, 5)


def test_pagerank_lists_each_label_best_first() -> None:
    snapshot = star()
    stats = graph_stats(snapshot, top=2)
    assert [(node.id, len(stats.pagerank["Item"])) for node, _ in stats.pagerank["Item"][:1]] == [("a", 2)]
    [(brand, share)] = stats.pagerank["Brand"]
    assert (brand.label, brand.name) == ("Brand", "Ace")
    everything = graph_stats(snapshot, top=99).pagerank.values()
    assert sum(rank for of_label in everything for _, rank in of_label) == pytest.approx(1.0)
    assert share > max(rank for _, rank in stats.pagerank["Item"])


def test_a_graph_too_large_for_networkx_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "MAX_EDGES", 4)
    with pytest.raises(BadSettings, match="the graph has 5 edges; networkx is used for up to 4"):
        graph_stats(star())


def test_networkx_gets_every_node_and_edge_with_its_values() -> None:
    graph = star().to_networkx()
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (6, 5)
    assert graph.nodes["Brand", "Ace"] == {"name": "Ace"}
    views = list(graph["User", "u"]["Item", "a"].values())
    assert views == [
        {"relation": "VIEWED", "weight": 1.0},
        {"relation": "VIEWED", "weight": 1.0, "time": 1_767_355_200},
    ]
    assert nx.has_path(graph, ("User", "u"), ("Brand", "Ace"))
