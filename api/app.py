"""The app factory: routes, middleware, problem+json, console and OpenAPI page."""

from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from api.config import ApiConfig
from api.experimenting import Experiments
from api.metrics import Metrics
from api.middleware import BodyLimit, EncodedSegments, Measured, SecurityHeaders
from api.problems import add_problem_handlers
from api.routes.dialogues import router as dialogue_turns
from api.routes.events import router as events
from api.routes.experiments import router as experiment_routes
from api.routes.explain import router as explanations
from api.routes.health import router as health
from api.routes.items import router as items
from api.routes.parse import router as parse
from api.routes.rank import router as rank
from api.routes.rules import router as rule_book
from api.routes.search import router as search
from api.routes.users import router as users
from api.routes.what_if import router as what_if
from api.state import ServingState
from graph.ledger import SqliteLedger
from nlu.dialogue.session import DialogueConfig, Dialogues
from ranking.rules.book import RuleBook

_HERE = Path(__file__).parent


def create_app(
    serving: ServingState,
    config: ApiConfig,
    dialogues: Dialogues | None = None,
    experiments: Experiments | None = None,
    rules: RuleBook | None = None,
) -> FastAPI:
    """The ranking API and the console, answering from `serving` as the shop's rules say.

    Without `dialogues` they are kept in this process alone, and so are experiments and rules.
    """
    app = FastAPI(
        title="shopgraph",
        summary="Ranked items for a shop's shoppers, with the reasons that make up each score.",
        description=(
            "Ids go into a path percent-encoded (`/` as `%2F`). Errors are problem+json (RFC 9457). "
            "GET never writes: what was shown or clicked is posted to `/v1/events`."
        ),
        version="1",
        docs_url=None,
        redoc_url=None,
    )
    app.state.rules = rules or RuleBook(SqliteLedger(None))
    app.state.serving = replace(serving, engine=serving.engine.ruled_by(app.state.rules))
    app.state.config = config
    app.state.dialogues = dialogues or Dialogues(SqliteLedger(None), DialogueConfig())
    app.state.experiments = experiments or Experiments(SqliteLedger(None))
    app.state.metrics = metrics = Metrics()
    metrics.use_model(serving.engine.model_version)
    metrics.watch_language_model(lambda: app.state.serving.language_model)
    add_problem_handlers(app)
    for group in (
        users,
        items,
        rank,
        search,
        explanations,
        parse,
        dialogue_turns,
        rule_book,
        what_if,
        events,
        experiment_routes,
        health,
    ):
        app.include_router(group)
    _add_pages(app)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit, max_bytes=config.max_body_bytes)
    app.add_middleware(EncodedSegments)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Measured, metrics=metrics)
    return app


def _add_pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("/console/")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(_HERE / "docs_page" / "index.html")

    app.mount("/docs", StaticFiles(directory=_HERE / "docs_page"), name="docs")
    app.mount("/console", StaticFiles(directory=_HERE / "console", html=True), name="console")
