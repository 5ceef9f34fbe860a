"""Which names a text holds: of overlapping ones the longest, of doubtful ones those the writer shows."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import rjieba

from nlu.grammar.gazetteer import Hit
from nlu.grammar.senses import Layer, Sense
from nlu.names import Token, is_han

_BEFORE_BRAND = re.compile(
    r"(?:\b(?:by|from|brand|made by|brand called|brand name)|品牌|牌子|牌|来自)\s?[\"'“‘]?$"
)
_AFTER_BRAND = re.compile(r"[\"'”’]?\s?(?:'s\b|\bbrand\b|牌|家的|家|品牌|这个牌子)")
_STOP = re.compile(r"[,;!?。]")
SLOTS: tuple[Layer, ...] = ("Category", "Brand", "Attribute")
_CUES: tuple[Layer, ...] = ("audience", "sort", "never", "exclude", "after", "hard", "stop")


@dataclass(frozen=True)
class Mark:
    """A span of the tidy text and what it can mean, the likeliest first; tokens are first..last-1."""

    first: int
    last: int
    start: int
    end: int
    senses: tuple[Sense, ...]
    similarity: float = 1.0
    excluded: bool = False
    value: str = ""

    @property
    def sense(self) -> Sense:
        """The meaning that is taken."""
        return self.senses[0]

    @property
    def name(self) -> str:
        """What it is called: the sense's value, unless its surroundings changed it ("paraben free")."""
        return self.value or self.sense.value

    def sense_of(self, layer: Layer) -> Sense | None:
        """The meaning of one layer, if it has one."""
        return next((sense for sense in self.senses if sense.layer == layer), None)

    def has(self, *layers: Layer) -> bool:
        """Whether it can mean any of these."""
        return any(sense.layer in layers for sense in self.senses)


def choose_marks(hits: Sequence[Hit], words: Sequence[Token], folded: str, text: str) -> list[Mark]:
    """The marks of a text, in order, no two overlapping.

    Names that are easily something else count only where the writer shows it:

    - digits only: where it is the whole text; a single Han character: where it is a word of its own;
    - a brand that is `doubtful`: after "by", "from", before "brand" and the like, or where it is the whole
      text, or spelled as in the catalogue, with a capital, in a text that is not all capitals; and not at
      the text's beginning, unless it is all capitals.
    """
    taken = [False] * len(words)
    marks = []
    ranked = sorted(
        hits, key=lambda hit: (hit.first - hit.last, -hit.similarity, _rank(hit.senses), hit.first)
    )
    word_places = lru_cache(maxsize=1)(lambda: _han_words(folded))
    for hit in ranked:
        if any(taken[hit.first : hit.last]):
            continue
        if senses := _applicable(hit, words, folded, text, word_places):
            taken[hit.first : hit.last] = [True] * (hit.last - hit.first)
            span = words[hit.first].start, words[hit.last - 1].end
            marks.append(Mark(hit.first, hit.last, *span, senses, hit.similarity))
    return sorted(marks, key=lambda mark: mark.first)


def _rank(senses: Sequence[Sense]) -> int:
    order = (*SLOTS, *_CUES)
    return min(order.index(sense.layer) for sense in senses)


def _applicable(
    hit: Hit,
    words: Sequence[Token],
    folded: str,
    text: str,
    word_places: Callable[[], frozenset[tuple[int, int]]],
) -> tuple[Sense, ...]:
    """What the hit can mean here, the likeliest first."""
    own = words[hit.first : hit.last]
    start, end = own[0].start, own[-1].end
    whole = len(own) == len(words)
    keys = tuple(token.key for token in own)
    exact = (keys, (*keys[:-1], keys[-1].removesuffix("s"))) if folded.startswith("'s", end - 2) else (keys,)
    senses = [s for s in hit.senses if not s.words or s.words in exact or hit.similarity < 1]
    shown = bool(
        _BEFORE_BRAND.search(folded[max(start - 30, 0) : start]) or _AFTER_BRAND.match(folded[end : end + 20])
    )
    if len(own) > 1 and _STOP.search(folded, start, end):  # "都不要,推荐" is not 不要推荐
        senses = [s for s in senses if s.layer in SLOTS]
    if not whole and keys[0].isdigit() and len(own) == 1:
        return ()
    lacks = folded[max(start - 1, 0) : start] in ("无", "零")  # 无糖
    if len(own) == 1 and is_han(keys[0]) and not whole and not lacks and (start, end) not in word_places():
        senses = [s for s in senses if s.layer in ("stop", "hard", "exclude")]
    if len(own) == 2 and not whole and not shown and is_han(keys[0] + keys[1]) and senses:
        inside = any((start - n, end - n + 1) in word_places() for n in (0, 1))
        senses = [s for s in senses if not inside or s.layer != "Brand"]  # 绒绒 of 毛绒绒 is no brand
    meant = shown or whole or _spelled_out(text, start, end, senses)
    senses = [s for s in senses if meant or not s.doubtful]
    return tuple(sorted(senses, key=lambda sense: _preference(sense, senses, shown, meant)))


def _preference(sense: Sense, senses: Sequence[Sense], shown: bool, meant: bool) -> int:
    """Order of the meanings of one span: audience before all; a brand shown as one before the rest."""
    if sense.layer == "Brand":
        if shown:
            return -2
        others = any(other.layer == "Attribute" for other in senses)
        return 1 if meant or not others else 4
    return {"audience": -1, "Category": 0, "Attribute": 2}.get(sense.layer, 5 + _rank((sense,)))


def _spelled_out(text: str, start: int, end: int, senses: Sequence[Sense]) -> bool:
    """Whether the writer's capitals say that a name is meant."""
    written = text[start:end]
    stands_out = written.isupper() or (start > 0 and not written.islower())
    spellings = {name for sense in senses for node in sense.nodes for name in node.names}
    return stands_out and written in spellings and not text.isupper()


def _han_words(folded: str) -> frozenset[tuple[int, int]]:
    """Places of the words that a Chinese text is made of."""
    places, start = set(), 0
    for word in rjieba.cut(folded):
        places.add((start, start + len(word)))
        start += len(word)
    return frozenset(places)
