"""Items that a text calls by their whole title."""

from collections.abc import Iterable, Sequence

from nlu.names import Key, NodeNames, Token, key_of, singular

_FIRST = 3
"""Titles of fewer words are too easily something else."""


class Titles:
    """Titles by their first words, so that memory grows with the items and time with the text."""

    def __init__(self, items: Iterable[NodeNames]) -> None:
        self._by_start: dict[Key, list[tuple[Key, NodeNames]]] = {}
        for item in items:
            for title in item.names:
                key = key_of(title)
                if len(key) >= _FIRST:
                    self._by_start.setdefault(key[:_FIRST], []).append((key, item))

    def find(self, words: Sequence[Token]) -> list[tuple[int, int, NodeNames]]:
        """(start, end, item) in the text's characters: the longest titles, no two overlapping."""
        keys = tuple(singular(word.key) for word in words)
        found = []
        place = 0
        while place <= len(keys) - _FIRST:
            starting = self._by_start.get(keys[place : place + _FIRST], ())
            titles = [(len(key), item) for key, item in starting if keys[place : place + len(key)] == key]
            if not titles:
                place += 1
                continue
            length, item = max(titles, key=lambda title: title[0])
            found.append((words[place].start, words[place + length - 1].end, item))
            place += length
        return found
