"""From a route's parameters to an Ask, and from an answer to bytes."""

from datetime import UTC, datetime

import orjson
from fastapi.responses import Response

from api.experimenting import Experiments
from api.metrics import Metrics
from api.state import ServingState
from ranking.engine import Ask
from ranking.serialise import to_json
from shopgraph.types import FloatVector, ParsedQuery


def now() -> datetime:
    """The moment of a request."""
    return datetime.now(UTC)


def answered(
    serving: ServingState,
    ask: Ask,
    metrics: Metrics,
    experiments: Experiments,
    session_id: str | None = None,
) -> Response:
    """The answer as JSON, without a second validation of what we just made.

    Where nobody is known, `session_id` is who keeps to an arm of an experiment.
    """
    recommendation = experiments.answer(serving.engine, ask, session_id)
    metrics.count_fallback(recommendation.fallback_reason)
    return json_response(to_json(recommendation))


def json_response(body: object, status: int = 200) -> Response:
    """A JSON answer by orjson."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def understood(serving: ServingState, words: str) -> tuple[ParsedQuery, FloatVector | None]:
    """The words as graph entities and as a unit vector, from one encoder pass where a tagger reads them."""
    parsed, vector = serving.parser.understand(words)
    if serving.encoder is None or not words.strip():
        return parsed, None
    tagger: object = serving.parser.tagger  # the text encoder itself, where its vectors are the same
    if vector is None or serving.encoder is not tagger:
        vector = serving.encoder.encode([words], "query")[0]
    return parsed, vector
