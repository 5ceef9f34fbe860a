"""Whom a thing is for, told by an age: "my 3 year old", "in her sixties", "五岁孩子"."""

import re

from nlu.grammar.numbers import NUMBER, to_number

_AGE = re.compile(
    rf"(?<![\d.])({NUMBER})[\s-]?(?:(years?|yrs?)[\s-]?old|y/?o\b|(months?|weeks?)[\s-]?old|多?岁半?|(个月)(?:大|的?宝宝))"
)
_DECADE = re.compile(
    r"\b(?:his|her|their|my|our|the)(?: (?:early|mid|late))? (teens|(?:six|seven|eigh|nine)ties)\b"
    r"|(?:(十)[几来多]|([六七八九])十[几来多])岁"
)
_BOUNDS = ((3, "baby"), (13, "kids"), (20, "teens"))
_OLD = 60


def audience_by_age(folded: str) -> str | None:
    """The audience of the first age in a text; None for adults and where no age is said."""
    if decade := _DECADE.search(folded):
        return "teens" if decade[1] == "teens" or decade[2] else "seniors"
    if (match := _AGE.search(folded)) is None or (age := to_number(match[1])) is None:
        return None
    if match[3] or match[4]:
        return "baby"
    return next((name for bound, name in _BOUNDS if age < bound), "seniors" if age >= _OLD else None)
