"""Attributes of two words that no list holds as one: shades of a colour ("deep red"), oils ("walnut oil")."""

import re
from collections.abc import Sequence
from dataclasses import replace

from nlu.grammar.marks import Mark
from nlu.grammar.senses import everyday_words

_SHADE = re.compile(
    r"\b(dark|light|deep|pale|bright|soft|warm|cool|neon|pastel|dusty|baby|royal|ash|platinum|hot|cherry|burnt"
    r"|electric|muted|vivid|rich|true|icy|rusty|ruby|golden|strawberry|honey)[\s-]$"
)
_SHADE_ZH = re.compile(r"(深|暗|浅|淡|亮)$")
_SHADES_ZH = {"深": "dark", "暗": "dark", "浅": "light", "淡": "light", "亮": "bright"}
_BEFORE_OIL = re.compile(r"\b([a-z]{3,})[\s-]$")
_LONGEST = 12


def with_compounds(marks: Sequence[Mark], folded: str) -> list[Mark]:
    """The marks, each colour with the shade before it and each "oil" with what it is pressed from."""
    found: list[Mark] = []
    for mark in marks:
        whole = _whole(mark, folded)
        while whole is not mark and found and found[-1].start >= whole.start:
            found.pop()  # the shade was a mark of its own
        found.append(whole)
    return found


def _whole(mark: Mark, folded: str) -> Mark:
    attribute = mark.sense_of("Attribute")
    if attribute is None or attribute.nodes or mark.value or mark.sense is not attribute:
        return mark
    before = folded[max(mark.start - _LONGEST, 0) : mark.start]
    if attribute.kind == "colour" and (shade := _SHADE.search(before) or _SHADE_ZH.search(before)):
        said = _SHADES_ZH.get(shade[1], shade[1])
    elif attribute.value == "oil" and (shade := _BEFORE_OIL.search(before)) and _is_pressed(shade[1]):
        said = shade[1]
    else:
        return mark
    return replace(mark, start=mark.start - len(before) + shade.start(), value=f"{said} {attribute.value}")


def _is_pressed(word: str) -> bool:
    return word not in everyday_words()
