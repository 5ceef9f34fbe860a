"""Wordings that rule things out, by pattern: what no list of phrases can hold ("can't really stand any")."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

from nlu.grammar.data import table
from nlu.grammar.gazetteer import Hit
from nlu.grammar.senses import Sense
from nlu.names import Token, is_han

Effect = Literal["exclude", "after", "never"]
_EFFECTS: tuple[Effect, ...] = ("exclude", "after", "never")


def refusal_hits(folded: str, words: Sequence[Token]) -> Iterator[Hit]:
    """The wordings in a folded text as runs of its tokens; where two overlap both effects are one's.

    One that rules nothing out ("never tried") takes the effect of what it overlaps.
    """
    starts = [word.start for word in words]
    found: list[tuple[int, int, frozenset[Effect]]] = []
    for start, end, effect in sorted(_places(folded)):
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        if first >= last:
            continue
        if found and first < found[-1][1]:
            before = found.pop()
            found.append((before[0], max(last, before[1]), before[2] | {effect}))
        else:
            found.append((first, last, frozenset({effect})))
    for first, last, effects in found:
        said = {"never"} if "never" in effects else effects
        yield Hit(first, last, tuple(Sense(effect, effect) for effect in _EFFECTS if effect in said))


def _places(folded: str) -> Iterator[tuple[int, int, Effect]]:
    for effect in _EFFECTS:
        for match in _pattern(effect).finditer(folded):
            if not _asks_whether(folded, match.start()):
                yield match.start(), match.end(), effect


def _asks_whether(folded: str, start: int) -> bool:
    """Whether a Chinese negation is the middle of a question: "含不含", "是不是", "有没有"."""
    return (
        folded[start] in "不没" and start > 0 and folded[start - 1 : start] == folded[start + 1 : start + 2]
    )


@lru_cache(maxsize=len(_EFFECTS))
def _pattern(effect: str) -> re.Pattern[str]:
    patterns = [pattern for name, pattern in table("refusals") if name == effect]
    latin = "|".join(pattern for pattern in patterns if not is_han(pattern))
    han = "|".join(pattern for pattern in patterns if is_han(pattern))
    return re.compile(rf"(?<![\w'])(?:{latin})(?![\w'])|{han}")
