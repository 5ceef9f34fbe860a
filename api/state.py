"""What the routes answer from. It is replaced as a whole, never changed in place."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.config import ApiConfig
from api.metrics import Metrics
from graph.store import GraphStore
from nlu.llm.intent import IntentModel
from nlu.parser import QueryParser
from ranking.engine import Engine
from ranking.rules.book import RuleBook
from shopgraph.types import TextEncoder


@dataclass(frozen=True)
class ServingState:
    """The engine with what turns words into vectors, and the store that takes what is written.

    `encoder` is None where no text encoder is installed: search then ranks by names alone.
    """

    engine: Engine
    parser: QueryParser
    encoder: TextEncoder | None
    store: GraphStore
    language_model: IntentModel | None = None
    """What the parser asks where it is unsure, if anything."""
    doubtful: set[str] = field(default_factory=set)
    """Ids of events whose commit had an unknown outcome."""


# Not `def`: FastAPI sends each of those through its thread pool, a tenth of a millisecond a time.
async def _serving(request: Request) -> ServingState:
    state: ServingState = request.app.state.serving
    return state


async def _config(request: Request) -> ApiConfig:
    config: ApiConfig = request.app.state.config
    return config


async def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics


async def _rules(request: Request) -> RuleBook:
    rules: RuleBook = request.app.state.rules
    return rules


Serving = Annotated[ServingState, Depends(_serving)]
Config = Annotated[ApiConfig, Depends(_config)]
Meters = Annotated[Metrics, Depends(_metrics)]
Rules = Annotated[RuleBook, Depends(_rules)]
