"""Finds every known name in a text in one pass (Aho–Corasick over tokens)."""

from typing import NamedTuple

import ahocorasick

from nlu.grammar.senses import Sense, Senses
from nlu.names import Token, singular

_EDGE = "\x1f"


class Hit(NamedTuple):
    """Tokens first..last-1 are a name with these senses; `similarity` is 1 unless it is misspelt."""

    first: int
    last: int
    senses: tuple[Sense, ...]
    similarity: float = 1.0


class Gazetteer:
    """The automaton of all names; building it takes a moment, finding takes microseconds."""

    def __init__(self, senses: Senses) -> None:
        self._automaton = ahocorasick.Automaton()
        for key, own in senses.items():
            if own:
                self._automaton.add_word(_joined(key), (len(key), tuple(own)))
        if len(self._automaton):
            self._automaton.make_automaton()

    def find(self, words: list[Token]) -> list[Hit]:
        """All names among the tokens, overlapping ones too, in the order of their ends."""
        if not words or not len(self._automaton):
            return []
        keys = [singular(word.key) for word in words]
        ends, place = {}, 0
        for number, key in enumerate(keys):
            place += len(key) + 1
            ends[place] = number + 1
        return [
            Hit(ends[end] - length, ends[end], senses)
            for end, (length, senses) in self._automaton.iter(_joined(keys))
        ]


def _joined(keys: tuple[str, ...] | list[str]) -> str:
    return f"{_EDGE}{_EDGE.join(keys)}{_EDGE}"
