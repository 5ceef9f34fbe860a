"""A parsed query in names alone, as `shopgraph parse --batch` writes it."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TypedDict

from shopgraph.types import Intent, ParsedQuery, Slot, Sort


class FlatExclude(TypedDict):
    """What is ruled out, by name."""

    brand: list[str]
    category: list[str]
    attribute: list[str]


class Flat(TypedDict):
    """Names as this shop writes them; attributes English and lower case."""

    intent: Intent
    category: list[str]
    brand: list[str]
    attribute: list[str]
    price_min: float | None
    price_max: float | None
    audience: str | None
    exclude: FlatExclude
    sort: Sort | None


def flat(parsed: ParsedQuery) -> Flat:
    """The flat form; a name that several nodes share stands once."""
    out = parsed.exclude
    return Flat(
        intent=parsed.intent,
        category=_names(parsed.category),
        brand=_names(parsed.brand),
        attribute=_names(parsed.attribute),
        price_min=parsed.price_min,
        price_max=parsed.price_max,
        audience=parsed.audience,
        exclude=FlatExclude(
            brand=_names(out.brand), category=_names(out.category), attribute=_names(out.attribute)
        ),
        sort=parsed.sort,
    )


def parsed_to_json(parsed: ParsedQuery) -> dict[str, object]:
    """Everything in a parsed query as JSON has it, the flat form beside it as `flat`."""
    return {**asdict(parsed), "flat": flat(parsed)}


def _names(slots: Iterable[Slot]) -> list[str]:
    return list(dict.fromkeys(slot.name for slot in slots))
