"""Dialogues: turns of words and edits over one state."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from api.conversing import Conversation, take
from api.dialogue_models import DialogueIn, EditIn, FeedbackIn, TurnIn, edit_of
from api.examples import DIALOGUE, TURN, answers
from api.models import Id
from api.routes.answering import json_response, now
from api.state import Config, Meters, Serving
from api.turns import Asked, dialogue_to_json, turn_to_json
from nlu.dialogue.session import Dialogue, Dialogues
from shopgraph.errors import BadRecord

router = APIRouter(prefix="/v1/dialogues", tags=["dialogues"])

DialogueId = Annotated[Id, Path(description="As the dialogue was given.")]


async def _dialogues(request: Request) -> Dialogues:
    dialogues: Dialogues = request.app.state.dialogues
    return dialogues


Kept = Annotated[Dialogues, Depends(_dialogues)]


@router.post("", status_code=201, summary="Begin a dialogue", responses=answers(DIALOGUE, 201, 503))
def begin(body: DialogueIn, dialogues: Kept) -> Response:
    """Its id is all that is needed to go on with it; it is forgotten a while after its last turn."""
    return json_response(dialogue_to_json(dialogues.create(body.user_id, body.language, now())), 201)


@router.get(
    "/{dialogue_id:id}", summary="A dialogue as it stands", responses=answers(DIALOGUE, 200, 404, 503)
)
def read(dialogue_id: DialogueId, dialogues: Kept) -> Response:
    """The whole state after the last turn."""
    return json_response(dialogue_to_json(dialogues.get(dialogue_id, now())))


@router.delete(
    "/{dialogue_id:id}",
    status_code=204,
    summary="Forget a dialogue",
    responses={**answers(None, 200, 404, 503), 204: {"description": "Forgotten."}},
)
def forget(dialogue_id: DialogueId, dialogues: Kept) -> Response:
    """Nothing of it is kept but feedback, which holds neither words nor the shopper's id."""
    dialogues.remove(dialogue_id, now())
    return Response(status_code=204)


@router.post(
    "/{dialogue_id:id}/turns",
    summary="Say or change something",
    responses=answers(TURN, 200, 404, 409, 503),
)
def take_turn(
    dialogue_id: DialogueId,
    body: TurnIn,
    serving: Serving,
    config: Config,
    meters: Meters,
    dialogues: Kept,
) -> Response:
    """The state after the turn, an answer, the list, and a question where the list splits on one slot.

    Turns that are sent at the same time are taken one after the other; none is lost. `list` is null where
    nothing is to be listed.
    """
    if body.text is not None and len(body.text) > config.max_query_chars:
        raise BadRecord("text", f"at most {config.max_query_chars} characters, got {len(body.text)}")
    moment = now()
    asked = Asked(
        now=moment,
        text=body.text,
        edit=None if body.edit is None else edit_of(body.edit, serving.engine.catalogue),
        widen=tuple((body.edit or EditIn()).remove.narrowed),
        option=body.option,
        n=body.n,
    )
    turn = take(Conversation(serving, config.clarify), dialogues, dialogue_id, asked, body.after)
    if turn.list is not None:
        meters.count_fallback(turn.list.fallback_reason)
    if body.option is not None:
        dialogues.note(dialogue_id, _noted(turn.dialogue, {"option": body.option}), moment)
    return json_response(turn_to_json(turn))


@router.post(
    "/{dialogue_id:id}/turns/{turn}/feedback",
    status_code=202,
    summary="Say whether a turn helped",
    responses=answers({"event": 17}, 202, 404, 503),
)
def feedback(
    dialogue_id: DialogueId,
    turn: Annotated[int, Path(ge=1, description="The turn's number, from 1.")],
    body: FeedbackIn,
    dialogues: Kept,
) -> Response:
    """Collected as an event, without the shopper's words or id."""
    moment = now()
    dialogue = dialogues.get(dialogue_id, moment)
    if turn > dialogue.state.n_turns:
        raise BadRecord("turn", f"the dialogue has {dialogue.state.n_turns} turns, not {turn}")
    last = dialogue.recommendation_id if turn == dialogue.state.n_turns else None
    number = dialogues.note(
        dialogue_id, {"turn": turn, "recommendation_id": last, **body.model_dump(mode="json")}, moment
    )
    return json_response({"event": number}, 202)


def _noted(dialogue: Dialogue, what: dict[str, Any]) -> dict[str, Any]:
    return {"turn": dialogue.state.n_turns, "recommendation_id": dialogue.recommendation_id, **what}
