"""Texts as tokens, the keys that names are compared by, and what a node of the shop is called.

Names and texts are cut into tokens: a run of letters and digits is one, and every Han character is one.
So English names match whole words only and Chinese names match anywhere. Case, width, accents, apostrophes,
dots in initials ("e.l.f."), traditional or simplified characters, the word "and" and the sign "&" make no
difference.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import opencc

from nlu.normalise import clean

BRAND, CATEGORY, ATTRIBUTE = "Brand", "Category", "Attribute"

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{HAN}]|(?:[a-z]\.)+[a-z]\b\.?|[^\W_{HAN}]+(?:'[^\W_{HAN}]+)*")
_HAN_RUN = re.compile(rf"[{HAN}]")
_IGNORED = frozenset({"and"})
Key = tuple[str, ...]


@dataclass(frozen=True)
class NodeNames:
    """A node of the shop's graph and everything it is called, the name to show first.

    `ordinary` marks a brand whose name is also an everyday word of this shop ("natural"). `n_items` is how
    many items it has.
    """

    label: str
    node_id: str
    names: tuple[str, ...]
    ordinary: bool = False
    n_items: int = 0


class Token(NamedTuple):
    """A word or Han character: the key it is compared by, and its place in the tidy text."""

    key: str
    start: int
    end: int


def tidy(text: str) -> str:
    """The text that places are counted in: NFKC, cleaned, letters as typed."""
    return clean(unicodedata.normalize("NFKC", clean(text)))


def fold(text: str) -> str:
    """A tidy text in lower case, without accents, in simplified characters; every place stays the same."""
    folded = text.lower() if text.isascii() else "".join(map(_fold_char, text))
    if _HAN_RUN.search(folded):
        simplified: str = _simplifier().convert(folded)
        if len(simplified) == len(folded):
            return simplified
    return folded


def tokens(folded: str) -> list[Token]:
    """The tokens of a folded text, in order."""
    found = (
        Token(match[0].replace("'", "").replace(".", ""), match.start(), match.end())
        for match in _TOKEN.finditer(folded)
    )
    return [token for token in found if token.key not in _IGNORED]


def key_of(name: str) -> Key:
    """What a name is compared by: its tokens, English words without their plural ending."""
    return tuple(singular(token.key) for token in tokens(fold(tidy(name))))


def is_han(text: str) -> bool:
    """Whether a text has a Han character."""
    return _HAN_RUN.search(text) is not None


@lru_cache(maxsize=65_536)
def singular(word: str) -> str:
    """An English word without its plural ending; others come back as they are."""
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("ives") and len(word) > 5:
        return word[:-3] + "fe"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=1)
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@lru_cache(maxsize=65_536)
def _fold_char(char: str) -> str:
    if char in "’‘`´":
        return "'"
    bare = [part for part in unicodedata.normalize("NFKD", char.lower()) if not unicodedata.combining(part)]
    return bare[0] if bare else char
