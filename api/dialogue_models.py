"""The JSON of dialogues, and from it to edits of the state."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.models import Id, Language
from nlu.dialogue.edits import Edit, SlotLists, ValueField, Values
from ranking.catalogue import ATTRIBUTE, Catalogue
from shopgraph.errors import BadRecord
from shopgraph.types import Slot, Sort

Names = Annotated[list[Id], Field(max_length=50)]


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SlotsIn(_In):
    """Nodes of this shop by id; an attribute may be any word, in English and lower case."""

    category: Names | None = None
    brand: Names | None = None
    attribute: Names | None = None


class WantedIn(SlotsIn):
    """Slots and values; `exclude` holds what is ruled out. A value of null clears."""

    exclude: SlotsIn = SlotsIn()
    price_min: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    price_max: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    audience: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    sort: Sort | None = None


class RemovedIn(SlotsIn):
    """Slots by node id or name; `narrowed` undoes "cheaper" (price) and "more like this" (similar)."""

    exclude: SlotsIn = SlotsIn()
    narrowed: list[Literal["price", "similar"]] = Field(default=[], max_length=2)


class EditIn(_In):
    """Removes, then replaces whole fields, then adds."""

    remove: RemovedIn = RemovedIn()
    replace: WantedIn = WantedIn()
    add: WantedIn = WantedIn()


class DialogueIn(_In):
    """Who speaks. Without a language, answers follow the shopper's."""

    user_id: Id | None = None
    language: Language | None = None


class TurnIn(_In):
    """Words, or an edit, or the number of an option of the open question, from 0."""

    text: str | None = Field(default=None, description="What the shopper says.")
    edit: EditIn | None = None
    option: int | None = Field(default=None, ge=0, le=100)
    after: int | None = Field(
        default=None, ge=0, description="The turn that the shopper has seen; 409 if it is no longer the last."
    )
    n: int = Field(default=10, ge=1, le=100, description="How many items to list.")

    @model_validator(mode="after")
    def _one_of_them(self) -> "TurnIn":
        if sum(given is not None for given in (self.text, self.edit, self.option)) != 1:
            raise ValueError("give one of text, edit and option")
        return self


class FeedbackIn(_In):
    """What the shopper thought of a turn."""

    thumbs: Literal["up", "down"]
    item_id: Id | None = Field(default=None, description="The item that is meant; the whole turn without.")


def edit_of(body: EditIn, catalogue: Catalogue) -> Edit:
    """The edit over this shop's nodes.

    Raises:
        BadRecord: a category or brand that is to be wanted or ruled out is not in this shop.
    """
    put, add = body.replace, body.add
    values: dict[str, Any] = {}
    for given in (put, add):
        values |= {name: getattr(given, name) for name in _VALUES if name in given.model_fields_set}
    named: list[ValueField] = [name for name in _VALUES if name in values]
    return Edit(
        remove=_slots(body.remove, catalogue, "edit.remove", known=False),
        remove_excluded=_slots(body.remove.exclude, catalogue, "edit.remove.exclude", known=False),
        put=_slots(put, catalogue, "edit.replace"),
        put_excluded=_slots(put.exclude, catalogue, "edit.replace.exclude"),
        add=_slots(add, catalogue, "edit.add"),
        add_excluded=_slots(add.exclude, catalogue, "edit.add.exclude"),
        values=Values(**values, given=named),
    )


_VALUES: tuple[ValueField, ...] = ("price_min", "price_max", "audience", "sort")


def _slots(given: SlotsIn, catalogue: Catalogue, where: str, known: bool = True) -> SlotLists:
    found: dict[str, tuple[Slot, ...] | None] = {}
    for name in ("category", "brand", "attribute"):
        ids: Sequence[str] | None = getattr(given, name)
        found[name] = None
        if ids is not None:
            label = name.capitalize()
            found[name] = tuple(_slot(one, label, catalogue, f"{where}.{name}", known) for one in ids)
    return SlotLists(**found)


def _slot(given: str, label: str, catalogue: Catalogue, where: str, known: bool) -> Slot:
    table = catalogue.nodes.get(label)
    idx = None if table is None else table.index.get(given)
    if table is not None and idx is not None:
        return Slot(table.names[idx] or given, label, given, table.names[idx] or given, 1.0, "user")
    if known and label != ATTRIBUTE:
        raise BadRecord(where, f"no {label.lower()} {given[:80]!r} in this shop")
    return Slot(given, label, "", given.lower() if label == ATTRIBUTE else given, 1.0, "user")
