"""A shopper's words as entities of the graph."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.examples import PARSED, answers
from api.routes.answering import json_response
from api.state import Serving
from nlu.flat import parsed_to_json

router = APIRouter(prefix="/v1", tags=["words"])

_RESPONSES = answers(PARSED)


class ParseIn(BaseModel):
    """What the shopper says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(
        description="English, Chinese or both.", examples=["red lipstick under $10, no glitter"]
    )


@router.get("/parse", summary="Read words as entities of the graph", responses=_RESPONSES)
def parse_words(
    q: Annotated[str, Query(description="The shopper's words.", examples=["不含酒精的爽肤水 100元以内"])],
    serving: Serving,
) -> Response:
    """Each slot quotes its words and names its node; `flat` has the names alone."""
    return json_response(parsed_to_json(serving.parser.parse(q)))


@router.post("/parse", summary="Read words as entities of the graph", responses=_RESPONSES)
def parse_text(body: ParseIn, serving: Serving) -> Response:
    """As GET, for texts that are too long or too private for an address."""
    return json_response(parsed_to_json(serving.parser.parse(body.text)))
