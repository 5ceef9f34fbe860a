from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/users/" + "x" * 10_000 + "/recommendations", 422, "256"),
        ("/v1/users/a%00b/recommendations", 422, "control"),
        ("/v1/users/a%1Fb/recommendations", 422, "control"),
        ("/v1/users/alice/recommendations?n=0", 422, "n:"),
        ("/v1/users/alice/recommendations?n=ten", 422, "n:"),
        ("/v1/users/alice/recommendations?price_min=-1", 422, "price_min"),
        ("/v1/users/alice/recommendations?language=fr", 422, "language"),
        ("/v1/users/alice/recommendations?cursor=forged", 422, "cursor"),
        ("/v1/users/alice/items/no-such/explanation", 404, "no-such"),
        ("/v1/users/no-such-shopper", 404, "no-such-shopper"),
        ("/v1/search?q=" + "x" * 10_001, 422, "10000"),
        ("/v1/nothing-here", 404, "Not Found"),
    ],
)
def test_a_bad_request_is_a_problem_that_names_the_thing(
    client: TestClient, path: str, status: int, said: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() == {"type", "title", "status", "detail", "instance", "errors"}
    assert said in body["detail"]
    assert "Traceback" not in answer.text


def test_a_10_mb_body_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/events", content=b"x" * 10_000_000)
    assert answer.status_code == 413
    assert "1,000,000" in answer.json()["detail"]


def test_a_body_that_is_not_json_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/events", content=b"{broken", headers={"content-type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "words", ["", "🎁🎁", "x" * 9_999, "\u202eשלום\u0007", "红色 running 鞋", "' OR 1=1 --"]
)
def test_any_words_get_an_answer(client: TestClient, words: str) -> None:
    answer = client.get(f"/v1/search?n=3&q={quote(words)}")
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 3


@pytest.mark.parametrize("user_id", ["a/b", "a%b", "100%", "🎁", "שלום", "a?b#c", "a/../b"])
def test_ids_of_any_characters_are_kept_whole(client: TestClient, user_id: str) -> None:
    answer = client.get(f"/v1/users/{quote(user_id, safe='')}/recommendations?n=1")
    assert answer.status_code == 200
    assert answer.json()["user_id"] == user_id
