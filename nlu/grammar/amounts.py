"""Prices in a folded text, with their places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlu.grammar.data import table, words
from nlu.grammar.numbers import NUMBER, to_number
from nlu.grammar.quantities import UNIT


@dataclass(frozen=True)
class Price:
    """What is said of the price; `spans` are the places of the words that say it."""

    low: float | None = None
    high: float | None = None
    currency: str | None = None
    spans: tuple[tuple[int, int], ...] = ()


_CODES = {word: code for code, said in table("currencies") for word in words(said)}


def _currency_pattern() -> str:
    spoken = sorted(_CODES, key=len, reverse=True)
    latin = "|".join(word for word in spoken if word.isascii() and word.isalpha())
    others = "|".join(re.escape(word) for word in spoken if not (word.isascii() and word.isalpha()))
    return rf"(?:(?<![a-z])(?:{latin})(?![a-z])|(?:{others}))"


_CURRENCY = _currency_pattern()
_NO_QUANTITY = (
    rf"(?!\s?-?{UNIT}|[\d.]*\d|\s?-?in\s?-?1|合[1一]|码|号|#|'?s\b|\s?(?:years?|people|persons?)\b)"
)


def _amount(k: int) -> str:
    before, after = rf"(?P<before{k}>{_CURRENCY})", rf"(?P<after{k}>{_CURRENCY})"
    number = rf"(?<!\d)(?<!\d[.,])(?P<number{k}>{NUMBER})(?:-?ish\b)?"
    return rf"(?:{before}\s?)?{number}(?:\s?{after}(?:钱)?|{_NO_QUANTITY})"


_ONE, _TWO = _amount(1), _amount(2)


def _said(role: str) -> str:
    """The words of a bound, as a pattern without groups."""
    latin = "|".join(pattern for name, pattern in table("prices") if name == role)
    han = "|".join(pattern for name, pattern in table("prices") if name == f"{role}_zh")
    return rf"(?:\b(?:{latin})\b|{han})"


def _cell(role: str) -> str:
    return next(pattern for name, pattern in table("prices") if name == role)


_MOST_AFTER, _LEAST_AFTER = _said("most_after"), _said("least_after")
_COLON = rf"\s?{_cell('about')}\s?"
_NO_AGE = "".join(f"(?<!{word} )" for word in words(_cell("aged")))
_DASH = r"\s?(?:-|~|–|—|到|至)\s?"
_TWO_DIGITS, _WITH_CENTS = r"(?=[1-9]\d{1,3}(?!\d))", r"(?=\d{1,4}\.\d\d(?!\d))"
_PATTERNS = tuple(
    (role, needs_currency, re.compile(pattern))
    for role, needs_currency, pattern in (
        (
            "range",
            False,
            r"(?:\b(?:between|from|(?:price )?range|priced|budget)\b(?: (?:of|is|from))?:?"
            rf"|价格在?|价位|区间|预算在?|[在从])\s?{_ONE}"
            rf"\s?(?:-|~|–|—|到|至|和|&|\b(?:up )?to\b|\band\b|\bthrough\b)\s?{_TWO}(?:\s?之间)?",
        ),
        (
            "range",
            False,
            rf"(?P<few>[一二两三四五六七八九]{{2}}[十百千万])来?(?:\s?(?P<after1>{_CURRENCY}))?",
        ),
        ("range", True, rf"{_ONE}(?:{_DASH}|\sto\s){_TWO}(?:\s?(?:之间|以内|的))?"),
        ("range", False, rf"{_ONE}{_DASH}{_TWO}\s?之间"),
        ("range", False, rf"{_ONE}(?:{_DASH}|\sto\s){_TWO}\s?(?:price )?range\b"),
        ("range", False, rf"{_ONE}(?:到|至){_TWO}"),
        ("range", False, rf"{_TWO_DIGITS}{_ONE}-{_TWO_DIGITS}{_TWO}(?![-\d])"),
        ("low", False, rf"{_said('not_less')}{_COLON}{_ONE}"),
        ("high", False, rf"{_NO_AGE}{_said('most_before')}{_COLON}{_ONE}(?:\s?{_MOST_AFTER})?"),
        ("low", False, rf"{_ONE}\s?{_LEAST_AFTER}"),
        ("high", False, rf"{_ONE}\s?{_MOST_AFTER}"),
        ("low", False, rf"{_NO_AGE}{_said('least_before')}{_COLON}{_ONE}"),
        ("low", True, rf"\bfrom {_ONE}"),
        (
            "high",
            False,
            rf"\b(?:around|about|approximately|roughly|circa|near|at|for) {_ONE}(?=[\s?!.,]*$|,)",
        ),
        ("high", False, rf"(?:大概|大约|差不多){_ONE}(?=$|[的,,])"),
        ("high", False, rf"(?<![\d.]){_WITH_CENTS}{_ONE}"),
        (
            "high",
            True,
            rf"(?:\b(?:around|about|for|at|approximately|roughly|near|costs?|worth)\s|大概|大约)?{_ONE}",
        ),
    )
)


def find_price(folded: str) -> Price:
    """The price that a text asks for; of several bounds of one kind the first counts.

    A price that is neither called least nor most ("for $20", "200元左右") is the most.
    """
    if not _MAY_HOLD.search(folded):
        return Price()
    bounds: dict[str, float] = {}
    currency: str | None = None
    spans: list[tuple[int, int]] = []
    for role, needs_currency, pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            signs = [sign for sign in _signs(match) if sign]
            values = sorted(value for value in _values(match) if value is not None)
            taken = any(match.start() < end and start < match.end() for start, end in spans)
            if taken or not values or (needs_currency and not signs):
                continue
            spans.append(match.span())
            currency = currency or (_CODES[signs[0]] if signs else None)
            if role in ("range", "low") and (role == "low" or len(values) == 2):
                bounds.setdefault("low", values[0])
            if role in ("range", "high"):
                bounds.setdefault("high", values[-1])
    return Price(bounds.get("low"), bounds.get("high"), currency, tuple(sorted(spans)))


_MAY_HOLD = re.compile(NUMBER)


def _signs(match: re.Match[str]) -> Iterator[str | None]:
    groups = match.groupdict()
    yield from (groups.get(name) for name in ("before1", "after1", "before2", "after2"))


def _values(match: re.Match[str]) -> Iterator[float | None]:
    """The numbers said; of a range in thousands ("2-3k") both."""
    if few := match.groupdict().get("few"):
        yield from (to_number(few[0] + few[2]), to_number(few[1] + few[2]))
        return
    said = [groups for name in ("number1", "number2") if (groups := match.groupdict().get(name))]
    if len(said) == 2 and said[1][-1] in "k百千万" and said[0][-1].isdigit() and len(said[0]) == 1:
        said[0] += said[1][-1]
    yield from (to_number(number) for number in said)
