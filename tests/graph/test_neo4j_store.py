"""What is Neo4j's alone: names in the graph, lost commits, refusals. The rest is in test_store.py."""

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import neo4j
import pytest

from graph.neo4j_server import ServerInfo
from graph.neo4j_store import Neo4jStore
from graph.open import open_store
from graph.schema import EVENT_BY_NAME, MADE_BY, ShopSchema
from graph.statements import cypher
from graph.store import GraphStore
from shopgraph.errors import BadSettings, IncompleteWrite, StoreUnavailable
from tests.graph.cutting_proxy import CuttingProxy
from tests.graph.stores import NOON, PURCHASED, edge_rows, edges, empty_neo4j, events, items, node_ids, nodes

pytestmark = pytest.mark.neo4j


@pytest.fixture
def store(neo4j_url: str) -> Iterator[GraphStore]:
    """An empty, prepared store with the item i1."""
    empty_neo4j(neo4j_url)
    with open_store(neo4j_url) as store:
        store.prepare(ShopSchema())
        store.write_nodes(items("i1"))
        yield store


@pytest.fixture
def proxy(neo4j_server: ServerInfo) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(urlsplit(neo4j_server.uri).port or 0)
    yield proxy
    proxy.close()


def through(proxy: CuttingProxy, server: ServerInfo, retry_s: float) -> Neo4jStore:
    """A store behind the proxy; bolt:// asks for no routing table, which would go round it."""
    return Neo4jStore(f"bolt://127.0.0.1:{proxy.port}", server.user, server.password, 5.0, retry_s)


def test_analysts_find_the_schemas_own_names(store: GraphStore, neo4j_server: ServerInfo) -> None:
    store.write_nodes(nodes("Item", id=["i1"], title=["Night serum"]))
    store.write_edges(edges(MADE_BY, ("i1", "Ace")))
    store.write_events(events(("e1", "purchase", "u1", "i1"), time=[NOON], value=[2.0]))
    with neo4j.GraphDatabase.driver(
        neo4j_server.uri, auth=(neo4j_server.user, neo4j_server.password)
    ) as driver:
        found = driver.execute_query(
            "CALL db.index.fulltext.queryNodes('Item_names', 'serum') YIELD node AS i "
            "MATCH (u:User)-[p:PURCHASED]->(i)-[:MADE_BY]->(b:Brand) "
            "RETURN u.user_id, i.item_id, b.brand_id, p.event_id, p.value, p.time"
        )
        constraints = driver.execute_query("SHOW CONSTRAINTS YIELD labelsOrTypes AS on, properties").records
    assert found.records[0].values()[:5] == ["u1", "i1", "Ace", "e1", 2.0]
    assert found.records[0].values()[5].to_native() == NOON
    unique = {(row["on"][0], row["properties"][0]) for row in constraints}
    assert {("Item", "item_id"), ("Brand", "brand_id"), ("PURCHASED", "event_id")} <= unique


def test_a_commit_whose_answer_is_lost_is_repeated_and_stored_once(
    store: GraphStore, proxy: CuttingProxy, neo4j_server: ServerInfo
) -> None:
    with through(proxy, neo4j_server, retry_s=30.0) as cut_off:
        cut_off.schema()
        proxy.cuts = 1
        batch = events(("e1", "purchase", "u1", "i1"), ("e1", "purchase", "u1", "i1"))
        assert cut_off.write_events(batch) == ["stored", "duplicate"]
        assert proxy.cuts == 0
        proxy.cuts = 1
        cut_off.write_nodes(items("i2"))
    assert [row["event_id"] for row in edge_rows(store, PURCHASED)] == ["e1"]
    assert node_ids(store, "Item") == ["i1", "i2"]


def test_when_retries_are_spent_the_outcome_is_called_unknown(
    store: GraphStore, proxy: CuttingProxy, neo4j_server: ServerInfo
) -> None:
    batch = events(("e1", "purchase", "u1", "i1"))
    with through(proxy, neo4j_server, retry_s=0.0) as cut_off:
        cut_off.schema()
        proxy.cuts = 1
        with pytest.raises(IncompleteWrite, match="send the same event ids again"):
            cut_off.write_events(batch)
    assert store.write_events(batch) in (["stored"], ["duplicate"])
    assert len(edge_rows(store, PURCHASED)) == 1


