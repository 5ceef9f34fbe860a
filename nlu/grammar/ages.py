"""Whom a thing is for, told by an age: "my 3 year old", "五岁孩子"."""

import re

from nlu.grammar.numbers import NUMBER, to_number

_AGE = re.compile(
    rf"(?<![\d.])({NUMBER})[\s-]?(?:(years?|yrs?)[\s-]?old|y/?o\b|(months?|weeks?)[\s-]?old|岁半?|(个月)(?:大|的?宝宝))"
)
_BOUNDS = ((3, "baby"), (13, "kids"), (20, "teens"))
_OLD = 60


def audience_by_age(folded: str) -> str | None:
    """The audience of the first age in a text; None for adults and where no age is said."""
    if (match := _AGE.search(folded)) is None or (age := to_number(match[1])) is None:
        return None
    if match[3] or match[4]:
        return "baby"
    return next((name for bound, name in _BOUNDS if age < bound), "seniors" if age >= _OLD else None)
