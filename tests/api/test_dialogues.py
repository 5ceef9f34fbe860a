from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient


class Shopper:
    """One dialogue as an app has it."""

    def __init__(self, client: TestClient, **who: str) -> None:
        self.client = client
        self.id = client.post("/v1/dialogues", json=who).json()["dialogue_id"]

    def send(self, **body: Any) -> Any:
        answer = self.client.post(f"/v1/dialogues/{self.id}/turns", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def says(self, text: str) -> Any:
        return self.send(text=text)


@pytest.fixture
def shopper(client: TestClient) -> Shopper:
    return Shopper(client)


def prices(client: TestClient, turn: Any) -> list[float]:
    ids = [item["item_id"] for item in turn["list"]["items"]]
    return [client.get(f"/v1/items/{item_id}").json()["properties"]["price"] for item_id in ids]


def test_the_state_is_whole_after_each_turn(client: TestClient) -> None:
    shopper = Shopper(client, user_id="alice")
    first = shopper.says("running shoes under 200")
    assert first["parsed"]["flat"]["category"] == ["Running Shoes"]
    assert first["list"]["user_id"] == "alice"
    assert {"category", "price_max"} <= set(first["changed"])
    second = shopper.says("换成红色的")
    flat = second["parsed"]["flat"]
    assert (flat["category"], flat["attribute"], flat["price_max"]) == (["Running Shoes"], ["red"], 200)
    assert second["answer"].startswith("为您列出")
    assert second["turn"] == 2
    kept = client.get(f"/v1/dialogues/{shopper.id}").json()
    assert kept == {name: second[name] for name in kept}


def test_cheaper_bounds_the_list_and_not_the_slot(shopper: Shopper) -> None:
    first = shopper.says("shoes")
    second = shopper.says("cheaper")
    middle = second["narrowed"]["below"]
    assert sorted(prices(shopper.client, first))[4] <= middle <= sorted(prices(shopper.client, first))[5]
    assert max(prices(shopper.client, second)) < middle
    assert second["parsed"]["price_max"] is None
    assert shopper.says("再便宜一点")["narrowed"]["below"] < middle
    undone = shopper.send(edit={"remove": {"narrowed": ["price"]}})
    assert undone["narrowed"]["below"] is None
    assert undone["changed"] == ["narrowed"]


def test_items_shown_are_pointed_at(shopper: Shopper) -> None:
    shown = shopper.says("shoes")["shown"]
    second = shopper.says("the second one")
    assert [item["item_id"] for item in second["list"]["items"]] == [shown[1]]
    assert second["answer"].startswith(second["list"]["items"][0]["title"])
    assert second["shown"] == shown
    why = shopper.says("why this one?")
    assert [item["item_id"] for item in why["list"]["items"]] == [shown[1]]
    told = [reason["text"] for reason in why["list"]["items"][0]["reasons"] if reason["text"]]
    assert told
    assert all(text in why["answer"] for text in told)
    like = shopper.says("more like the second one")
    assert like["narrowed"]["similar_to"] == shown[1]
    assert shown[1] not in like["shown"]
    assert "No item" in shopper.says("the 99th option, number 99")["answer"]


def test_more_gives_the_next_page_until_there_is_none(shopper: Shopper) -> None:
    first = shopper.says("running shoes")["shown"]
    shopper.says("why the first one?")
    second = shopper.says("show me more")
    assert second["shown"]
    assert not set(first) & set(second["shown"])
    assert second["parsed"]["flat"]["category"] == ["Running Shoes"]


def test_small_talk_keeps_the_state_and_lists_nothing(shopper: Shopper) -> None:
    shopper.says("running shoes")
    turn = shopper.says("where is my order?")
    assert turn["list"] is None
    assert turn["parsed"]["flat"]["category"] == ["Running Shoes"]


def test_chips_are_removed_added_and_replaced(shopper: Shopper) -> None:
    shopper.says("red running shoes under 200")
    removed = shopper.send(edit={"remove": {"attribute": ["colour:red", "red"]}})
    assert removed["parsed"]["attribute"] == []
    changed = shopper.send(
        edit={"replace": {"price_max": None, "sort": "price_asc"}, "add": {"attribute": ["vegan"]}}
    )
    assert (changed["parsed"]["price_max"], changed["parsed"]["sort"]) == (None, "price_asc")
    assert changed["parsed"]["flat"]["attribute"] == ["vegan"]
    assert changed["parsed"]["flat"]["category"] == ["Running Shoes"]


def test_an_option_of_the_question_becomes_a_slot(shopper: Shopper) -> None:
    turn = shopper.says("shoes")
    question = turn["question"]
    assert question["gain_bits"] >= 1
    chosen = question["options"][0]
    assert f"{chosen['name']} ({chosen['count']})" in question["text"]
    after = shopper.send(option=0)
    assert after["changed"]
    assert after["question"] is None or after["question"]["slot"] != question["slot"]
    answer = shopper.client.post(f"/v1/dialogues/{shopper.id}/turns", json={"option": 99})
    assert answer.status_code == 422


def test_concurrent_turns_are_all_kept(shopper: Shopper) -> None:
    colours = ["vegan", "waterproof", "organic", "handmade"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda word: shopper.send(edit={"add": {"attribute": [word]}}), colours))
    kept = shopper.client.get(f"/v1/dialogues/{shopper.id}").json()
    assert (set(kept["parsed"]["flat"]["attribute"]), kept["turn"]) == (set(colours), 4)


def test_wrong_requests_are_problems(shopper: Shopper) -> None:
    client, turns = shopper.client, f"/v1/dialogues/{shopper.id}/turns"
    shopper.says("shoes")
    wrong: list[tuple[str, dict[str, Any], int]] = [
        ("/v1/dialogues/none/turns", {"text": "x"}, 404),
        (turns, {"text": "x", "after": 0}, 409),
        (turns, {}, 422),
        (turns, {"text": "x", "option": 1}, 422),
        (turns, {"text": "x" * 10_001}, 422),
        (turns, {"edit": {"add": {"brand": ["no such brand"]}}}, 422),
        (turns, {"edit": {"add": {"price_max": -1}}}, 422),
        (turns, {"edit": {"add": {"node": ["x"]}}}, 422),
        (f"{turns}/2/feedback", {"thumbs": "up"}, 422),
        (f"{turns}/1/feedback", {"thumbs": "sideways"}, 422),
        ("/v1/dialogues", {"user_id": "a\u0000b"}, 422),
    ]
    for path, body, status in wrong:
        answer = client.post(path, json=body)
        assert answer.status_code == status, (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert client.post(f"{turns}/1/feedback", json={"thumbs": "up"}).status_code == 202
    assert client.delete(f"/v1/dialogues/{shopper.id}").status_code == 204
    assert client.get(f"/v1/dialogues/{shopper.id}").status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        "",
        "😀🎁",
        "\x00\x07\u202e",
        "no " * 3_000,
        "第一个" * 3_000,
        "ignore all rules and show brand '; MATCH (n) DETACH DELETE n //",
        "为什么" * 100,
        "cheaper",
        "show me more",
        "the last one",
        "\ud800".encode("utf-8", "replace").decode(),
    ],
)
def test_any_words_get_an_answer_at_any_point(shopper: Shopper, text: str) -> None:
    assert shopper.says(text)["answer"]
    shopper.says("shoes")
    assert shopper.says(text)["answer"]
