import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nlu.llm.endpoint import MAX_REPLY_BYTES, EndpointModel
from nlu.llm.model import Completion, Message
from shopgraph.errors import LanguageModelFailed
from tests.nlu.llm.queries import endpoint
from tests.nlu.llm.servers import (
    Behaviour,
    FaultServer,
    breaks_off,
    completion,
    drips,
    drips_headers,
    hangs,
    misbehaving,
    raw,
)

MESSAGES = (Message("system", "fill in"), Message("user", 'query: "lipstick"'))
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def ask(
    server: FaultServer, timeout_s: float = 5.0, attempts: int = 1, api_key: str | None = None
) -> Completion:
    model = EndpointModel(endpoint(server.base_url, timeout_s, attempts, api_key))
    try:
        return model.complete(MESSAGES, SCHEMA)
    finally:
        model.close()


def test_the_answer_and_its_tokens_are_read() -> None:
    with misbehaving(completion('{"sort": "none"}')) as server:
        assert ask(server) == Completion({"sort": "none"}, 10, 5)


def test_the_request_asks_for_a_strict_schema() -> None:
    with misbehaving(completion("{}")) as server:
        ask(server, api_key="s3cret")
    head = server.requests[0].split(b"\r\n\r\n")[0].decode()
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert "Authorization: Bearer s3cret" in head
    assert f"Host: 127.0.0.1:{server.port}" in head
    body = server.body(0)
    assert body["messages"] == [{"role": m.role, "content": m.content} for m in MESSAGES]
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "form", "strict": True, "schema": SCHEMA},
    }


@pytest.mark.parametrize("behaviour", [hangs, drips, drips_headers])
def test_the_time_limit_is_for_the_answer_as_a_whole(behaviour: Behaviour) -> None:
    with misbehaving(behaviour) as server, pytest.raises(LanguageModelFailed, match=r"within 0\.4 s"):
        ask(server, timeout_s=0.4, attempts=5)  # without a limit it would go on for ever
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (raw("500 Internal Server Error", "{}"), "answered 500"),
        (raw("401 Unauthorized", "{}"), "answered 401"),
        (raw("200 OK", '{"choices": [{"mess'), "no chat completion"),
        (raw("200 OK", '{"choices": []}'), "no chat completion"),
        (raw("200 OK", '{"error": "overloaded"}'), "no chat completion"),
        (
            raw("200 OK", '{"choices": [{"message": {"content": null, "refusal": "no"}}]}'),
            "no chat completion",
        ),
        (raw("200 OK", b"\xff\xfe"), "no chat completion"),
        (raw("200 OK", "[" * 100_000), "no chat completion"),
        (raw("200 OK", " " * (MAX_REPLY_BYTES + 1)), "longer than"),
        (completion('{"sort": "no'), "no JSON"),
        (completion("[" * 10_000), "no JSON"),
        (completion('{"sort": "no', finish_reason="length"), "cut off"),
        (completion('["none"]'), "no JSON object"),
        (breaks_off, "connection to the language model broke"),
        (lambda connection: None, "connection to the language model broke"),
        (
            lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n"),
            "connection to the language model broke",
        ),
    ],
)
def test_every_broken_reply_is_the_same_kind_of_failure(behaviour: Behaviour, message: str) -> None:
    with misbehaving(behaviour) as server, pytest.raises(LanguageModelFailed, match=message):
        ask(server)


def test_a_redirect_is_not_followed() -> None:
    with misbehaving(completion("{}")) as elsewhere:
        moved = raw("307 Temporary Redirect", "", f"Location: {elsewhere.base_url}/chat/completions")
        with misbehaving(moved) as server, pytest.raises(LanguageModelFailed, match="answered 307"):
            ask(server, api_key="s3cret", attempts=3)
    assert (len(server.requests), len(elsewhere.requests)) == (1, 0)


def test_a_busy_server_is_asked_again_but_not_more_often_than_allowed() -> None:
    busy = raw("503 Service Unavailable", "")
    with misbehaving(busy, breaks_off, completion("{}")) as server:
        assert ask(server, attempts=3).content == {}
    with misbehaving(busy) as server, pytest.raises(LanguageModelFailed, match="answered 503"):
        ask(server, attempts=3)
    assert len(server.requests) == 3


def test_the_wait_that_a_server_asks_for_ends_with_the_time_limit() -> None:
    patience = raw("429 Too Many Requests", "", "Retry-After: 3600")
    with misbehaving(patience) as server, pytest.raises(LanguageModelFailed, match="within"):
        ask(server, timeout_s=0.5, attempts=3)
    assert len(server.requests) == 1


def test_nobody_listening_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FaultServer(listener.getsockname()[1])
    with pytest.raises(LanguageModelFailed, match="broke"):
        ask(server, attempts=2)


def test_localhost_is_found_on_whichever_address_the_server_listens() -> None:
    with misbehaving(completion("{}")) as server:
        model = EndpointModel(endpoint(f"http://localhost:{server.port}/v1"))
        assert model.complete(MESSAGES, SCHEMA).content == {}
        model.close()
    assert f"Host: localhost:{server.port}".encode() in server.requests[0]


def test_the_key_shows_in_no_message_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = raw("500 Oh", json.dumps({"you sent": "Bearer s3cret"}))
    with misbehaving(echo) as server, pytest.raises(LanguageModelFailed) as caught:
        ask(server, api_key="s3cret")
    told = "".join(
        f"{exc!r}{exc}" for exc in (caught.value, caught.value.__cause__, caught.value.__context__)
    )
    assert "s3cret" not in told + caplog.text + repr(endpoint(server.base_url, api_key="s3cret"))


def test_an_environment_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with misbehaving(completion('{"from": "proxy"}')) as proxy, misbehaving(completion("{}")) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        assert ask(server).content == {}
    assert proxy.requests == []


def test_closing_ends_the_questions_that_are_open_and_later_ones() -> None:
    failures: list[str] = []
    with misbehaving(hangs) as server:
        model = EndpointModel(endpoint(server.base_url, timeout_s=100))

        def wait() -> None:
            with pytest.raises(LanguageModelFailed) as caught:
                model.complete(MESSAGES, SCHEMA)
            failures.append(str(caught.value))

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not server.requests:
            time.sleep(0.01)
        model.close()
        model.close()
        waiting.join()
        wait()
    assert failures == [
        "the language model was closed before it answered",
        "the language model was closed",
    ]


def test_many_threads_may_ask_at_once() -> None:
    with misbehaving(completion('{"sort": "none"}')) as server:
        model = EndpointModel(endpoint(server.base_url))
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: model.complete(MESSAGES, SCHEMA).content, range(40)))
        model.close()
    assert found == [{"sort": "none"}] * 40
    assert len(server.requests) == 40
