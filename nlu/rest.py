"""What no slot took."""

import re
from collections.abc import Sequence
from functools import lru_cache

from nlu.grammar.data import table
from nlu.names import HAN, fold

_EDGES = " ,;:.!?&+-/|()，、。；：！？·的\"'“”~"


def rest_of(text: str, used: Sequence[tuple[int, int]]) -> str:
    """The text between the used places, without pieces that say nothing ("for my", "推荐一款").

    A text of which nothing was used comes back whole.
    """
    if not used:
        return text
    starts = [0, *(end for _, end in used)]
    ends = [*(start for start, _ in used), len(text)]
    pieces = (text[start:end].strip(_EDGES) for start, end in zip(starts, ends, strict=True) if start < end)
    return " ".join(piece for piece in pieces if piece and not _says_nothing(piece))


def _says_nothing(piece: str) -> bool:
    return not _fillers().sub("", fold(piece)).strip(_EDGES)


@lru_cache(maxsize=1)
def _fillers() -> re.Pattern[str]:
    words = sorted({word for (line,) in table("fillers") for word in line.split("|")}, key=len, reverse=True)
    latin = "|".join(re.escape(word) for word in words if word.isascii())
    han = "|".join(word for word in words if re.match(f"[{HAN}]", word))
    return re.compile(rf"(?<!\w)(?:{latin})(?!\w)|{han}")
