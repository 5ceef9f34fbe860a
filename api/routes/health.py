"""Is it alive, can it answer, and what does it measure."""

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.examples import answers
from api.models import Health
from api.state import Meters, Serving
from shopgraph.errors import StoreUnavailable

router = APIRouter(tags=["operations"])


@router.get("/healthz", response_class=PlainTextResponse, summary="The process is alive")
async def healthz() -> str:
    """Answers `ok` while the process can answer at all."""
    return "ok"


@router.get(
    "/readyz",
    response_model=Health,
    summary="Lists can be answered",
    responses=answers({"status": "ok", "model_version": "20260131T120000Z-1f0c9a", "store": "ok"}),
)
async def readyz(serving: Serving) -> Health:
    """Lists come from memory, so a store that is away degrades the service and does not stop it."""
    try:
        await run_in_threadpool(serving.store.schema)
    except StoreUnavailable:
        return Health(status="degraded", model_version=serving.engine.model_version, store="unavailable")
    return Health(status="ok", model_version=serving.engine.model_version, store="ok")


@router.get("/metrics", response_class=PlainTextResponse, summary="Prometheus metrics")
async def metrics(meters: Meters) -> Response:
    """The text exposition format; routes are labelled by template, never by id."""
    return Response(meters.render(), media_type=CONTENT_TYPE_LATEST)
