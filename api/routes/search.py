"""Search by words."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.examples import RECOMMENDATION, answers
from api.models import Id, RecommendationOut
from api.routes.answering import answered, now, understood
from api.routes.params import AskedFilters, Cursor, InLanguage, N, Reasons, Words
from api.state import Config, Meters, Serving
from ranking.engine import Ask
from shopgraph.errors import BadRecord

router = APIRouter(prefix="/v1", tags=["lists"])


@router.get(
    "/search",
    response_model=RecommendationOut,
    summary="Find items by words",
    responses=answers(RECOMMENDATION),
)
def search(
    q: Words,
    serving: Serving,
    config: Config,
    meters: Meters,
    filters: AskedFilters,
    user_id: Annotated[Id | None, Query(description="Makes the order personal.")] = None,
    n: N = 10,
    reasons: Reasons = 3,
    language: InLanguage = "en",
    cursor: Cursor = None,
) -> Response:
    """Ranks by similarity of text and by taste; exact names of brands and categories filter."""
    if len(q) > config.max_query_chars:
        raise BadRecord("q", f"at most {config.max_query_chars} characters, got {len(q)}")
    parsed, vector = understood(serving, q)
    ask = Ask(
        user_id=user_id,
        n=n,
        filters=filters,
        parsed=parsed,
        query_vector=vector,
        reasons=reasons,
        language=language,
        cursor=cursor,
        now=now(),
    )
    return answered(serving, ask, meters)
