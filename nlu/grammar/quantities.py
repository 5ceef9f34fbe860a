"""Sizes, strengths and counts in a folded text: numbers that are no prices."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from nlu.grammar.data import table, words
from nlu.grammar.numbers import DIGITS, to_number


class Quantity(NamedTuple):
    """A size, a strength, a count as an attribute's name: "spf 50", "30 ml", "2 in 1"."""

    name: str
    start: int
    end: int


_UNITS = {word: unit for unit, said in table("units") for word in words(said)}


def _unit_pattern() -> str:
    spoken = sorted(_UNITS, key=len, reverse=True)
    latin = "|".join(re.escape(word) for word in spoken if word.isascii() and word != "%")
    return rf"(?:(?:{latin})(?![a-z'])|%|{'|'.join(word for word in spoken if not word.isascii())})"


UNIT = _unit_pattern()
"""A unit of measure, as a pattern without groups; the Chinese ones count pieces too."""

_ONE_TO_TEN_ZH = "一二两三四五六七八九十"
_SIZES = r"xxs|xs|xxl|xl|s|m|l"
_ASIDE = r"(?:rather|please|then|instead|actually|maybe|is (?:fine|ok|better)|would be better|i think|too)"
_FORMS = tuple(
    (form, re.compile(pattern))
    for form, pattern in (
        ("spf {}", r"(?<![a-z])spf\s?-?:?\s?(\d+)\s?\+*"),
        ("spf {}", r"防晒(?:指数|值|系数|倍数)\s?(\d+)\s?\+*"),
        ("spf {}", r"(?<![\d$])(\d+)\s?\+?\s?spf(?![a-z])"),
        ("pa{}", r"(?<![a-z])pa\s?(\+{1,4})"),
        ("{} in 1", r"(?<![a-z\d])(\d|two|three|four)\s?-?in\s?-?(?:1|one)(?![a-z\d])"),
        ("{} in 1", r"([二两三四2-9])合[1一]"),
        ("size {}", rf"(?<![a-z])size\s(\d+(?:\.\d)?|{_SIZES})\b"),
        ("size {}", rf"(?<![\d.a-z])(\d{{2}}(?:\.5)?|{_SIZES})\s?码"),
        ("{}", rf"(?:\bin|穿|要)\s?({_SIZES})\b(?!')"),
        ("{}", rf"^\W*(?:(?:no|then|or|and|actually|maybe|hmm)\b\W*)*({_SIZES})(?:\W+{_ASIDE})*\W*$"),
        ("type {}", r"\btype (\d[a-c])\b"),
        ("#{}", r"(?<![\d.])(\d{2,3})\s?(?:#|号色)|(?<!\w)#\s?(\d{1,4})\b"),
    )
)
_MEASURED = re.compile(
    rf"(?<![\d$€£¥])(?<!\d[.,])({DIGITS}|(?<![{_ONE_TO_TEN_ZH}])[{_ONE_TO_TEN_ZH}]{{1,6}})\s?-?({UNIT})(?:\s(?:or|and)\s(?:more|less|under))?"
)
_WORDS = {"two": "2", "three": "3", "four": "4", "二": "2", "两": "2", "三": "3", "四": "4"}
_SILENT = frozenset({"silent"})
_MAY_HOLD = re.compile(rf"\d|pa\s?\+|size|码|\b(?:{_SIZES})\b|in.?1|in.?one|合|[{_ONE_TO_TEN_ZH}]")


def find_quantities(folded: str) -> list[Quantity]:
    """The quantities of a text, in order; pieces and times ("7天", "3支") are found without a name."""
    if not _MAY_HOLD.search(folded):
        return []
    found: list[Quantity] = []
    for quantity in _all(folded):
        if not any(quantity.start < other.end and other.start < quantity.end for other in found):
            found.append(quantity)
    return sorted(found, key=lambda quantity: quantity.start)


def _all(folded: str) -> Iterator[Quantity]:
    for form, pattern in _FORMS:
        for match in pattern.finditer(folded):
            said = next(group for group in match.groups() if group)
            yield Quantity(form.format(_WORDS.get(said, said)), match.start(), match.end())
    for match in _MEASURED.finditer(folded):
        number = to_number(match[1])
        if number is None:
            continue
        unit = _UNITS[match[2]]
        name = "" if unit in _SILENT else f"{number:g} {unit}".replace(" %", "%")
        yield Quantity(name, match.start(), match.end())
