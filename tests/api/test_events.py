from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.state import ServingState
from shopgraph.types import ITEM


def _event(**changes: Any) -> dict[str, Any]:
    return {"event_id": "e1", "event": "purchase", "user_id": "alice", "item_id": "?", "value": 1, **changes}


@pytest.fixture
def item_id(client: TestClient) -> str:
    first: str = client.get("/v1/users/alice/recommendations").json()["items"][0]["item_id"]
    return first


def test_a_posted_purchase_changes_the_next_list_at_once(client: TestClient, item_id: str) -> None:
    before = client.get("/v1/users/alice/recommendations").json()["items"]
    answer = client.post("/v1/events", json={"events": [_event(item_id=item_id)]})
    assert (answer.status_code, answer.json()["n_stored"]) == (202, 1)
    after = client.get("/v1/users/alice/recommendations").json()["items"]
    assert item_id not in {item["item_id"] for item in after}
    assert [item["score"] for item in before] != [item["score"] for item in after]
    assert client.get("/v1/users/alice").json()["history"][0]["item_id"] == item_id


def test_the_same_event_id_counts_once(client: TestClient, item_id: str) -> None:
    event = _event(item_id=item_id)
    client.post("/v1/events", json={"events": [event]})
    n = client.get("/v1/users/alice").json()["n_interactions"]
    again = client.post("/v1/events", json={"events": [event, event]}).json()
    assert (again["n_stored"], again["n_duplicate"]) == (0, 2)
    assert client.get("/v1/users/alice").json()["n_interactions"] == n


def test_an_invalid_event_is_rejected_alone_with_its_reason(client: TestClient, item_id: str) -> None:
    events = [
        _event(event_id="good", item_id=item_id),
        _event(event_id="unknown-item", item_id="no-such-item"),
        _event(event_id="stars", event="rate", item_id=item_id, value=9),
        _event(event_id="negative", item_id=item_id, value=-1),
        _event(event_id="future", item_id=item_id, time="2999-01-01T00:00:00Z"),
        _event(event_id="bad-name", event="bought", item_id=item_id),
        _event(event_id="nul\x00", item_id=item_id),
        _event(event_id="search", event="search", item_id=None),
        {"event_id": "extra", "event": "purchase", "user_id": "alice", "item_id": item_id, "colour": "red"},
    ]
    body = client.post("/v1/events", json={"events": events}).json()
    assert [result["status"] for result in body["results"]] == ["stored"] + ["rejected"] * 8
    fields = [result["errors"][0]["field"] for result in body["results"][1:]]
    assert fields == ["item_id", "value", "value", "time", "event", "event_id", "query", "colour"]


def test_an_unknown_shoppers_first_click_makes_a_personal_list(client: TestClient, item_id: str) -> None:
    client.post("/v1/events", json={"events": [_event(user_id="just-in", item_id=item_id)]})
    answer = client.get("/v1/users/just-in/recommendations").json()
    assert answer["fallback_reason"] is None
    assert any(reason["path"] for item in answer["items"] for reason in item["reasons"])


def test_too_many_events_are_refused_whole(client: TestClient, item_id: str) -> None:
    events = [_event(event_id=str(n), item_id=item_id) for n in range(1_001)]
    answer = client.post("/v1/events", json={"events": events})
    assert answer.status_code == 422
    assert "1000" in answer.json()["detail"]


def test_an_event_reaches_the_store(client: TestClient, serving: ServingState, item_id: str) -> None:
    client.post("/v1/events", json={"events": [_event(user_id="odd/é %🎁", item_id=item_id)]})
    found = client.get("/v1/users/odd%2F%C3%A9%20%25%F0%9F%8E%81").json()
    assert found["user_id"] == "odd/é %🎁"
    assert [entry["item_id"] for entry in found["history"]] == [item_id]


def test_an_item_put_is_read_back_and_not_ranked_yet(client: TestClient, serving: ServingState) -> None:
    item = {"title": "A <b>new</b> thing", "brand": "Neu", "categories": ["Toys"], "price": 3.5}
    assert client.put("/v1/items/new%2Fitem", json=item).json()["ranked"] is False
    found = client.get("/v1/items/new%2Fitem").json()
    assert (found["item_id"], found["properties"]["title"]) == ("new/item", item["title"])
    assert any(batch.frame.height for batch in serving.store.read_nodes(ITEM, ["new/item"]))
