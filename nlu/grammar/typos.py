"""Nearest known name of a misspelt word: delete-neighbours find candidates, edit distance decides.

Symmetric deletion (W. Garbe, SymSpell): two words within d edits share a form that lies at most d deletions
from each. Only the first letters make forms, so the table stays small.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

from rapidfuzz.distance import OSA

PREFIX, SHORTEST = 8, 5
_ENDING = re.compile(r"e?d|y|ing|ly")
_DOUBLED = re.compile(r"(\w)\1+")


def allowed_edits(length: int) -> int:
    """How many letters of a name of that length may be wrong."""
    if length < SHORTEST:
        return 0
    return 1 if length < 10 else 2


class SpellingIndex:
    """Names, to be found by what somebody typed; doubled letters count as one ("tresseme", "tresemme")."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, list[tuple[str, str]]] = {}
        for name in names:
            plain = _undoubled(name)
            for form in _forms(plain, allowed_edits(len(plain))):
                self._names.setdefault(form, []).append((name, plain))

    def nearest(self, typed: str) -> tuple[str, float] | None:
        """The nearest name and its similarity in (0, 1]; None if none is near enough, or two are as near.

        A wrong first letter is only believed in long names.
        """
        plain = _undoubled(typed)
        limit = allowed_edits(len(plain) + 1)
        candidates = {pair for form in _forms(plain, limit) for pair in self._names.get(form, ())}
        scored = []
        for name, other in candidates:
            allowed = min(allowed_edits(len(other)), limit)
            distance = OSA.distance(plain, other, score_cutoff=allowed)
            starts_alike = plain[:1] == other[:1]
            edits = OSA.distance(typed, name)
            near = distance <= allowed and edits <= max(allowed_edits(len(name)), 2 if plain == other else 1)
            near = near and _word_by_word(plain, other) and not _another_form(typed, name)
            if near and (starts_alike or len(other) >= PREFIX):
                scored.append((distance, not starts_alike, edits, name))
        scored.sort()
        if not scored or (len(scored) > 1 and scored[0][:3] == scored[1][:3]):
            return None
        *_, edits, name = scored[0]
        return name, max(1 - edits / max(len(name), len(typed)), 0.5)


def _another_form(typed: str, name: str) -> bool:
    """Whether it is another word of one stem, not a slip: "crunch" and "crunchy", "wire" and "wired"."""
    short, long = sorted((typed, name), key=len)
    return _ENDING.fullmatch(long.removeprefix(short)) is not None and long.startswith(short)


def _word_by_word(typed: str, name: str) -> bool:
    """Whether each word is near its counterpart, where both have as many words."""
    pairs = list(zip(typed.split(" "), name.split(" "), strict=False))
    if len(pairs) == 1 or typed.count(" ") != name.count(" "):
        return True
    return all(OSA.distance(one, other) <= allowed_edits(len(other)) for one, other in pairs)


def _undoubled(word: str) -> str:
    return _DOUBLED.sub(r"\1", word)


def _forms(word: str, n_deletions: int) -> Iterator[str]:
    """The word's beginning and everything that `n_deletions` deletions make of it."""
    start = word[:PREFIX]
    for n_deleted in range(min(n_deletions, len(start) - 1) + 1):
        for places in combinations(range(len(start)), n_deleted):
            yield "".join(char for place, char in enumerate(start) if place not in places)
