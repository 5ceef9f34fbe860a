"""The sliders of a list's order over HTTP."""

import pytest
from fastapi.testclient import TestClient

ALICE = "/v1/users/alice/recommendations"


def test_a_list_is_put_in_order_as_asked_and_says_so(client: TestClient) -> None:
    plain = client.get(ALICE, params={"n": 20, "reasons": 0}).json()
    asked = client.get(ALICE, params={"n": 20, "reasons": 0, "diversity": 0.6, "novelty": 0.1}).json()
    assert "reranked" not in plain
    assert asked["reranked"] == {"method": "dpp", "diversity": 0.6, "novelty": 0.1, "exposure": []}
    order = [[item["item_id"] for item in answer["items"]] for answer in (plain, asked)]
    assert order[0] != order[1]
    score = {item["item_id"]: item["score"] for item in plain["items"]}
    both = [item for item in asked["items"] if item["item_id"] in score]
    assert both
    assert all(item["score"] == pytest.approx(score[item["item_id"]], abs=1e-3) for item in both)


def test_a_slider_at_nothing_changes_nothing(client: TestClient) -> None:
    for path, params in ((ALICE, {}), ("/v1/search", {"q": "lamp"})):
        plain = client.get(path, params=params).json()
        asked = client.get(path, params={**params, "diversity": 0, "novelty": 0}).json()
        assert [item["item_id"] for item in asked["items"]] == [item["item_id"] for item in plain["items"]]
        assert "reranked" not in asked


def test_searches_and_similar_items_have_the_slider_too(client: TestClient) -> None:
    first = client.get(ALICE, params={"n": 1}).json()["items"][0]["item_id"]
    for path, params in ((f"/v1/items/{first}/similar", {}), ("/v1/search", {"q": "lamp"})):
        asked = client.get(path, params={**params, "diversity": 1}).json()
        assert asked["reranked"]["diversity"] == 1


@pytest.mark.parametrize("params", [{"diversity": 1.5}, {"novelty": -1}, {"diversity": "much"}])
def test_a_slider_out_of_range_is_a_problem(client: TestClient, params: dict[str, float | str]) -> None:
    answer = client.get(ALICE, params=params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == next(iter(params))
