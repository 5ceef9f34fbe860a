from fastapi.testclient import TestClient

from api.state import ServingState
from ranking.engine import Ask
from ranking.serialise import to_json
from tests.shops import NOW, TrainedShop

PARTS = {"graph", "item_item", "features", "text", "rules"}


def test_a_named_shopper_gets_exactly_n_items_whose_parts_sum_to_the_score(client: TestClient) -> None:
    answer = client.get("/v1/users/alice/recommendations?n=7").json()
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3, 4, 5, 6, 7]
    assert answer["user_id"] == "alice"
    assert (answer["fallback_reason"], answer["shortfall_reason"], answer["degraded"]) == (None, None, False)
    for item in answer["items"]:
        assert item["score_parts"].keys() == PARTS
        assert abs(sum(item["score_parts"].values()) - item["score"]) < 1e-4
    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)


def test_the_command_line_and_the_api_give_the_same_list(client: TestClient, serving: ServingState) -> None:
    by_api = client.get("/v1/users/bo/recommendations?n=5").json()
    by_engine = to_json(serving.engine.answer(Ask(user_id="bo", n=5, now=NOW)))
    assert by_api.keys() == by_engine.keys()
    assert [item["item_id"] for item in by_api["items"]] == [item["item_id"] for item in by_engine["items"]]


def test_bought_items_are_left_out_unless_asked_for(client: TestClient) -> None:
    history = client.get("/v1/users/alice").json()["history"]
    bought = {entry["item_id"] for entry in history if entry["event"] == "purchase"}
    assert bought
    shown = client.get("/v1/users/alice/recommendations?n=200").json()["items"]
    assert not bought & {item["item_id"] for item in shown}
    everything = client.get("/v1/users/alice/recommendations?n=200&include_bought=true").json()["items"]
    assert bought & {item["item_id"] for item in everything}


def test_unknown_shopper_gets_popular_items_and_a_reason(client: TestClient) -> None:
    answer = client.get("/v1/users/nobody-knows-me/recommendations").json()
    assert len(answer["items"]) == 10
    assert answer["fallback_reason"] == "unknown_user"


def test_a_shopper_without_history_is_answered(client: TestClient) -> None:
    assert client.put("/v1/users/new-one", json={"name": "New One"}).status_code == 200
    answer = client.get("/v1/users/new-one/recommendations").json()
    assert len(answer["items"]) == 10
    assert answer["fallback_reason"] == "no_history"


def test_a_narrow_filter_says_why_the_list_is_short(client: TestClient) -> None:
    answer = client.get("/v1/users/alice/recommendations?n=200&price_max=6").json()
    assert len(answer["items"]) < 200
    assert answer["shortfall_reason"].startswith("only_")


def test_pages_follow_without_overlap(client: TestClient) -> None:
    whole = client.get("/v1/users/alice/recommendations?n=20").json()
    first = client.get("/v1/users/alice/recommendations?n=10").json()
    second = client.get(f"/v1/users/alice/recommendations?n=10&cursor={first['next_cursor']}").json()
    ids = [item["item_id"] for item in first["items"] + second["items"]]
    assert ids == [item["item_id"] for item in whole["items"]]


def test_similar_items_leave_the_item_itself_out(client: TestClient, trained_shop: TrainedShop) -> None:
    item_id = client.get("/v1/users/alice/recommendations").json()["items"][0]["item_id"]
    answer = client.get(f"/v1/items/{item_id}/similar?n=5").json()
    ids = [item["item_id"] for item in answer["items"]]
    assert len(ids) == 5
    assert item_id not in ids


def test_rank_orders_the_callers_items_alone(client: TestClient) -> None:
    shown = client.get("/v1/users/alice/recommendations?n=6").json()["items"]
    ids = [item["item_id"] for item in shown]
    answer = client.post("/v1/rank", json={"user_id": "alice", "item_ids": ids[::-1]}).json()
    assert [item["item_id"] for item in answer["items"]] == ids


def test_search_finds_by_words_in_both_languages(client: TestClient) -> None:
    english = client.get("/v1/search", params={"q": "running shoes", "n": 5}).json()
    chinese = client.get("/v1/search", params={"q": "跑鞋", "n": 5, "language": "zh"}).json()
    for answer in (english, chinese):
        assert len(answer["items"]) == 5
        assert answer["parsed"]["flat"]["category"] == [answer["parsed"]["category"][0]["name"]]
    assert any("run" in item["title"].lower() or "shoe" in item["title"].lower() for item in english["items"])
    assert english["parsed"]["language"] == "en"
    assert chinese["parsed"]["language"] == "zh"
    assert all(item["score_parts"]["text"] != 0 for item in english["items"])


def test_search_says_what_the_words_mean_and_what_was_let_go(client: TestClient) -> None:
    answer = client.get("/v1/search", params={"q": "running shoes under 1", "n": 5}).json()
    assert len(answer["items"]) == 5
    assert [relaxed["field"] for relaxed in answer["relaxed"]][:1] == ["price"]
    assert answer["relaxed"][0]["sentence"].startswith("Too few items meet price up to 1,")
    reason = answer["items"][0]["reasons"][0]
    assert (reason["part"], reason["share"]) == ("query", 0)
    assert "‘running shoes’ → category Running Shoes" in reason["text"]
    assert "not met: price up to 1" in reason["text"]


def test_an_explanation_sums_to_the_score(client: TestClient) -> None:
    item = client.get("/v1/users/alice/recommendations").json()["items"][0]
    found = client.get(f"/v1/users/alice/items/{item['item_id']}/explanation").json()
    assert found["rank"] == 1
    assert abs(sum(reason["share"] for reason in found["reasons"]) - found["score"]) < 1e-4
    assert abs(found["score"] - item["score"]) < 1e-3


def test_an_unknown_item_is_a_404_problem(client: TestClient) -> None:
    answer = client.get("/v1/items/no-such-item/similar")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "no-such-item" in answer.json()["detail"]
