"""Search by words."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.examples import RECOMMENDATION, answers
from api.models import RecommendationOut
from api.routes.answering import answered, now, understood
from api.routes.params import AskedOfSearch
from api.state import Config, Meters, Serving
from shopgraph.errors import BadRecord

router = APIRouter(prefix="/v1", tags=["lists"])


@router.get(
    "/search",
    response_model=RecommendationOut,
    summary="Find items by words",
    responses=answers(RECOMMENDATION),
)
def search(asked: AskedOfSearch, serving: Serving, config: Config, meters: Meters) -> Response:
    """Ranks by similarity of text and by taste; exact names of brands and categories filter."""
    if len(asked.q) > config.max_query_chars:
        raise BadRecord("q", f"at most {config.max_query_chars} characters, got {len(asked.q)}")
    parsed, vector = understood(serving, asked.q)
    ask = asked.ask(now(), user_id=asked.user_id, parsed=parsed, query_vector=vector)
    return answered(serving, ask, meters)
