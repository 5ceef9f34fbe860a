"""Numbers as people say them: "1,200", "1.5k", "twenty five", "两百", "一百五", "3千"."""

import re

from nlu.grammar.data import table

_ONES = {word: number for number, (word,) in enumerate(table("numbers"))}
_TENS = dict(
    zip(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
        range(20, 100, 10),
        strict=True,
    )
)
_NOTES = {"fiver": 5, "tenner": 10, "grand": 1_000}
_WORDS = "|".join(sorted((*_ONES, *_TENS, *_NOTES, "hundred", "thousand"), key=len, reverse=True))
_DIGITS_ZH = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_UNITS_ZH = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}

DIGITS = r"\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,4})?|\d{1,9}(?:\.\d{1,4})?"
NUMBER = (
    rf"(?:(?:{DIGITS})(?:\s?k\b|[百千万])?"
    rf"|\b(?:a\s)?(?:{_WORDS})(?:[\s-](?:and\s)?(?:{_WORDS})){{0,8}}\b"
    r"|(?<![零〇一二两三四五六七八九十百千万几数])[零〇一二两三四五六七八九十百千万]{1,12})"
)
"""A pattern without groups for a folded text; lengths are bounded, so that no text makes matching slow."""

_SCALED = re.compile(rf"({DIGITS})\s?(k|[百千万])?")


def to_number(said: str) -> float | None:
    """The value of what `NUMBER` matched; None where its words make no number ("万万")."""
    said = said.strip()
    if match := _SCALED.fullmatch(said):
        scale = 1_000 if match[2] == "k" else _UNITS_ZH.get(match[2] or "", 1)
        return float(match[1].replace(",", "")) * scale
    if said and all(char in _DIGITS_ZH or char in _UNITS_ZH for char in said):
        return _chinese(said)
    return _english(re.split(r"[\s-]+", said))


def _english(words: list[str]) -> float | None:
    """Also the short forms: "two fifty" is 250, "a tenner" 10."""
    total = current = 0
    for word in words:
        if word in _ONES:
            current += _ONES[word]
        elif word in _TENS:
            current = current * (100 if 0 < current < 10 else 1) + _TENS[word]
        elif word in _NOTES:
            total, current = total + max(current, 1) * _NOTES[word], 0
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word == "thousand":
            total, current = total + max(current, 1) * 1_000, 0
        elif word not in ("and", "a"):
            return None
    return float(total + current)


def _chinese(said: str) -> float | None:
    """Also the short forms: 一百五 is 150, 两千三 is 2300."""
    if len(said) > 1 and all(char in _DIGITS_ZH for char in said):
        return float("".join(str(_DIGITS_ZH[char]) for char in said))
    total = section = digit = 0
    last_unit = 1
    for place, char in enumerate(said):
        if char in _DIGITS_ZH:
            digit = _DIGITS_ZH[char]
            ends_short = place == len(said) - 1 and last_unit >= 100 and said[place - 1] in _UNITS_ZH
            if ends_short:
                return float(total + section + digit * last_unit // 10)
            if char in "零〇":
                last_unit = 1
            continue
        unit = _UNITS_ZH[char]
        if unit == 10_000:
            total, section = total + (section + digit) * unit, 0
        else:
            if digit == 0 and unit != 10 and len(said) > 1:
                return None
            section += (digit or 1) * unit
        digit, last_unit = 0, unit
    return float(total + section + digit)
