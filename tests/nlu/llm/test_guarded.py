import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from nlu.llm.config import LlmConfig
from nlu.llm.endpoint import EndpointModel
from nlu.llm.guarded import GuardedModel
from nlu.llm.model import Form, Message
from shopgraph.errors import LanguageModelFailed
from tests.nlu.llm.queries import endpoint
from tests.nlu.llm.servers import Behaviour, FaultServer, completion, fills, hangs, misbehaving, raw

FORM = Form(one={"sort": ("none", "newest")}, some={}, most=1)
BROKEN = raw("500 Oh", "")
FINE = fills(sort="newest")


def asking(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


class HandClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def guarded(
    config: LlmConfig, *behaviours: Behaviour, timeout_s: float = 5.0
) -> Iterator[tuple[GuardedModel, FaultServer, HandClock]]:
    clock = HandClock()
    with misbehaving(*behaviours) as server:
        model = GuardedModel(EndpointModel(endpoint(server.base_url, timeout_s)), config, clock)
        with closing(model):
            yield model, server, clock


def test_the_same_question_is_asked_once() -> None:
    with guarded(LlmConfig(), FINE) as (model, server, _):
        for text in ("a", "a", "b", "a"):
            assert model.ask(asking(text), FORM).one == {"sort": "newest"}
        assert model.counts.outcomes["cached"] == 2
        assert (model.counts.prompt_tokens, model.counts.completion_tokens) == (20, 10)
    assert len(server.requests) == 2


def test_another_form_is_another_question() -> None:
    other = Form(one={"sort": ("newest", "rating")}, some={}, most=1)
    with guarded(LlmConfig(), FINE) as (model, server, _):
        model.ask(asking("a"), FORM)
        model.ask(asking("a"), other)
    assert len(server.requests) == 2


def test_the_answer_used_longest_ago_is_forgotten_first() -> None:
    with guarded(LlmConfig(cache_size=2), FINE) as (model, server, _):
        for text in ("a", "b", "a", "c", "a", "b"):
            model.ask(asking(text), FORM)
    assert len(server.requests) == 4  # a, b, c, and b again


def test_failures_and_answers_out_of_form_are_not_remembered() -> None:
    with guarded(LlmConfig(), BROKEN, fills(sort="dearest"), FINE) as (model, _, _clock):
        for _ in range(2):
            with pytest.raises(LanguageModelFailed):
                model.ask(asking("a"), FORM)
        assert model.ask(asking("a"), FORM).one == {"sort": "newest"}
        assert model.counts.outcomes["failed"] == 2


def test_spent_calls_end_the_asking_until_the_next_minute() -> None:
    with guarded(LlmConfig(calls_per_minute=1), FINE) as (model, server, clock):
        model.ask(asking("a"), FORM)
        with pytest.raises(LanguageModelFailed, match="budget"):
            model.ask(asking("b"), FORM)
        assert model.ask(asking("a"), FORM)  # the cache costs nothing
        clock.now += 60
        model.ask(asking("b"), FORM)
        assert model.counts.outcomes["over_budget"] == 1
    assert len(server.requests) == 2


def test_tokens_are_counted_as_the_server_counts_them() -> None:
    # A question may need 300 tokens for its answer and takes 15 in the end.
    with guarded(LlmConfig(tokens_per_minute=320), FINE) as (model, server, _):
        model.ask(asking("a"), FORM)
        model.ask(asking("b"), FORM)
        with pytest.raises(LanguageModelFailed, match="budget"):
            model.ask(asking("c"), FORM)
    assert len(server.requests) == 2


def test_the_breaker_opens_and_one_trial_closes_it() -> None:
    config = LlmConfig(failures_to_open=2, open_s=30)
    with guarded(config, BROKEN, BROKEN, FINE) as (model, server, clock):
        for _ in range(4):
            with pytest.raises(LanguageModelFailed):
                model.ask(asking("a"), FORM)
        assert len(server.requests) == 2
        assert model.is_open
        assert model.counts.outcomes["breaker_open"] == 2
        clock.now += 30
        assert model.ask(asking("a"), FORM).one == {"sort": "newest"}
        assert not model.is_open


def test_a_slow_model_holds_back_only_as_many_as_may_ask_at_once() -> None:
    config = LlmConfig(max_parallel=1, failures_to_open=100)
    with guarded(config, hangs, timeout_s=1.0) as (model, server, _):

        def wait() -> None:
            with pytest.raises(LanguageModelFailed):
                model.ask(asking("a"), FORM)

        first = threading.Thread(target=wait)
        first.start()
        while not server.requests:
            time.sleep(0.01)
        with pytest.raises(LanguageModelFailed, match="busy"):
            model.ask(asking("b"), FORM)
        first.join()
        with pytest.raises(LanguageModelFailed, match="within"):
            model.ask(asking("b"), FORM)


def test_a_server_that_counts_no_tokens_is_charged_what_was_reserved() -> None:
    silent = raw("200 OK", '{"choices": [{"message": {"content": "{\\"sort\\": \\"none\\"}"}}]}')
    with guarded(LlmConfig(tokens_per_minute=320), silent, completion("{}")) as (model, _, _clock):
        model.ask(asking("a"), FORM)
        with pytest.raises(LanguageModelFailed, match="budget"):
            model.ask(asking("b"), FORM)
