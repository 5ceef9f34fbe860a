from fastapi.testclient import TestClient


def test_words_become_entities_of_the_shop(client: TestClient) -> None:
    asked = "red running shoes under 100 euros, not by Kestrel Last"
    by_get = client.get("/v1/parse", params={"q": asked}).json()
    assert by_get["flat"]["category"] == ["Running Shoes"]
    assert by_get["flat"]["exclude"]["brand"] == ["Kestrel Last"]
    assert (by_get["price_max"], by_get["currency"]) == (100, "EUR")
    assert by_get["category"][0]["node_id"] == "Shoes > Trainers > Running Shoes"
    by_post = client.post("/v1/parse", json={"text": asked}).json()
    assert {**by_post, "took_ms": 0} == {**by_get, "took_ms": 0}


def test_long_and_odd_texts_are_answered(client: TestClient) -> None:
    for text in ("", "😀", "\x00\x07", "no " * 4_000, "红" * 10_000):
        answer = client.post("/v1/parse", json={"text": text})
        assert answer.status_code == 200, text[:10]
        assert answer.json()["text"] == text


def test_a_body_without_text_is_refused(client: TestClient) -> None:
    assert client.post("/v1/parse", json={"words": "x"}).status_code == 422
