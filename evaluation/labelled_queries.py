"""Labelled queries, the flat form in which labels and answers hold a query, and when two names are one."""

import html
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from shopgraph.types import Intent, ParsedQuery, Slot, Sort


class _Flat(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FlatExclude(_Flat):
    """What is ruled out, by name."""

    brand: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    attribute: tuple[str, ...] = ()


class FlatQuery(_Flat):
    """A parsed query in names alone: what labels and `parse --batch` hold."""

    intent: Intent = "find_items"
    category: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    attribute: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    audience: str | None = None
    exclude: FlatExclude = FlatExclude()
    sort: Sort | None = None


class Optionals(_Flat):
    """Names that an answer may hold, in the slot or among what is ruled out, and need not."""

    category: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    attribute: tuple[str, ...] = ()


class LabelledQuery(_Flat):
    """One line of a test set; in a dialogue `parsed` is the whole state after the turn."""

    id: str
    shop: str
    language: str
    text: str
    parsed: FlatQuery
    optional: Optionals = Optionals()
    dialogue: str | None = None
    turn: int | None = None


def flat_query(parsed: ParsedQuery) -> FlatQuery:
    """The names that a parsed query's slots hold, in their order, each once."""
    out = parsed.exclude
    return FlatQuery(
        intent=parsed.intent,
        category=_slot_names(parsed.category),
        brand=_slot_names(parsed.brand),
        attribute=_slot_names(parsed.attribute),
        price_min=parsed.price_min,
        price_max=parsed.price_max,
        audience=parsed.audience,
        exclude=FlatExclude(
            brand=_slot_names(out.brand),
            category=_slot_names(out.category),
            attribute=_slot_names(out.attribute),
        ),
        sort=parsed.sort,
    )


def read_labelled(path: Path) -> tuple[LabelledQuery, ...]:
    """The labelled queries of a JSON-lines file, in its order.

    Raises:
        pydantic.ValidationError: a line is not in the form of `LabelledQuery`.
    """
    return tuple(map(LabelledQuery.model_validate_json, path.read_text("utf-8").splitlines()))


def fold_name(name: str) -> str:
    """A brand's or category's name without entities and case, its letters and digits alone.

    "M.A.C" and "MAC" fold alike, and so do "L&#39;Oreal Paris" and "L'Oreal Paris".
    """
    return "".join(character for character in html.unescape(name).casefold() if character.isalnum())


def fold_attribute(attribute: str) -> str:
    """An attribute without what spellings differ in.

    Lower case; words and numbers apart ("30ml" is "30 ml"), hyphens as spaces; units short; plurals
    singular; "size 42" is "42"; "gray" is "grey" and "color" is "colour".
    """
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+(?:[.,]\d+)?|%", html.unescape(attribute).casefold())
    if words[:1] == ["size"] and len(words) > 1:
        words = words[1:]
    return " ".join(_ONE_SPELLING.get(word, _singular(word)) for word in words)


def _slot_names(slots: Sequence[Slot]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(slot.name for slot in slots))


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


_ONE_SPELLING = {
    **dict.fromkeys(("litre", "litres", "liter", "liters"), "l"),
    **dict.fromkeys(("millilitre", "millilitres", "milliliter", "milliliters", "mls"), "ml"),
    **dict.fromkeys(("gram", "grams"), "g"),
    **dict.fromkeys(("kilogram", "kilograms", "kilo", "kilos"), "kg"),
    **dict.fromkeys(("ounce", "ounces"), "oz"),
    **dict.fromkeys(("millimetre", "millimetres", "millimeter", "millimeters"), "mm"),
    **dict.fromkeys(("watt", "watts"), "w"),
    "inches": "inch",
    "gray": "grey",
    "color": "colour",
    "colored": "coloured",
}
