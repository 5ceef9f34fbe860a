"""The caller's own candidates, put in order."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.examples import RECOMMENDATION, answers
from api.experimenting import Trying
from api.models import RankIn, RecommendationOut
from api.routes.answering import answered, now
from api.state import Config, Meters, Serving
from ranking.engine import Ask
from shopgraph.errors import BadRecord
from shopgraph.types import Filters

router = APIRouter(prefix="/v1", tags=["lists"])


@router.post(
    "/rank",
    response_model=RecommendationOut,
    summary="Rank the caller's items",
    responses=answers(RECOMMENDATION, 200, 413),
)
async def rank(
    body: RankIn, serving: Serving, config: Config, meters: Meters, experiments: Trying
) -> Response:
    """Puts `item_ids` in order for a shopper.

    Ids that the shop lacks are left out, and `shortfall_reason` says how many remain.
    """
    if len(body.item_ids) > config.max_candidates:
        raise BadRecord("item_ids", f"at most {config.max_candidates} a request, got {len(body.item_ids)}")
    ask = Ask(
        user_id=body.user_id,
        n=body.n or len(set(body.item_ids)),
        candidate_ids=tuple(body.item_ids),
        filters=Filters(include_bought=True),
        reasons=body.reasons,
        language=body.language,
        now=now(),
    )
    return answered(serving, ask, meters, experiments, body.session_id)
