from typing import Any

import pytest
from fastapi.testclient import TestClient


def hide(*item_ids: str, **said: Any) -> dict[str, Any]:
    effect = {"type": "hide", "target": {"item_ids": item_ids}}
    return {"name": "<b>Hidden</b>", "author": "mia", "effect": effect, **said}


def test_lists_and_figures_are_those_of_the_change_and_nothing_is_kept(client: TestClient) -> None:
    before = [x["item_id"] for x in client.get("/v1/users/alice/recommendations?n=5").json()["items"]]
    asked = {"add": [hide(*before[:2])], "user_ids": ["alice"], "n": 5, "sample": 60}
    answer = client.post("/v1/what-if", json=asked)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    (alice,) = found["shoppers"]
    assert [place["item_id"] for place in alice["before"]] == before
    assert [place["item_id"] for place in alice["after"]][:3] == before[2:]
    assert [place["other_rank"] for place in alice["after"]] == [3, 4, 5, None, None]
    sample = found["sample"]
    assert 0 < sample["n_changed"] <= sample["n_shoppers"] == 60
    assert sample["ndcg_change_ci95"][0] <= sample["ndcg"]["after"] - sample["ndcg"]["before"]
    assert {each["label"] for each in sample["exposure"]} == {"Brand", "Category"}
    assert client.get("/v1/rules").json() == {"revision": 0, "rules": []}
    again = [x["item_id"] for x in client.get("/v1/users/alice/recommendations?n=5").json()["items"]]
    assert again == before


def test_a_what_if_starts_from_the_rules_that_hold(client: TestClient) -> None:
    best = client.get("/v1/users/alice/recommendations?n=1").json()["items"][0]["item_id"]
    client.post("/v1/rules", json=hide(best, rule_id="r1"))
    asked = {"remove": ["r1"], "user_ids": ["alice"], "n": 3, "sample": 0}
    found = client.post("/v1/what-if", json=asked).json()
    (alice,) = found["shoppers"]
    assert best not in [place["item_id"] for place in alice["before"]]
    assert alice["after"][0]["item_id"] == best
    assert found["sample"] is None
    changed = {"add": [hide("no-such-item", rule_id="r1")], "user_ids": ["alice"], "n": 3, "sample": 0}
    found = client.post("/v1/what-if", json=changed).json()
    assert found["shoppers"][0]["after"][0]["item_id"] == best
    assert [each["kind"] for each in found["findings"]] == ["unknown_to_shop", "matches_nothing"]


def test_other_weights_change_lists(client: TestClient) -> None:
    weights = {"graph": 0, "item_item": 0, "text": 0}
    found = client.post("/v1/what-if", json={"weights": weights, "user_ids": ["alice"], "sample": 60}).json()
    assert found["sample"]["n_changed"] > 30
    assert found["shoppers"][0]["before"] != found["shoppers"][0]["after"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"weights": {"graph": -1}}, 422),
        ({"weights": {"gamma": 1}}, 422),
        ({"sample": 100_000}, 422),
        ({"add": [{"name": "x"}]}, 422),
        ({"remove": ["r9"]}, 404),
        ({"until": "tomorrow"}, 422),
    ],
)
def test_what_cannot_be_asked_is_a_problem(client: TestClient, wrong: dict[str, Any], status: int) -> None:
    answer = client.post("/v1/what-if", json=wrong)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
