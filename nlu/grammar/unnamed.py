"""Words that are ruled out and that no list holds: "without seams", "sulfates or sodium chloride".

They are less sure than names, and where the negation says nothing of what a thing has in it ("no seams") they
are doubtful.
"""

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from nlu.grammar.data import table
from nlu.grammar.data import words as words_of
from nlu.grammar.marks import SLOTS, Mark
from nlu.grammar.senses import Sense, everyday_words, filler_words
from nlu.names import Token, is_han, singular

_PASSED_OVER, _OPINIONS, _NO_THING = (
    frozenset(word for role, said in table("unnamed") if role == wanted for word in words_of(said))
    for wanted in ("over", "opinion", "no_thing")
)
_JOINS = re.compile(r"\s*(?:,?\s*\b(?:or|and|nor)\b|[/&])\s*")
_APART = re.compile(r"[\s-]*")
_OF_A_MAKER = re.compile(r"\b(?:from|by|than|brands?)\s*$")
_OF_CONTENT = re.compile(
    r"\b(?:without|free (?:of|from)|sans|w/o|allergic|allergy|contain\w*|with no|has no)\b"
)
_BEFORE_THINGS = re.compile(
    r"\b(?:no|zero|any|sans|minus|without|w/o|free (?:of|from)|allergic to|contain\w*|avoid\w*|skip|hates?"
    r"|dislikes?|exclud\w+|with)\W*$"
)
_DOING = re.compile(
    r"[a-z]{3,}ing\b(?: (?:out|up|down|in|off|on|the|a|an|my|your|his|her|our|their|it|me)\b|$|[,.])"
)
_DOING_IT = re.compile(r"[a-z]{3,}ing (?:to|it|them|the|a|an|my|your|his|her|our|their|me|off|out|up|down)\b")
_HATED = re.compile(r"\b(?:hat(?:e|es|ing)|loathe|despise|detest|dislik\w+)\b")
_NEEDED = re.compile(r"\b(?:need|require|want to|have to)\W*$")
_SHORTEST, _MOST_WORDS = 3, 2


def with_unnamed(marks: Sequence[Mark], words: Sequence[Token], folded: str, text: str) -> list[Mark]:
    """The marks, and those of the unknown English words that a negation before them rules out."""
    starting = {mark.first: mark for mark in marks}
    found = [
        new
        for mark in marks
        if mark.has("exclude") and not is_han(folded[mark.start : mark.end])
        for new in _ruled_out(mark, starting, words, folded, text)
    ]
    found += [new for number in range(len(marks)) for new in _refused(marks, number, words, folded, text)]
    return sorted([*marks, *found], key=lambda mark: mark.first) if found else list(marks)


def _refused(
    marks: Sequence[Mark], number: int, words: Sequence[Token], folded: str, text: str
) -> Iterator[Mark]:
    """The unknown word right before what refuses it: "steroids are out"."""
    cue, place = marks[number], marks[number].first - 1
    taken = number > 0 and marks[number - 1].last > place
    if place < 0 or taken or not cue.has("after") or is_han(folded[cue.start : cue.end]):
        return
    word = words[place]
    if _APART.fullmatch(folded, word.end, cue.start) and _is_a_thing(word, text, everyday_words()):
        sense = Sense("Attribute", singular(word.key), kind="unnamed", doubtful=True)
        yield Mark(place, place + 1, word.start, word.end, (sense,), excluded=True)


def _ruled_out(
    cue: Mark, starting: dict[int, Mark], words: Sequence[Token], folded: str, text: str
) -> Iterator[Mark]:
    if _OF_A_MAKER.search(folded, cue.start, cue.end):
        return
    if _is_reason(cue, words, folded):
        return
    sure = _OF_CONTENT.search(folded, cue.start, cue.end)
    plain = filler_words() if _BEFORE_THINGS.search(folded, cue.start, cue.end) else everyday_words()
    no_doing = bool(sure or _NEEDED.search(folded, cue.start, cue.end))
    place, end = cue.last, cue.end
    while True:
        while place < len(words) and place not in starting and words[place].key in _PASSED_OVER:
            place += 1
        if place >= len(words):
            return
        gap = folded[end : words[place].start]
        if not (_JOINS.fullmatch(gap) if end > cue.end else not re.search(r"[,.;:!?]", gap)):
            return
        if (mark := starting.get(place)) is not None:
            if not mark.excluded:
                return
            place, end = mark.last, mark.end
            continue
        last = _end_of_run(place, starting, words, folded, text, plain)
        doing = _DOING if no_doing else _DOING_IT
        if last == place or doing.match(folded, words[place].start):
            return
        while last - place > 1 and words[place].key in _OPINIONS:  # "silly slogans"
            place += 1
        start, end = words[place].start, words[last - 1].end
        behind = starting.get(last)
        if behind is not None and behind.has(*SLOTS) and _APART.fullmatch(folded, end, behind.start):
            return  # "no-chip nail polish"
        name = " ".join((*(word.key for word in words[place : last - 1]), singular(words[last - 1].key)))
        sense = Sense("Attribute", name, kind="unnamed", doubtful=sure is None)
        yield Mark(place, last, start, end, (sense,), excluded=True)
        place = last


def _is_reason(cue: Mark, words: Sequence[Token], folded: str) -> bool:
    """Whether what is hated is no property: "my kids hate the mess", "I hate going to the gym"."""
    if not _HATED.search(folded, cue.start, cue.end) or cue.last >= len(words):
        return False
    return folded[cue.start : words[cue.last].start].endswith(" the ") or bool(
        _DOING_IT.match(folded, words[cue.last].start)
    )


def _end_of_run(
    first: int,
    starting: dict[int, Mark],
    words: Sequence[Token],
    folded: str,
    text: str,
    plain: AbstractSet[str],
) -> int:
    """Where the words from `first` on end that are not plain; `first` itself if there is none."""
    last = first
    while last < len(words) and last - first < _MOST_WORDS and last not in starting:
        word = words[last]
        apart = last > first and not _APART.fullmatch(folded, words[last - 1].end, word.start)
        if apart or not _is_a_thing(word, text, plain):
            break
        last += 1
    return last


def _is_a_thing(word: Token, text: str, plain: AbstractSet[str]) -> bool:
    is_word = word.key.isalpha() and word.key.isascii() and len(word.key) >= _SHORTEST
    is_word = is_word and word.end - word.start == len(word.key)  # "doesn't"
    forms = {word.key, singular(word.key)}
    known = forms & plain or forms & _NO_THING or forms & _PASSED_OVER
    is_name = text[word.start].isupper() and not text.isupper()
    return is_word and not known and not is_name
