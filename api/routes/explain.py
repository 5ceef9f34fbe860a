"""Reasons in full: the score as a tree, what it would be without some facts, and beside another item's."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from api.config import ApiConfig
from api.examples import answers
from api.explain_examples import CONTRAST, COUNTERFACTUAL, DECOMPOSITION, SMALLEST
from api.explain_models import (
    ContrastOut,
    CounterfactualIn,
    CounterfactualOut,
    DecompositionOut,
    SmallestOut,
)
from api.models import Id, Language
from api.routes.answering import json_response, now, understood
from api.state import Config, Serving, ServingState
from ranking.ask import MOST_ITEMS, Ask
from ranking.contrast import contrast
from ranking.counterfactual import counterfactual
from ranking.decomposition import decompose
from ranking.serialise_why import (
    contrast_to_json,
    counterfactual_to_json,
    decomposition_to_json,
    smallest_to_json,
)
from ranking.smallest import smallest_set
from shopgraph.errors import BadRecord

router = APIRouter(prefix="/v1/explain", tags=["explanations"])


class Explained(BaseModel):
    """Which item of whose list."""

    model_config = ConfigDict(frozen=True)

    item_id: Id
    user_id: Id | None = Field(default=None, description="The shopper; without, the words alone.")
    q: str = Field(default="", max_length=10_000, description="The words searched for, if any.")
    language: Language = Field(default="en", description="Language of titles and reasons.")


class Contrasted(Explained):
    """Which two items of whose list."""

    versus: Id = Field(description="The item to compare with.")


class Listed(Explained):
    """Which item of whose list of n."""

    n: int = Field(default=10, ge=1, le=MOST_ITEMS, description="How many places the list has.")


@router.get(
    "",
    response_model=DecompositionOut,
    summary="A score as a tree",
    responses=answers(DECOMPOSITION, 200, 404),
)
def tree(asked: Annotated[Explained, Query()], serving: Serving, config: Config) -> Response:
    """Parts, in them what each past item adds, in that its graph paths and what no path explains."""
    ask = _ask(serving, config, asked)
    return json_response(decomposition_to_json(decompose(serving.engine, ask, asked.item_id)))


@router.post(
    "/counterfactual",
    response_model=CounterfactualOut,
    summary="A score without some facts",
    responses=answers(COUNTERFACTUAL, 200, 404),
)
def without(body: CounterfactualIn, serving: Serving, config: Config) -> Response:
    """Score and rank without purchases, relations, edges or words: whatever follows is computed again.

    Nothing is written. What a shopper never did is neither scored nor left out as bought. Without relations
    or edges, `kept_as_trained` says which models still hold what they learned of them.
    """
    ask = _ask(serving, config, body)
    facts = [each.fact() for each in body.without]
    found = counterfactual(serving.engine, ask, body.item_id, facts, lambda words: understood(serving, words))
    return json_response(counterfactual_to_json(found))


@router.get(
    "/smallest",
    response_model=SmallestOut,
    summary="What keeps an item in the list",
    responses=answers(SMALLEST, 200, 404),
)
def smallest(asked: Annotated[Listed, Query()], serving: Serving, config: Config) -> Response:
    """The fewest past items without which the item would not be among the first n."""
    ask = _ask(serving, config, asked)
    return json_response(smallest_to_json(smallest_set(serving.engine, ask, asked.item_id, asked.n)))


@router.get(
    "/contrast",
    response_model=ContrastOut,
    summary="Why this item above that one",
    responses=answers(CONTRAST, 200, 404),
)
def beside(asked: Annotated[Contrasted, Query()], serving: Serving, config: Config) -> Response:
    """The shares in which two items differ, largest first; they sum to the difference of the scores."""
    ask = _ask(serving, config, asked)
    return json_response(contrast_to_json(contrast(serving.engine, ask, asked.item_id, asked.versus)))


def _ask(serving: ServingState, config: ApiConfig, asked: Explained | CounterfactualIn) -> Ask:
    if len(asked.q) > config.max_query_chars:
        raise BadRecord("q", f"at most {config.max_query_chars} characters, got {len(asked.q)}")
    parsed, vector = understood(serving, asked.q) if asked.q.strip() else (None, None)
    return Ask(now=now(), user_id=asked.user_id, language=asked.language, parsed=parsed, query_vector=vector)
