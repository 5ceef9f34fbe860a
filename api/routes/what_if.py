"""What a change of rules or weights would do, before it is made."""

from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import Response

from api.examples import answers
from api.routes.answering import json_response, now
from api.rule_models import WHAT_IF, WhatIfIn, WhatIfOut
from api.state import Rules, Serving
from evaluation.what_if import Weights, what_if
from ranking.rules.changed import changed_rules

router = APIRouter(prefix="/v1", tags=["rules"])


@router.post("/what-if", response_model=WhatIfOut, summary="What if", responses=answers(WHAT_IF, 200, 404))
def ask_what_if(body: WhatIfIn, serving: Serving, rules: Rules) -> Response:
    """Lists of chosen shoppers before and after, a sample's figures, and conflicts; nothing is kept.

    The sample's shoppers are seen as they were before their last purchase, over the whole catalogue. The
    models knew that purchase, so NDCG is too high on both sides: its change is what tells.
    """
    moment = now()
    found = what_if(
        serving.engine,
        changed_rules(rules.current().rules, body.add, body.remove, moment),
        Weights(**body.weights.model_dump()),
        user_ids=body.user_ids,
        n=body.n,
        sample_size=body.sample,
        now=moment,
    )
    return json_response(asdict(found))
