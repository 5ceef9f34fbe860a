"""Nearest known name of a misspelt word: delete-neighbours find candidates, edit distance decides.

Symmetric deletion (W. Garbe, SymSpell): two words within d edits share a form that lies at most d deletions
from each. Only the first letters make forms, so the table stays small.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations

from rapidfuzz.distance import OSA

PREFIX, SHORTEST = 8, 4


def allowed_edits(length: int) -> int:
    """How many letters of a name of that length may be wrong."""
    if length < SHORTEST:
        return 0
    return 1 if length < 8 else 2


class SpellingIndex:
    """Names, to be found by what somebody typed."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, list[str]] = {}
        for name in names:
            for form in _forms(name, allowed_edits(len(name))):
                self._names.setdefault(form, []).append(name)

    def nearest(self, typed: str) -> tuple[str, float] | None:
        """The nearest name and its similarity in (0, 1]; None if none is near enough, or two are as near.

        A wrong first letter is only believed in long names.
        """
        limit = allowed_edits(len(typed) + 1)
        candidates = {name for form in _forms(typed, limit) for name in self._names.get(form, ())}
        scored = []
        for name in candidates:
            allowed = min(allowed_edits(len(name)), limit)
            distance = OSA.distance(typed, name, score_cutoff=allowed)
            if distance <= allowed and (typed[0] == name[0] or len(name) >= PREFIX):
                scored.append((distance, typed[0] != name[0], abs(len(typed) - len(name)), name))
        if not scored:
            return None
        scored.sort()
        if len(scored) > 1 and scored[0][:3] == scored[1][:3]:
            return None
        distance, *_, name = scored[0]
        return name, 1 - distance / max(len(name), len(typed))


def _forms(word: str, n_deletions: int) -> Iterator[str]:
    """The word's beginning and everything that `n_deletions` deletions make of it."""
    start = word[:PREFIX]
    for n_deleted in range(min(n_deletions, len(start) - 1) + 1):
        for places in combinations(range(len(start)), n_deleted):
            yield "".join(char for place, char in enumerate(start) if place not in places)
