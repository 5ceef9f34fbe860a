"""What a turn says about the turns before it: cues, and the place of an item in the last list."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias, get_args

from nlu.normalise import normalise

Cue: TypeAlias = Literal[
    "restart",
    "add",
    "replace",
    "waive_brand",
    "waive_price",
    "waive_minimum",
    "waive_category",
    "waive_attribute",
    "waive_sort",
    "widen",
    "other_brand",
    "cheaper",
    "dearer",
    "why",
    "more",
    "similar",
]

_PLACES = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
    "fifth": 5, "5th": 5, "sixth": 6, "6th": 6, "seventh": 7, "7th": 7, "eighth": 8, "8th": 8,
    "ninth": 9, "9th": 9, "tenth": 10, "10th": 10, "last": -1,
}  # fmt: skip
_HAN_PLACES = {han: place for place, han in enumerate("一二三四五六七八九十", 1)}
_PLACE = re.compile(
    rf"\b({'|'.join(_PLACES)})\s+(?:one|item|product|option|result|of (?:these|those|them))\b"
    r"|(?:\b(?:number|no\.?|option|item)\s*|#)(\d{1,2})\b"
    r"|第\s*([一二三四五六七八九十]|\d{1,2})\s*(?:个|款|件|支|瓶|双|种|条|样)"
    r"|(最后)(?:一)?(?:个|款|件|支|瓶|双|种|条|样)"
)
_DROPS = re.compile(
    r"\b(?:forget|drop|remove|scratch|lose|ditch|delete|take (?:off|out|away)|clear|cancel|scrap|lift|nix)"
    r"(?: about)?(?: the| that| my| those)?(?: [a-z]+ (?:and|or))?\s*$|(?:去掉|取消|删掉|删除|撤掉)了?\s*$"
)
_A_WISH = re.compile(r"\s*(?:requirement|filter|part|preference|restriction|criteri(?:on|a)|condition)\b")
_LEAVES = re.compile(
    r"\b(?:forget|drop|remove|scratch|lose|ditch|delete|scrap|lift|nix|never ?mind|cancel|ignore|disregard)"
    r"(?: about)?(?: the| that| my| those)? ([a-z' -]{3,40}?)"
    r"(?: (?:part|thing|bit|requirement|filter|wish))?(?=\W*$|[,.;]| and )"
    r"|(?:去掉|取消|删掉|删除|撤掉|不用|不必|不需要)(?:要)?(.{1,8}?)(?:的?(?:要求|条件))?(?:了|吧|也行|也可以)?\W*$"
)
_SWAPS = re.compile(
    r"\b(?:swap|switch|change|exchange|replace|trade)(?: out)?\s(.{1,40}?)\s(?:for|to|with|into)\b"
    r"|(?:把|将)?(.{1,16}?)(?:换成|改成|改为|换为|变成)"
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_FILLING = frozenset(
    re.findall(
        r"\S+",
        "a about an and any do for i in it like me more of one ones or please show some something tell that "
        "the these them this those to want what would you "
        "的 一点 个 吧 呢 吗 我 要 想 看 看看 请 把 给 这 那 这个 那个 一个",
    )
)


def read_cues(text: str) -> frozenset[Cue]:
    """The cues that a turn gives."""
    plain = normalise(text)
    return frozenset(cue for cue, pattern in _patterns().items() if pattern.search(plain))


def said_by(text: str, cue: Cue) -> str:
    """The words of a turn that give a cue, a line for each place."""
    return "\n".join(match[0] for match in _patterns()[cue].finditer(normalise(text)))


def only_dropped(text: str, name: str) -> bool:
    """Whether a turn takes back something said ("drop the eyeliner") rather than ruling it out."""
    before, found, after = normalise(text).partition(normalise(name))
    return bool(found) and (_DROPS.search(before) or _A_WISH.match(after)) is not None


def dropped_words(text: str) -> str:
    """What a turn says to leave aside ("the coverage" of "never mind the coverage"); empty where nothing."""
    match = _LEAVES.search(normalise(text))
    return "" if match is None else next(group for group in match.groups() if group)


def swapped_out(text: str) -> str:
    """What a turn gives up for something else: "red" of "swap the red for purple"; empty where nothing."""
    match = _SWAPS.search(normalise(text))
    return "" if match is None else next(group for group in match.groups() if group)


def without_cues(text: str) -> str:
    """What a text says beside its cues and places; empty where only filling words are left."""
    plain = _PLACE.sub(" ", normalise(text))
    for pattern in _patterns().values():
        plain = pattern.sub(" ", plain)
    words = [word for word in _WORD.findall(plain) if word not in _FILLING]
    return " ".join(words)


def named_place(text: str) -> int | None:
    """The place in the last list that a turn points at, from 1, -1 for the last; None where at none."""
    match = _PLACE.search(normalise(text))
    if match is None:
        return None
    word, digits, han, last = match.groups()
    if word is not None:
        return _PLACES[word]
    if digits is not None:
        return int(digits)
    if last is not None:
        return -1
    return _HAN_PLACES[han] if han in _HAN_PLACES else int(han)


@cache
def _patterns() -> Mapping[Cue, re.Pattern[str]]:
    text = (files("nlu.dialogue") / "data" / "cues.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    found: dict[Cue, re.Pattern[str]] = {}
    for cue in get_args(Cue):
        english, chinese = "|".join(tables[cue]["en"]), "|".join(tables[cue]["zh"])
        found[cue] = re.compile(rf"\b(?:{english})\b|{chinese}")
    return found
