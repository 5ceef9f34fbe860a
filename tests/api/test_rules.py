"""Rules over HTTP, as a merchandiser's page uses them."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.config import ApiConfig
from api.state import ServingState
from graph.ledger import SqliteLedger
from graph.open import open_store
from graph.readers import open_source
from ranking.rules.book import RuleBook
from shopgraph import pipeline
from tests.graph.stores import empty_neo4j
from tests.shops import NOW, TrainedShop

HOSTILE = "<img src=x onerror=alert(1)>\u202e'; DROP TABLE entry; --"
LIST = "/v1/users/alice/recommendations?n=10&reasons=10"


@pytest.fixture(params=["sqlite", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def shop_client(
    request: pytest.FixtureRequest, trained_shop: TrainedShop, tmp_path: Path
) -> Iterator[TestClient]:
    """The app over each kind of store, its rules in a file."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    if request.param == "neo4j":
        url = request.getfixturevalue("neo4j_url")
        empty_neo4j(url)
    source = Path(trained_shop.url.removeprefix("sqlite:///")).parent / "shop"
    with closing(open_store(url)) as store, closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        pipeline.ingest(open_source(source, "shop"), store)
        serving = pipeline.load(trained_shop.root, store, trained_shop.settings, NOW)
        app = create_app(serving, ApiConfig(), rules=RuleBook(ledger))
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client


def body(effect: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"name": "A rule", "author": "mia", "effect": effect, **said}


def hide(*item_ids: str) -> dict[str, Any]:
    return {"type": "hide", "target": {"item_ids": item_ids}}


def added(client: TestClient, effect: dict[str, Any], **said: Any) -> Any:
    answer = client.post("/v1/rules", json=body(effect, **said))
    assert answer.status_code == 201, answer.text
    return answer.json()


def items(client: TestClient, path: str = LIST) -> Any:
    return client.get(path).json()["items"]


def ids(client: TestClient, path: str = LIST) -> list[str]:
    return [item["item_id"] for item in items(client, path)]


def a_path(listed: Any) -> list[dict[str, Any]]:
    """The steps of the first graph path of a list's reasons."""
    paths = [
        r["path"] for item in listed for r in item["reasons"] if r["part"] == "graph" and len(r["path"]) == 5
    ]
    return [step for step in paths[0] if "relation" in step]


def test_a_path_ban_changes_the_next_answer_and_undo_restores_it_exactly(shop_client: TestClient) -> None:
    before = items(shop_client)
    steps = a_path(before)
    rule = added(shop_client, {"type": "ban_path", "path": steps})
    after = items(shop_client)
    assert [item["score"] for item in after] != [item["score"] for item in before]
    shown = [[step for step in r["path"] if "relation" in step] for item in after for r in item["reasons"]]
    assert steps not in shown
    assert any(item["rules_applied"] == [rule["rule_id"]] for item in after)
    for item in after:
        assert sum(item["score_parts"].values()) == pytest.approx(item["score"], abs=1e-4)
    assert shop_client.post("/v1/rules/undo", json={"author": "noor"}).status_code == 200
    again = items(shop_client)
    assert [[r["path"] for r in item["reasons"]] for item in again] == [
        [r["path"] for r in item["reasons"]] for item in before
    ]
    for was, item in zip(before, again, strict=True):  # a moment passed, and recency is part of the score
        assert item["item_id"] == was["item_id"]
        assert item["score_parts"] == pytest.approx(was["score_parts"], abs=1e-5)


def test_every_kind_of_rule_is_kept_and_listed(shop_client: TestClient) -> None:
    first, second = ids(shop_client)[:2]
    effects = [
        {"type": "pin", "item_id": second, "position": 1},
        {"type": "boost", "target": {"item_ids": [first]}, "factor": 1.5},
        {"type": "bury", "target": {"price_min": 100}, "factor": 0.5},
        hide("no-such-item"),
        {"type": "in_stock"},
        {"type": "price_band", "price_max": 10_000},
        {"type": "cap", "by": "brand", "most": 3},
        {"type": "ban_relation", "relation": "MADE_BY"},
        {"type": "ban_entity", "label": "Category", "entity_id": "Shoes"},
        {"type": "ban_path", "path": [{"relation": "MADE_BY", "forward": True}]},
        {"type": "campaign", "effects": [hide("x"), {"type": "in_stock"}]},
    ]
    made = [added(shop_client, effects[0], rule_id="r0")]
    assert ids(shop_client)[:2] == [second, first]
    assert items(shop_client)[0]["rules_applied"] == ["r0"]
    made += [added(shop_client, effect, rule_id=f"r{n}") for n, effect in enumerate(effects) if n]
    listed = shop_client.get("/v1/rules").json()["rules"]
    assert listed == made
    assert {rule["effect"]["type"] for rule in listed} == {effect["type"] for effect in effects}
    assert shop_client.get(LIST).status_code == 200