def test_a_wrong_password_is_named_but_never_shown(neo4j_server: ServerInfo) -> None:
    with Neo4jStore(neo4j_server.uri, "neo4j", "hush-hush") as store:
        with pytest.raises(
            StoreUnavailable, match=r"refuses the user 'neo4j'.*neo4j://user:password"
        ) as caught:
            store.schema()
        assert "hush-hush" not in f"{caught.value} {caught.value.__cause__} {store!r}"


def test_a_server_that_is_down_is_named_with_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with (
            Neo4jStore(f"bolt://127.0.0.1:{port}", "neo4j", "pw", timeout_s=0.5) as store,
            pytest.raises(StoreUnavailable, match=rf"127\.0\.0\.1:{port} did not answer in 0\.5 s"),
        ):
            store.schema()
    with (
        Neo4jStore(f"neo4j://127.0.0.1:{port}", "neo4j", "pw", timeout_s=0.5) as store,
        pytest.raises(StoreUnavailable, match=rf"127\.0\.0\.1:{port} did not answer.*neo4j up"),
    ):
        store.prepare(ShopSchema())


def test_a_server_without_a_shop_is_named(neo4j_url: str) -> None:
    empty_neo4j(neo4j_url)
    with open_store(neo4j_url) as store, pytest.raises(BadSettings, match="holds no shop yet"):
        store.schema()


def test_cypher_takes_no_name_that_is_more_than_a_name() -> None:
    with pytest.raises(ValueError, match="can't stand in Cypher"):
        cypher("read_nodes", label="Item) DETACH DELETE n //", id="item_id")


def test_ids_that_look_like_cypher_are_only_ids(store: GraphStore) -> None:
    hostile = "x'}) DETACH DELETE n //"
    store.write_nodes(items(hostile))
    store.write_events(events(("e1", "purchase", hostile, hostile)))
    assert [row["item_id"] for row in edge_rows(store, PURCHASED, [hostile])] == [hostile]


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("known_events", {"relations": "|".join(event.relation for event in EVENT_BY_NAME.values())}),
        ("unknown_nodes", {"label": "Item", "id": "item_id"}),
        ("merge_nodes", {"label": "Item", "id": "item_id"}),
        ("create_nodes", {"label": "User", "id": "user_id"}),
        ("create_events", {"relation": "PURCHASED", "dst": "Item", "dst_id": "item_id"}),
        (
            "merge_edges",
            {"src": "Item", "src_id": "item_id", "relation": "MADE_BY", "dst": "Brand", "dst_id": "brand_id"},
        ),
    ],
)
def test_writes_look_things_up_by_index_even_when_planned_for_an_empty_store(
    neo4j_url: str, neo4j_server: ServerInfo, name: str, names: dict[str, str]
) -> None:
    # A plan is kept while the store fills: a scan that costs nothing at the start would stay.
    empty_neo4j(neo4j_url)
    with open_store(neo4j_url) as store:
        store.prepare(ShopSchema())
    login = (neo4j_server.user, neo4j_server.password)
    names_of_lists = ("ids", "rows", "event_id", "user_id", "target_id", "seconds", "microseconds", "value")
    others = ("position", "query", "recommendation_id")
    lists: dict[str, Any] = {parameter: [] for parameter in (*names_of_lists, *others)}
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=login) as driver:
        plan = driver.execute_query("EXPLAIN " + cypher(name, **names), lists).summary.plan
    assert plan is not None
    found = operators(plan)
    assert any("Seek" in operator for operator in found)
    assert not [operator for operator in found if "Scan" in operator], found


def operators(plan: dict[str, Any]) -> list[str]:
    """The names of a plan's steps."""
    below = [operator for child in plan.get("children", ()) for operator in operators(child)]
    return [str(plan["operatorType"]), *below]
