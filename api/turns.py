"""What goes into a turn of a dialogue and what comes out of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from nlu.dialogue.edits import Edit, SlotLists, Values
from nlu.dialogue.session import Dialogue, OpenQuestion
from nlu.flat import parsed_to_json
from ranking.serialise import to_json
from shopgraph.errors import BadRecord
from shopgraph.types import FloatVector, ParsedQuery, Recommendation, Slot

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Asked:
    """What a turn is asked with: words, or an edit, or the number of an option; `n` items are listed.

    `vector` is that of `text`, once something has encoded it.
    """

    now: datetime
    text: str | None = None
    edit: Edit | None = None
    widen: tuple[Literal["price", "similar"], ...] = ()
    option: int | None = None
    n: int = 10
    vector: FloatVector | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Turn:
    """A turn as it is answered; `dialogue` is how it stands after it."""

    dialogue: Dialogue
    changed: tuple[str, ...]
    answer: str
    list: Recommendation | None


def turn_to_json(turn: Turn) -> dict[str, Any]:
    """A turn as the API and the command line show it."""
    return {
        **dialogue_to_json(turn.dialogue),
        "changed": list(turn.changed),
        "answer": turn.answer,
        "list": None if turn.list is None else to_json(turn.list),
    }


def dialogue_to_json(dialogue: Dialogue) -> dict[str, Any]:
    """A dialogue as it stands between two turns."""
    question = dialogue.question
    return {
        "dialogue_id": dialogue.dialogue_id,
        "user_id": dialogue.user_id,
        "turn": dialogue.state.n_turns,
        "parsed": parsed_to_json(dialogue.state.query),
        "narrowed": asdict(dialogue.narrowing),
        "shown": list(dialogue.state.shown),
        "question": None if question is None else asdict(question),
    }


def chosen(question: OpenQuestion | None, number: int) -> Edit:
    """The edit that choosing the option means; options count from 0."""
    if question is None or not 0 <= number < len(question.options):
        raise BadRecord("option", f"{number} was not offered by the last turn")
    option = question.options[number]
    if question.field == "price":
        return Edit(values=Values(option.price_min, option.price_max, given=("price_min", "price_max")))
    label = question.field.capitalize()
    slots = tuple(Slot("", label, node_id, option.name, 1.0, "user") for node_id in option.node_ids)
    if question.field == "attribute":
        return Edit(add=SlotLists(attribute=slots))
    return Edit(put=SlotLists(**{question.field: slots}))


def pointed_at(dialogue: Dialogue, place: int | None) -> str | None:
    """The id of the item shown at a place, from 1 or from the end by -1; None where there is none."""
    shown = dialogue.state.shown
    if place is None or not shown or not 1 <= abs(place) <= len(shown):
        return None
    return shown[place - 1 if place > 0 else place]


def changed_fields(before: Dialogue, after: Dialogue) -> tuple[str, ...]:
    """The names of the fields that the turn changed, `narrowed` where it changed that."""
    was, now = before.state.query, after.state.query
    fields = (
        "category",
        "brand",
        "attribute",
        "item",
        "price_min",
        "price_max",
        "audience",
        "exclude",
        "sort",
    )
    found: Sequence[str] = [name for name in fields if getattr(was, name) != getattr(now, name)]
    return (*found, *(["narrowed"] if before.narrowing != after.narrowing else []))


def spoken_language(query: ParsedQuery) -> Language:
    """The language to answer in."""
    return "zh" if query.language in ("zh", "mixed") else "en"
