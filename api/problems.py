"""Errors as problem+json (RFC 9457): one shape for every route."""

import http
from collections.abc import Mapping, Sequence
from typing import TypedDict

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ranking.rules.exchange import BadRules
from shopgraph.errors import BadRecord, Conflict, NotFound, ShopgraphError, StoreUnavailable, UserMistake

PROBLEM_JSON = "application/problem+json"
log = structlog.get_logger()


class FieldError(TypedDict):
    """What is wrong with one field."""

    field: str
    reason: str


def problem(
    status: int,
    detail: str,
    instance: str,
    errors: Sequence[FieldError] = (),
    retry_after_s: int | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    """One problem+json response; `title` is the status' own phrase, `more` what this problem alone has."""
    title = http.HTTPStatus(status).phrase
    body = {
        "type": f"urn:shopgraph:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "errors": list(errors),
        **(more or {}),
    }
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return Response(orjson.dumps(body), status, headers, media_type=PROBLEM_JSON)


def add_problem_handlers(app: FastAPI) -> None:
    """Let every error leave the app as problem+json."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ShopgraphError, _ours)
    app.add_exception_handler(Exception, _bug)


def field_errors(exc: RequestValidationError) -> list[FieldError]:
    """Pydantic's findings as field and reason, without the values sent."""
    return [
        {
            "field": ".".join(str(part) for part in error["loc"] if part not in {"query", "path", "body"}),
            "reason": error["msg"],
        }
        for error in exc.errors()
    ]


async def _invalid(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # registered for this class alone
    errors = field_errors(exc)
    detail = "; ".join(f"{error['field'] or 'body'}: {error['reason']}" for error in errors[:3])
    return problem(422, detail, request.url.path, errors)


async def _http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # registered for this class alone
    detail = exc.detail if isinstance(exc.detail, str) else http.HTTPStatus(exc.status_code).description
    response = problem(exc.status_code, detail, request.url.path)
    for name, value in (exc.headers or {}).items():
        response.headers[name] = value
    return response


async def _ours(request: Request, exc: Exception) -> Response:
    path = request.url.path
    match exc:
        case BadRecord(field=field, reason=reason):
            return problem(422, str(exc), path, [{"field": field, "reason": reason}])
        case BadRules(errors=errors):
            return problem(422, str(exc), path, [{"field": place, "reason": why} for place, why in errors])
        case NotFound():
            return problem(404, str(exc), path)
        case Conflict():
            return problem(409, str(exc), path)
        case UserMistake():
            return problem(400, str(exc), path)
        case StoreUnavailable():
            log.warning("store_unavailable", route=path)
            return problem(
                503, f"{exc}. Nothing was lost: send the same request again.", path, retry_after_s=5
            )
        case _:
            log.error("request_failed", error=type(exc).__name__)
            return problem(503, str(exc), path, retry_after_s=30)


async def _bug(request: Request, exc: Exception) -> Response:
    # Starlette re-raises after this answer, so the server's log gets the traceback.
    return problem(500, "An unexpected error; the server's log has the details.", request.url.path)
