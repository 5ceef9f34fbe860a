from fastapi.testclient import TestClient


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok"
    ready = client.get("/readyz").json()
    assert (ready["status"], ready["store"]) == ("ok", "ok")


def test_metrics_name_routes_never_ids(client: TestClient) -> None:
    client.get("/v1/users/alice/recommendations")
    client.get("/v1/users/a-stranger/recommendations")
    text = client.get("/metrics").text
    assert 'route="/v1/users/{user_id}/recommendations"' in text
    assert 'shopgraph_fallbacks_total{reason="unknown_user"} 1.0' in text
    assert "alice" not in text
    assert "a-stranger" not in text


def test_every_route_has_an_example_and_names_its_errors(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    described = [
        (path, method, route)
        for path, methods in paths.items()
        for method, route in methods.items()
        if path.startswith("/v1")
    ]
    assert len(described) >= 11
    for path, method, route in described:
        status, success = next(pair for pair in route["responses"].items() if pair[0].startswith("2"))
        if status != "204":  # an answer without a body
            assert "example" in success["content"]["application/json"], (path, method)
        assert "application/problem+json" in route["responses"]["422"]["content"], (path, method)


def test_pages_run_no_inline_script_and_need_no_other_host(client: TestClient) -> None:
    for page in ("/console/", "/docs"):
        answer = client.get(page)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert "<script>" not in answer.text
        assert "http://" not in answer.text
        assert "https://" not in answer.text
