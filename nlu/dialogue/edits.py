"""A change of a query's slots that is made by hand: a chip that is removed, an option that is chosen."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from shopgraph.types import Excluded, ParsedQuery, Slot, SlotSource, Sort

SlotField: TypeAlias = Literal["category", "brand", "attribute"]
ValueField: TypeAlias = Literal["price_min", "price_max", "audience", "sort"]
Value: TypeAlias = float | str | None


@dataclass(frozen=True)
class SlotLists:
    """Slots by field; None leaves the field as it is."""

    category: tuple[Slot, ...] | None = None
    brand: tuple[Slot, ...] | None = None
    attribute: tuple[Slot, ...] | None = None


@dataclass(frozen=True)
class Values:
    """The fields in `given` take these values; None clears."""

    price_min: float | None = None
    price_max: float | None = None
    audience: str | None = None
    sort: Sort | None = None
    given: Collection[ValueField] = ()


@dataclass(frozen=True)
class Edit:
    """What is removed, then what takes a field's place, then what is added; each wanted or ruled out.

    A slot is removed by its node, or by its name where it has none. Wanting a slot takes it back from what
    is ruled out, and ruling it out drops it from what is wanted.
    """

    remove: SlotLists = SlotLists()
    remove_excluded: SlotLists = SlotLists()
    put: SlotLists = SlotLists()
    put_excluded: SlotLists = SlotLists()
    add: SlotLists = SlotLists()
    add_excluded: SlotLists = SlotLists()
    values: Values = field(default_factory=Values)


_FIELDS: tuple[SlotField, ...] = ("category", "brand", "attribute")


def edited(query: ParsedQuery, edit: Edit) -> ParsedQuery:
    """The query after the edit; its words stay as they were said."""
    wanted: dict[str, tuple[Slot, ...]] = {}
    out: dict[str, tuple[Slot, ...]] = {}
    for name in _FIELDS:
        added, ruled_out = getattr(edit.add, name) or (), getattr(edit.add_excluded, name) or ()
        put, put_out = getattr(edit.put, name), getattr(edit.put_excluded, name)
        mine = less(getattr(query, name), getattr(edit.remove, name) or ())
        not_mine = less(getattr(query.exclude, name), getattr(edit.remove_excluded, name) or ())
        mine, not_mine = (mine if put is None else put), (not_mine if put_out is None else put_out)
        wanted[name] = union(less(mine, (*ruled_out, *(put_out or ()))), added)
        out[name] = union(less(not_mine, (*added, *(put or ()))), ruled_out)
    changed = replace(
        query,
        category=wanted["category"],
        brand=wanted["brand"],
        attribute=wanted["attribute"],
        exclude=Excluded(out["category"], out["brand"], out["attribute"]),
    )
    given = {name: getattr(edit.values, name) for name in edit.values.given}
    changed_by: dict[str, SlotSource] = dict.fromkeys(given, "user")
    sources = {**query.sources, **changed_by}
    return replace(changed, **given, sources=sources)


def identity(slot: Slot) -> tuple[str, str]:
    """By what two slots are the same."""
    return (slot.label, slot.node_id or slot.name.casefold())


def union(before: Iterable[Slot], now: Iterable[Slot]) -> tuple[Slot, ...]:
    """Both, each slot once, as it was said last."""
    return tuple({identity(slot): slot for slot in (*before, *now)}.values())


def less(slots: tuple[Slot, ...], dropped: Iterable[Slot]) -> tuple[Slot, ...]:
    """The slots but for those dropped."""
    gone = {identity(slot) for slot in dropped}
    return tuple(slot for slot in slots if identity(slot) not in gone)
