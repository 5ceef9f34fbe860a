"""What an attribute is of, where a thing has only one of that kind."""

from collections.abc import Mapping
from functools import lru_cache

from nlu.grammar.data import table, words
from shopgraph.types import Slot

_ONE_OF_A_KIND = {"colour": "colour", "color": "colour", "size": "size", "material": "material"}
_BY_UNIT = {"ml": "volume", "oz": "volume", "l": "volume", "g": "weight", "kg": "weight", "lb": "weight"}
_BY_UNIT |= {"inch": "length", "cm": "length", "mm": "length", "pack": "pack"}


def attribute_kind(slot: Slot) -> str:
    """One of colour, size, material, spf, volume, weight, length, pack; "" where there may be several."""
    kind, colon, _ = slot.node_id.partition(":")
    if colon:
        return _ONE_OF_A_KIND.get(kind, "")
    first, _, last = slot.name.partition(" ")
    if first in ("spf", "size"):
        return first
    if last in _BY_UNIT and first.replace(".", "").isdigit():
        return _BY_UNIT[last]
    known = _kinds()
    kind = known.get(slot.name) or ("colour" if known.get(last) == "colour" else "")  # "deep red"
    return _ONE_OF_A_KIND.get(kind, "")


@lru_cache(maxsize=1)
def _kinds() -> Mapping[str, str]:
    rows = [(kind, (value, *words(more[0] if more else ""))) for kind, value, *more in table("attributes")]
    return {name: kind for kind, names in reversed(rows) for name in names}
