"""What /metrics says of the language model."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.config import ApiConfig
from api.metrics import Metrics
from api.state import ServingState
from nlu.llm.config import LlmConfig
from tests.nlu.llm.queries import CANDIDATES, NOTHING, TEXT, draft, endpoint, intent_model
from tests.nlu.llm.servers import breaks_off, completion, misbehaving

SAID = json.dumps(NOTHING)


def test_what_the_language_model_was_asked_is_counted() -> None:
    config = LlmConfig(failures_to_open=1)
    with (
        misbehaving(completion(SAID), breaks_off) as server,
        closing(intent_model(endpoint(server.base_url), config)) as model,
    ):
        metrics = Metrics()
        metrics.watch_language_model(lambda: model)
        assert model.refine(TEXT, draft(), CANDIDATES) is not None
        assert model.refine(f"{TEXT} again", draft(), CANDIDATES) is None
        text = metrics.render().decode()
    assert 'shopgraph_llm_questions_total{outcome="answered"} 1.0' in text
    assert 'shopgraph_llm_questions_total{outcome="failed"} 1.0' in text
    assert f'shopgraph_llm_tokens_total{{direction="prompt"}} {float(model.counts.prompt_tokens)}' in text
    assert "shopgraph_llm_breaker_open 1.0" in text
    assert TEXT not in text


@pytest.mark.parametrize("used", [True, False])
def test_the_page_has_them_where_a_language_model_is_in_use(serving: ServingState, used: bool) -> None:
    with closing(intent_model(endpoint("http://127.0.0.1:9/v1"))) as model:
        app = create_app(replace(serving, language_model=model if used else None), ApiConfig())
        text = TestClient(app).get("/metrics").text
    assert ('shopgraph_llm_questions_total{outcome="answered"} 0.0' in text) == used
