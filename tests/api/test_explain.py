"""The explain routes: trees, counterfactuals, smallest sets and contrasts of a trained shop."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

PARTS = {"graph", "item_item", "features", "text", "rules"}


def listed(client: TestClient, n: int = 3) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/v1/users/alice/recommendations?n={n}").json()["items"]
    return items


def bought(client: TestClient) -> str:
    history = client.get("/v1/users/alice").json()["history"]
    item_id: str = next(entry["item_id"] for entry in history if entry["event"] == "purchase")
    return item_id


def without(client: TestClient, item_id: str, *facts: dict[str, Any], **more: str) -> dict[str, Any]:
    body = {"item_id": item_id, "user_id": "alice", "without": list(facts), **more}
    answer = client.post("/v1/explain/counterfactual", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_trees_leaves_sum_to_the_score(client: TestClient) -> None:
    item = listed(client)[0]
    found = client.get("/v1/explain", params={"user_id": "alice", "item_id": item["item_id"]}).json()
    leaves = [
        reason["share"]
        for part in found["parts"]
        for reason in [*part["others"], *(each for past in part["past_items"] for each in past["reasons"])]
    ]
    assert sum(leaves) == pytest.approx(found["score"], abs=1e-4)
    assert found["sum_error"] < 1e-4
    assert found["rank"] == 1
    assert any(past["events"] for part in found["parts"] for past in part["past_items"])


def test_words_alone_have_a_tree(client: TestClient) -> None:
    item = client.get("/v1/search", params={"q": "running shoes", "n": 1}).json()["items"][0]
    found = client.get("/v1/explain", params={"item_id": item["item_id"], "q": "running shoes"}).json()
    assert (found["user_id"], found["query"], found["rank"]) == (None, "running shoes", 1)
    assert found["score_parts"]["text"] > 0


def test_without_a_purchase_score_and_rank_are_new(client: TestClient) -> None:
    item = listed(client)[0]
    found = without(client, item["item_id"], {"kind": "past", "item_id": bought(client)})
    assert found["before"]["rank"] == 1
    assert found["before"]["score"] == pytest.approx(item["score"], abs=1e-3)
    assert found["change_by_part"].keys() == PARTS
    assert sum(found["change_by_part"].values()) == pytest.approx(found["change"], abs=1e-4)
    assert found["change"] != 0
    assert found["without"] == [{"kind": "past", "item_id": bought(client), "event": None}]


def test_an_edge_of_a_shown_path_can_be_taken_out(client: TestClient) -> None:
    for item in listed(client, 10):
        path = next((r["path"] for r in item["reasons"] if len(r["path"]) == 5), None)
        if path:
            break
    assert path
    src, step, dst = ({"label": end["label"], "id": end["id"]} if "id" in end else end for end in path[:3])
    assert step["forward"]
    edge = {"kind": "edge", "src": src, "relation": step["relation"], "dst": dst}
    found = without(client, item["item_id"], edge)
    assert found["change_by_part"]["graph"] != 0
    assert "ease" in found["kept_as_trained"]


def test_without_a_relation_and_a_word(client: TestClient) -> None:
    item = client.get("/v1/search", params={"q": "red running shoes", "user_id": "alice"}).json()["items"][0]
    facts = ({"kind": "word", "word": "red"}, {"kind": "relation", "relation": "MADE_BY"})
    found = without(client, item["item_id"], *facts, q="red running shoes")
    assert found["query"] == "running shoes"
    assert found["change_by_part"]["text"] != 0


def test_the_smallest_set_drops_the_item_out_of_the_list(client: TestClient) -> None:
    item_id = listed(client, 3)[2]["item_id"]
    params: dict[str, str | int] = {"user_id": "alice", "item_id": item_id, "n": 3}
    found = client.get("/v1/explain/smallest", params=params).json()
    assert found["outcome"] == "found"
    assert found["past_item_ids"]
    assert found["counterfactual"]["before"]["rank"] == 3
    assert found["counterfactual"]["after"]["rank"] > 3


def test_a_contrast_sums_to_the_difference(client: TestClient) -> None:
    first, _, third = listed(client)
    params = {"user_id": "alice", "item_id": first["item_id"], "versus": third["item_id"]}
    found = client.get("/v1/explain/contrast", params=params).json()
    assert (found["above"]["rank"], found["below"]["rank"]) == (1, 3)
    total = sum(each["difference"] for each in found["differences"])
    assert total == pytest.approx(found["difference"], abs=1e-4)
    assert found["difference"] > 0


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"without": [{"kind": "past", "item_id": "never-met"}]}, 404, "never-met"),
        ({"without": [{"kind": "relation", "relation": "SIMILAR_TO"}]}, 404, "SIMILAR_TO"),
        ({"without": [{"kind": "word", "word": "red"}]}, 422, "red"),
        ({"without": []}, 422, "without"),
        ({"without": [{"kind": "wish", "word": "red"}]}, 422, "kind"),
        ({"without": [{"kind": "word", "word": "red", "colour": 1}]}, 422, "colour"),
        ({"without": [{"kind": "word", "word": "red"}], "item_id": "no-such-item"}, 404, "no-such-item"),
        ({"without": [{"kind": "word", "word": "x"}], "q": "x" * 10_001}, 422, "characters"),
    ],
)
def test_a_mistake_is_a_problem(client: TestClient, body: dict[str, Any], status: int, said: str) -> None:
    item_id = listed(client)[0]["item_id"]
    answer = client.post("/v1/explain/counterfactual", json={"item_id": item_id, "user_id": "alice"} | body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.text


def test_an_item_is_not_compared_with_itself(client: TestClient) -> None:
    item_id = listed(client)[0]["item_id"]
    params = {"user_id": "alice", "item_id": item_id, "versus": item_id}
    answer = client.get("/v1/explain/contrast", params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "versus"
