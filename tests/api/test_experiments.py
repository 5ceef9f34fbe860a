"""Experiments as an app and a product manager meet them."""

from collections import Counter
from collections.abc import Iterator
from time import monotonic
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.config import ApiConfig
from api.experimenting import Experiments
from api.state import ServingState
from evaluation.experiments.results import MIN_SHOPPERS
from graph.ledger import SqliteLedger
from shopgraph.experimenting import open_experiments
from tests.shops import TrainedShop

ARMS = [
    {"name": "control", "weight": 0.5},
    {"name": "popular", "weight": 0.5, "change": {"factors": {"graph": 0, "item_item": 0, "popularity": 50}}},
]


@pytest.fixture
def client(serving: ServingState) -> Iterator[TestClient]:
    experiments = Experiments(SqliteLedger(None), check_every_s=0)
    with TestClient(
        create_app(serving, ApiConfig(), experiments=experiments), raise_server_exceptions=False
    ) as client:
        yield client


def write(client: TestClient, **changes: Any) -> Any:
    """Keep a draft, which must succeed."""
    body = {"experiment_id": "e1", "name": "Popular", "author": "Mo", "salt": "s", "arms": ARMS, **changes}
    answer = client.post("/v1/experiments", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def begin(client: TestClient, experiment_id: str = "e1") -> Any:
    answer = client.post(f"/v1/experiments/{experiment_id}/start", json={"author": "Mo"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def shopper(client: TestClient, user_id: str) -> Any:
    return client.get(f"/v1/users/{quote(user_id, safe='')}/recommendations", params={"reasons": 0}).json()


def event(name: str, list_: Any, user_id: str, **changes: Any) -> dict[str, Any]:
    """An event that follows from a list: of its first item."""
    item_id = None if name == "view_item_list" else list_["items"][0]["item_id"]
    token = list_["recommendation_id"]
    return {
        "event_id": f"{name}-{token[-16:]}",
        "event": name,
        "user_id": user_id,
        "item_id": item_id,
        "recommendation_id": token,
        **changes,
    }


def post(client: TestClient, *events: dict[str, Any]) -> Any:
    answer = client.post("/v1/events", json={"events": list(events)})
    assert answer.status_code == 202, answer.text
    return answer.json()


def metrics(client: TestClient, arm: str) -> tuple[int, dict[str, float]]:
    found = client.get("/v1/experiments/e1/results").json()
    (one,) = [each for each in found["arms"] if each["arm"] == arm]
    return one["n_shoppers"], {name: each["value"]["value"] for name, each in one["metrics"].items()}


def test_a_draft_changes_nothing_and_a_running_one_gives_each_shopper_one_arm(client: TestClient) -> None:
    before = shopper(client, "alice")
    write(client)
    assert "experiment" not in shopper(client, "alice")
    begin(client)
    first, again = shopper(client, "alice"), shopper(client, "alice")
    assert first["experiment"] == again["experiment"]
    assert first["experiment"]["experiment_id"] == "e1"
    arms = Counter(shopper(client, f"stranger {n}")["experiment"]["arm"] for n in range(60))
    assert set(arms) == {"control", "popular"}
    client.post("/v1/experiments/e1/stop", json={"author": "Mo"})
    after = shopper(client, "alice")
    assert "experiment" not in after
    assert [item["item_id"] for item in after["items"]] == [item["item_id"] for item in before["items"]]


def test_the_arm_is_answered_by_its_own_weights(client: TestClient, serving: ServingState) -> None:
    known = [each["user_id"] for each in client.get("/v1/users", params={"limit": 5}).json()["users"]]
    usual = {user: [item["item_id"] for item in shopper(client, user)["items"]] for user in known}
    write(client, arms=[{**ARMS[0], "weight": 0.01}, {**ARMS[1], "weight": 0.99}])
    begin(client)
    lists = {user: shopper(client, user) for user in usual}
    moved = [user for user, list_ in lists.items() if list_["experiment"]["arm"] == "popular"]
    assert moved
    for user in moved:
        assert [item["item_id"] for item in lists[user]["items"]] != usual[user]
        assert all(item["score_parts"]["graph"] == 0 for item in lists[user]["items"])
    exposure = serving.engine.signer.verify(lists[moved[0]]["recommendation_id"])
    assert (exposure.arm, exposure.propensity) == ("popular", 0.99)
    assert exposure.trial is not None
    assert moved[0] not in str(exposure.trial)


def test_only_what_was_shown_counts_and_outcomes_are_joined_by_the_list(client: TestClient) -> None:
    write(client)
    begin(client)
    user = next(f"u{n}" for n in range(99) if shopper(client, f"u{n}")["experiment"]["arm"] == "popular")
    shown, unseen = shopper(client, user), shopper(client, user)
    price = client.get(f"/v1/items/{shown['items'][0]['item_id']}").json()["properties"]["price"]
    post(client, event("select_item", unseen, user))
    assert metrics(client, "popular")[0] == 0
    seen = event("view_item_list", shown, user)
    assert post(client, seen)["n_stored"] == 1
    bought = event("purchase", shown, user, value=2)
    post(client, seen, event("select_item", shown, user), event("add_to_cart", shown, user), bought)
    assert post(client, bought)["n_duplicate"] == 1
    n_shoppers, found = metrics(client, "popular")
    assert n_shoppers == 1
    assert found == {"ctr": 1, "add_to_cart": 1, "conversion": 1, "revenue": pytest.approx(2 * price)}
    assert metrics(client, "control")[0] == 0


def test_a_list_nobody_gave_out_was_not_shown(client: TestClient) -> None:
    list_ = shopper(client, "alice")
    forged = event("view_item_list", list_, "alice", recommendation_id="x" + list_["recommendation_id"])
    bare = {"event_id": "bare", "event": "view_item_list", "user_id": "alice"}
    answer = post(client, event("view_item_list", list_, "alice"), forged, bare)
    assert [result["status"] for result in answer["results"]] == ["stored", "rejected", "rejected"]
    assert answer["results"][1]["errors"][0]["field"] == "recommendation_id"
    foreign = event("select_item", list_, "alice", recommendation_id="of another service")
    assert post(client, foreign)["n_stored"] == 1


def test_an_arm_that_does_harm_is_stopped_and_the_audit_says_why(client: TestClient) -> None:
    write(client, guardrails=[{"metric": "ctr", "max_drop": 0.1}], planned_shoppers=200)
    begin(client)
    counts: Counter[str] = Counter()
    n = 0
    while min(counts["control"], counts["popular"]) < MIN_SHOPPERS + 20:
        lists = [(f"u{n + k}", shopper(client, f"u{n + k}")) for k in range(50)]
        n += 50
        events = [event("view_item_list", list_, user) for user, list_ in lists]
        arms = [list_["experiment"]["arm"] for _, list_ in lists]
        counts.update(arms)
        clicks = [
            event("select_item", list_, user)
            for (user, list_), arm in zip(lists, arms, strict=True)
            if arm == "control"
        ]
        post(client, *events, *clicks[: len(clicks) // 2])
        if client.get("/v1/experiments/e1").json()["experiment"]["status"] == "stopped":
            break
    found = client.get("/v1/experiments/e1").json()
    assert found["experiment"]["status"] == "stopped"
    assert [arm["name"] for arm in found["experiment"]["stopped_arms"]] == ["popular"]
    assert found["results"]["decision"] == "ctr: popular was stopped"
    last = client.get("/v1/experiments/e1/audit").json()["entries"][-1]
    assert (last["author"], last["action"]) == ("guardrail", "stop_arm")
    assert "ctr is more than 10% below" in last["reason"]
    assert "experiment" not in shopper(client, "u1")


def test_a_stopped_arms_shoppers_get_the_usual_list_and_the_others_keep_theirs(client: TestClient) -> None:
    arms = [{"name": name, "weight": 0.25} for name in ("control", "b", "c", "d")]
    write(client, arms=arms)
    begin(client)
    was = {f"u{n}": shopper(client, f"u{n}")["experiment"]["arm"] for n in range(40)}
    answer = client.post("/v1/experiments/e1/arms/b/stop", json={"author": "Mo", "reason": "odd"})
    assert answer.json()["status"] == "running"
    now = {user: shopper(client, user).get("experiment", {}).get("arm") for user in was}
    assert now == {user: None if arm == "b" else arm for user, arm in was.items()}


def test_interleaving_pages_one_list_and_gives_clicks_to_who_drafted_the_item(client: TestClient) -> None:
    usual = [item["item_id"] for item in shopper(client, "alice")["items"]]
    write(client, kind="interleaving")
    begin(client)
    path = "/v1/users/alice/recommendations"
    whole = client.get(path, params={"n": 8, "reasons": 0}).json()
    assert whole["experiment"]["arm"] == "both"
    assert [item["rank"] for item in whole["items"]] == list(range(1, 9))
    first = client.get(path, params={"n": 4, "reasons": 0}).json()
    second = client.get(path, params={"n": 4, "reasons": 0, "cursor": first["next_cursor"]}).json()
    ids = [item["item_id"] for item in first["items"] + second["items"]]
    assert len(set(ids)) == 8
    assert [item["rank"] for item in second["items"]] == [5, 6, 7, 8]
    assert set(ids) & set(usual)
    assert not set(ids) <= set(usual)
    place = next(n for n, item in enumerate(whole["items"]) if item["item_id"] not in usual)
    clicked = {**whole, "items": [whole["items"][place]]}
    post(client, event("view_item_list", whole, "alice"), event("select_item", clicked, "alice"))
    found = client.get("/v1/experiments/e1/results").json()["preference"]
    assert (found["n_shoppers"], found["value"]["value"]) == (1, 1.0)


def test_a_visit_without_a_shopper_keeps_its_arm(client: TestClient) -> None:
    write(client, audience={"scenarios": ["similar"]})
    begin(client)
    item = shopper(client, "alice")["items"][0]["item_id"]
    assert "experiment" not in shopper(client, "alice")
    path = f"/v1/items/{item}/similar"
    assert "experiment" not in client.get(path).json()
    arms = [client.get(path, params={"session_id": "visit"}).json()["experiment"] for _ in range(3)]
    assert arms[0] == arms[1] == arms[2]
    ranked = {"item_ids": [item], "session_id": "visit"}
    assert "experiment" not in client.post("/v1/rank", json=ranked).json()


def test_what_if_by_group_comes_from_the_propensities(client: TestClient) -> None:
    write(client)
    begin(client)
    path = "/v1/experiments/e1/counterfactual"
    assert client.get(path).status_code == 422
    lists = {f"u{n}": shopper(client, f"u{n}") for n in range(20)}
    popular = {user: each for user, each in lists.items() if each["experiment"]["arm"] == "popular"}
    post(client, *(event("view_item_list", each, user) for user, each in lists.items()))
    post(client, *(event("select_item", each, user) for user, each in popular.items()))
    body = client.get(path, params={"cold": "popular"}).json()
    values = {each["method"]: each for each in body["estimates"]}
    assert values["snips"]["value"] == values["doubly_robust"]["value"] == 1.0
    assert values["ips"]["value"] == pytest.approx(2 * len(popular) / 20)
    assert values["ips"]["effective_n"] == pytest.approx(len(popular))
    for wrong in ({"cold": "gone"}, {"metric": "joy"}):
        assert client.get(path, params=wrong).status_code == 422


def test_two_people_and_one_draft(client: TestClient) -> None:
    draft = {key: value for key, value in write(client).items() if key in ("experiment_id", "name", "salt")}
    changed = {**draft, "author": "Al", "arms": ARMS, "primary": "revenue"}
    path = "/v1/experiments/e1"
    answer = client.put(path, json={"version": 1, "experiment": changed})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    late = client.put(path, json={"version": 1, "experiment": {**changed, "primary": "ctr"}})
    assert late.status_code == 409
    assert late.headers["content-type"] == "application/problem+json"
    assert "has version 2, not 1" in late.json()["detail"]
    assert client.post(f"{path}/start", json={"author": "Mo", "version": 1}).status_code == 409
    begin(client)
    assert client.put(path, json={"version": 3, "experiment": changed}).status_code == 409
    actions = [entry["action"] for entry in client.get(f"{path}/audit").json()["entries"]]
    assert actions == ["add", "change", "start"]
    assert [each["status"] for each in client.get("/v1/experiments").json()["experiments"]] == ["running"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arms": [ARMS[0], {**ARMS[1], "weight": 0.4}]}, "sum to 1, they sum to 0.9"),
        ({"arms": ARMS[:1]}, "at least 2"),
        ({"arms": [ARMS[0], {**ARMS[1], "name": "control"}]}, "names of their own"),
        ({"colour": "red"}, "Extra inputs"),
        ({"experiment_id": "../etc"}, "pattern"),
        ({"traffic": {"start": 0.9, "end": 0.1}}, "above traffic.start"),
    ],
)
def test_an_experiment_that_makes_no_sense_is_refused(
    client: TestClient, changes: dict[str, Any], said: str
) -> None:
    body = {"experiment_id": "e1", "name": "x", "author": "Mo", "arms": ARMS, **changes}
    answer = client.post("/v1/experiments", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_what_can_not_be_answered_is_not_started(client: TestClient) -> None:
    for experiment_id, change, said in (
        ("factor", {"factors": {"happiness": 2}}, "has no 'happiness'; it has graph"),
        ("rule", {"without_rules": ["gone"]}, "no rule 'gone'"),
        ("version", {"model_version": "none-such"}, "no other trained version"),
    ):
        arms = [ARMS[0], {"name": "b", "weight": 0.5, "change": change}]
        write(client, experiment_id=experiment_id, arms=arms)
        answer = client.post(f"/v1/experiments/{experiment_id}/start", json={"author": "Mo"})
        assert 400 <= answer.status_code < 500, answer.text
        assert said in answer.json()["detail"]
    write(client)
    write(client, experiment_id="e2")
    begin(client)
    answer = client.post("/v1/experiments/e2/start", json={"author": "Mo"})
    assert answer.status_code == 409
    assert "overlaps with 'e1'" in answer.json()["detail"]
    assert client.get("/v1/experiments/none").status_code == 404
    assert client.post("/v1/experiments/e1/arms/control/stop", json={"author": "Mo"}).status_code == 422


def test_an_arm_of_another_version_answers_once_every_arm_is_ready(
    serving: ServingState, trained_shop: TrainedShop
) -> None:
    version = serving.engine.model_version
    arms = [ARMS[0], {"name": "other", "weight": 0.5, "change": {"model_version": version}}]
    with SqliteLedger(None) as ledger:
        kept = [open_experiments(ledger, trained_shop.root, serving, trained_shop.settings) for _ in range(2)]
        first, second = (TestClient(create_app(serving, ApiConfig(), experiments=each)) for each in kept)
        write(first, arms=arms)
        write(first, experiment_id="gone", arms=[ARMS[0], {**arms[1], "change": {"model_version": "none"}}])
        assert first.post("/v1/experiments/gone/start", json={"author": "Mo"}).status_code == 400
        begin(first)
        lists = {f"u{n}": shopper(first, f"u{n}") for n in range(20)}
        user = next(user for user, each in lists.items() if each["experiment"]["arm"] == "other")
        assert kept[0].engines()[0] is not serving.engine
        post(first, event("select_item", lists[user], user))
        assert kept[0].engines()[0].profiles.n_live(user) == 1
        deadline = monotonic() + 60
        while "experiment" not in shopper(second, user):  # another process opens the version by itself
            assert monotonic() < deadline
        assert shopper(second, user)["experiment"]["arm"] == "other"
