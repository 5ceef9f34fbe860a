"""Search by words."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.examples import SEARCH, answers
from api.experimenting import Trying
from api.models import SearchOut
from api.routes.answering import answered, now, understood
from api.routes.params import AskedOfSearch
from api.state import Config, Meters, Serving
from shopgraph.errors import BadRecord

router = APIRouter(prefix="/v1", tags=["lists"])


@router.get(
    "/search",
    response_model=SearchOut,
    summary="Find items by words",
    responses=answers(SEARCH),
)
def search(
    asked: AskedOfSearch, serving: Serving, config: Config, meters: Meters, experiments: Trying
) -> Response:
    """Ranks by likeness in meaning and in letters, by taste, and by what the words name.

    Categories (with their descendants), brands, attributes, audience and price filter, as does what the
    words rule out. An order that they ask for holds among what passes; where some words are only compared
    with texts, among the 100 best. If fewer than n items pass, the weakest of the filters is let go:
    what is unsure, then attributes, audience, price, brand, category. `relaxed` says which.
    """
    if len(asked.q) > config.max_query_chars:
        raise BadRecord("q", f"at most {config.max_query_chars} characters, got {len(asked.q)}")
    parsed, vector = understood(serving, asked.q)
    ask = asked.ask(now(), user_id=asked.user_id, parsed=parsed, query_vector=vector)
    return answered(serving, ask, meters, experiments, asked.session_id)