def test_searches_and_similar_items_follow_their_own_rules(client: TestClient) -> None:
    similar, search = f"/v1/items/{ids(client)[0]}/similar", "/v1/search?q=shoes"
    hidden = ids(client, similar)[0], ids(client, search)[0]
    added(client, hide(*hidden), audience={"scenarios": ["similar"]})
    assert hidden[0] not in ids(client, similar)
    assert hidden[1] in ids(client, search)
    added(client, hide(*hidden), audience={"scenarios": ["search"]})
    assert hidden[1] not in ids(client, search)


def test_two_people_who_edit_one_rule_see_both_versions(client: TestClient) -> None:
    rule = added(client, hide("a"), rule_id="r1")
    etag = client.get("/v1/rules/r1").headers["etag"]
    assert etag == '"1"'
    theirs = client.put("/v1/rules/r1", json=body(hide("b"), author="noor"), headers={"If-Match": etag})
    assert (theirs.status_code, theirs.headers["etag"]) == (200, '"2"')
    mine = client.put("/v1/rules/r1", json=body(hide("c")), headers={"If-Match": etag})
    assert mine.status_code == 409
    assert mine.headers["content-type"] == "application/problem+json"
    problem = mine.json()
    assert (problem["current"], problem["expected"]) == (theirs.json(), 1)
    assert problem["sent"]["effect"]["target"]["item_ids"] == ["c"]
    gone = client.delete("/v1/rules/r1?author=mia", headers={"If-Match": etag})
    assert (gone.status_code, gone.json()["current"]["version"]) == (409, 2)
    assert client.delete("/v1/rules/r1?author=mia", headers={"If-Match": '"2"'}).status_code == 204
    assert client.get("/v1/rules/r1").status_code == 404
    late = client.put("/v1/rules/r1", json=body(hide("c")), headers={"If-Match": '"2"'})
    assert (late.status_code, late.json()["current"]) == (409, None)
    assert rule["version"] == 1


@pytest.mark.parametrize("etag", [None, "*", "abc", '"1", "2"'])
def test_a_change_must_name_the_version_it_changes(client: TestClient, etag: str | None) -> None:
    added(client, hide("a"), rule_id="r1")
    headers = {} if etag is None else {"If-Match": etag}
    for answer in (
        client.put("/v1/rules/r1", json=body(hide("b")), headers=headers),
        client.delete("/v1/rules/r1?author=mia", headers=headers),
    ):
        assert (answer.status_code, "If-Match" in answer.json()["detail"]) == (428, True)


def test_the_audit_says_who_changed_what_and_when(client: TestClient) -> None:
    added(client, hide("a"), rule_id="r1", reason="recalled")
    client.put("/v1/rules/r1", json=body(hide("b"), author="noor"), headers={"If-Match": '"1"'})
    client.post("/v1/rules/undo", json={"author": "olu"})
    entries = client.get("/v1/rules/audit").json()["entries"]
    assert [(e["author"], e["action"], e["reason"]) for e in entries] == [
        ("mia", "add", "recalled"), ("noor", "change", ""), ("olu", "undo", "")]  # fmt: skip
    (change,) = entries[1]["changes"]
    assert change["before"]["effect"]["target"]["item_ids"] == ["a"]
    assert change["after"]["effect"]["target"]["item_ids"] == ["b"]
    assert entries[2]["undoes"] == entries[1]["number"]
    later = client.get(f"/v1/rules/audit?after={entries[1]['number']}&limit=1").json()["entries"]
    assert later == entries[2:]
    assert client.post("/v1/rules/undo", json={"author": "olu", "number": 999}).status_code == 404
    assert (
        client.post("/v1/rules/undo", json={"author": "olu", "number": entries[1]["number"]}).status_code
        == 409
    )


