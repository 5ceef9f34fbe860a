"""What hurried fingers make of a query: case, typos, lost spaces, traditional characters."""

import re
from functools import cache

import numpy as np
from opencc import OpenCC

_WORD = re.compile(r"[A-Za-z]{5,}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def misspell(text: str, rng: np.random.Generator) -> str:
    """One letter of one longer word dropped, doubled, exchanged or swapped with the next; else as it was."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = words[int(rng.integers(len(words)))]
    place = int(rng.integers(word.start() + 1, word.end() - 1))
    before, letter, after = text[:place], text[place], text[place + 1 :]
    match int(rng.integers(4)):
        case 0:
            return before + after
        case 1:
            return before + letter + letter + after
        case 2:
            return before + _LETTERS[int(rng.integers(len(_LETTERS)))] + after
        case _:
            return before + after[0] + letter + after[1:]


def lose_space(text: str, rng: np.random.Generator) -> str:
    """One of the spaces between two letters taken out."""
    places = [found.start() for found in re.finditer(r"(?<=[A-Za-z]) (?=[A-Za-z])", text)]
    if not places:
        return text
    place = places[int(rng.integers(len(places)))]
    return text[:place] + text[place + 1 :]


def traditional(text: str) -> str:
    """Simplified characters as traditional ones."""
    converted: str = _converter().convert(text)
    return converted


@cache
def _converter() -> OpenCC:
    return OpenCC("s2t")