def test_an_export_comes_back_whole(client: TestClient) -> None:
    added(client, hide(HOSTILE), rule_id="r1", name=HOSTILE, author=HOSTILE, reason=HOSTILE)
    added(client, {"type": "cap", "by": "brand", "most": 2}, rule_id="r2", priority=4)
    text = client.get("/v1/rules/export").text
    before = client.get("/v1/rules").json()["rules"]
    assert len(json.loads(text)) == 2
    for rule in before:
        client.delete(f"/v1/rules/{rule['rule_id']}?author=mia", headers={"If-Match": '"1"'})
    answer = client.post("/v1/rules/import?author=mia&reason=again", content=text)
    assert answer.status_code == 200
    assert len(answer.json()["changes"]) == 2
    after = client.get("/v1/rules").json()["rules"]
    changing = {"version", "created", "updated"}
    assert [{k: v for k, v in rule.items() if k not in changing} for rule in after] == [
        {k: v for k, v in rule.items() if k not in changing} for rule in before]  # fmt: skip
    client.post("/v1/rules/import?author=mia&replace=true", content="[]")
    assert client.get("/v1/rules").json()["rules"] == []


def test_a_wrong_import_changes_nothing_and_names_each_line(client: TestClient) -> None:
    good = json.dumps(body(hide("a"), rule_id="r1"))
    text = f"[\n{good},\n{good.replace('author', 'autor')},\n{good.replace('hide', 'show')}\n]"
    answer = client.post("/v1/rules/import?author=mia", content=text)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    found = {error["field"] for error in answer.json()["errors"]}
    assert {"line 3: autor", "line 4: effect"} <= found
    assert client.get("/v1/rules").json() == {"revision": 0, "rules": []}
    for nonsense in (b"\xff\xfe{", b"", b"[1]", b"{"):
        answer = client.post("/v1/rules/import?author=mia", content=nonsense)
        assert answer.status_code == (200 if nonsense == b"" else 422), nonsense


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"effect": {"type": "hide", "target": {"item_ids": ["a"], "sku": ["b"]}}},
        {"effect": {"type": "boost", "target": {}, "factor": 2}},
        {"effect": {"type": "boost", "target": {"item_ids": ["a"]}, "factor": "two"}},
        {"effect": None},
        {"name": "x" * 201},
        {"rule_id": "export"},
    ],
)
def test_a_rule_with_what_nobody_knows_is_refused_field_by_field(
    client: TestClient, wrong: dict[str, Any]
) -> None:
    answer = client.post("/v1/rules", json=body(hide("a")) | wrong)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"]
    assert next(iter(wrong)) in problem["errors"][0]["field"]


def test_conflicts_are_shown_before_a_rule_is_kept(client: TestClient) -> None:
    first = ids(client)[0]
    added(client, {"type": "pin", "item_id": first, "position": 1}, rule_id="r1")
    assert client.post("/v1/rules/check", json={}).json() == {"findings": []}
    found = client.post("/v1/rules/check", json={"add": [body(hide(first), rule_id="r2")]}).json()["findings"]
    assert [(x["kind"], x["rule_ids"], x["item_ids"]) for x in found] == [
        ("pin_not_listed", ["r1", "r2"], [first])]  # fmt: skip
    assert client.post("/v1/rules/check", json={"remove": ["r9"]}).status_code == 404
    assert client.post("/v1/rules/check", json={"added": []}).status_code == 422


def test_a_rule_that_empties_a_list_gives_a_reason(client: TestClient) -> None:
    nothing = {"type": "price_band", "price_min": 1e9}
    found = client.post("/v1/rules/check", json={"add": [body(nothing, rule_id="r1")]}).json()["findings"]
    assert [x["kind"] for x in found] == ["empties_lists"]
    added(client, nothing)
    for path in (LIST, "/v1/search?q=shoes", "/v1/users/a-stranger/recommendations"):
        answer = client.get(path).json()
        assert (answer["items"], answer["shortfall_reason"]) == ([], "only_0_items_left_by_rules")
    client.post("/v1/rules/undo", json={"author": "mia"})
    assert len(ids(client)) == 10


def test_another_worker_follows_at_once(serving: ServingState, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(path)) as one, closing(SqliteLedger(path)) as other:
        first = TestClient(create_app(serving, ApiConfig(), rules=RuleBook(one)))
        second = TestClient(create_app(serving, ApiConfig(), rules=RuleBook(other)))
        best = ids(second)[0]
        added(first, hide(best), rule_id="r1")
        assert best not in ids(second)
        second.post("/v1/rules/undo", json={"author": "mia"})
        assert ids(first)[0] == best


def test_an_event_changes_a_list_under_rules_too(client: TestClient) -> None:
    last = ids(client, "/v1/users/alice/recommendations?n=50")[-1]
    added(client, {"type": "pin", "item_id": last, "position": 2}, rule_id="r1")
    assert ids(client)[1] == last
    event = {"event_id": "e1", "event": "purchase", "user_id": "alice", "item_id": last}
    assert client.post("/v1/events", json={"events": [event]}).json()["n_stored"] == 1
    assert last not in ids(client)
