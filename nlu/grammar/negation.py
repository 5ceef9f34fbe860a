"""Which marks the words rule out: what follows "no", "without", "不要", "除了" as far as that reaches."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from nlu.grammar.marks import SLOTS, Mark
from nlu.grammar.senses import Layer
from nlu.names import is_han

_END = re.compile(r"[.;!?。;!?]|\d")
_LIST = re.compile(r"[,、/&]|\b(?:or|and|nor)\b|[和或跟与]|以及|还有")
_FREE_AFTER = re.compile(r"[\s-]?free\b(?!\s(?:shipping|delivery|of|from|gift|sample|returns?))")
_JOINED = re.compile(r"[\s,/&-]*(?:\b(?:and|or)\b)?[\s,/&]*")
_FREE_BEFORE = re.compile(r"(?:无|零|(?<!\d)0|免)\s?$")
_NOT_RULED_OUT = frozenset({"skin", "hair", "concern"})
_BEFORE_AFTER = " 的都就也我会很太容易一用真,,是这个牌子类"
_CONJUNCTION = re.compile(r"\b(?:or|and|nor)\b|[和或跟与及]|以及|还有|也")
_NOTHING_BEHIND = re.compile(r"\s*(?:[,.;!?。的了吧啊呀哈哦]|$)|(?<![a-z])\s")
_LITTLE = re.compile(r"[\s-]*(?:(?:any|more|the|a|an|other|of|for|these|those)\s+)*")
_OWN = re.compile(r"\b(?:my|your|his|her|our|their|the)\s*$")
_WISHES = frozenset({"", "claim", "form", "skin", "hair", "concern"})
_WITHIN = re.compile(
    r" (?:with|containing|that(?: (?:has|have|contains?|are|is|look|feel|smells?|like|of|too|very|so)\b)*"
    r"|made (?:of|with|from)|from|by|in)(?: (?:any|the|too much|added))? "
)
_NON = re.compile(r"\bnon[\s-]?$")
_BASED = re.compile(r"[\s-]based\b")
_REACH, _CLOSE = 60, 6


def with_exclusions(marks: Sequence[Mark], folded: str, ends: Sequence[tuple[int, int]]) -> list[Mark]:
    """The marks, those ruled out marked so; the negative words themselves stay among them.

    Args:
        marks: in order.
        folded: the text they lie in.
        ends: places of prices and quantities; no negation reaches beyond one.
    """
    excluded: set[int] = set()
    for number, mark in enumerate(marks):
        if mark.sense.layer not in ("exclude", "after"):
            continue
        found = _forward(marks, number, folded, ends) if mark.has("exclude") else []
        ends_here = not mark.has("exclude") or _NOTHING_BEHIND.match(folded, mark.end)
        if not found and mark.has("after") and ends_here:
            found = _backward(marks, number, folded)
        excluded.update(found)
    excluded -= _still_wanted(marks, excluded, folded)
    return [_as_excluded(mark) if n in excluded else mark for n, mark in enumerate(marks)]


def _still_wanted(marks: Sequence[Mark], excluded: AbstractSet[int], folded: str) -> set[int]:
    """The only category, where other words stand between the negation and it: "no animal testing mascara"."""
    categories = [n for n, mark in enumerate(marks) if _is_category(mark) and mark.sense.kind != "weak"]
    if len(categories) != 1 or categories[0] not in excluded:
        return set()
    number = categories[0]
    cue = next((mark for mark in reversed(marks[:number]) if mark.has("exclude")), None)
    if cue is None or _LITTLE.fullmatch(folded, cue.end, marks[number].start):
        return set()
    return {number}


def with_free_forms(marks: Sequence[Mark], folded: str) -> list[Mark]:
    """The marks, with "paraben" of "paraben-free" and "无硅油" called "paraben free", "silicone free".

    So are "non-scented" and "oil-based".
    """
    found = list(marks)
    for number in reversed(range(len(marks))):
        mark = marks[number]
        attribute = mark.sense_of("Attribute")
        if attribute is None:
            continue
        after = _FREE_AFTER.match(folded, mark.end)
        before = is_han(folded[mark.start]) and _FREE_BEFORE.search(
            folded[max(mark.start - 4, 0) : mark.start]
        )
        following = found[number + 1] if number + 1 < len(found) else None
        listed = (
            following is not None
            and following.name.endswith(" free")
            and attribute.kind == "ingredient"
            and _JOINED.fullmatch(folded, mark.end, following.start)
        )
        if based := _BASED.match(folded, mark.end):
            found[number] = replace(mark, end=based.end(), value=f"{attribute.value} based")
        elif non := _NON.search(folded[max(mark.start - 4, 0) : mark.start]):
            start = max(mark.start - 4, 0) + non.start()
            found[number] = replace(mark, start=start, value=f"non {attribute.value}")
        elif after or before or listed:
            end = after.end() if after else mark.end
            start = before.start() if before else mark.start
            free = (attribute, *(sense for sense in mark.senses if sense is not attribute))
            found[number] = replace(
                mark, start=start, end=end, senses=free, value=f"{attribute.value.removesuffix(' free')} free"
            )
    return found


def _forward(marks: Sequence[Mark], number: int, folded: str, ends: Sequence[tuple[int, int]]) -> list[int]:
    """The marks behind a negative word that it rules out."""
    found: list[int] = []
    place = marks[number].end
    for following in range(number + 1, len(marks)):
        mark = marks[following]
        gap = folded[place : mark.start]
        if _END.search(gap) or len(gap) > _REACH or any(place <= start < mark.start for start, _ in ends):
            break
        if mark.has(*SLOTS):
            if not found and (_is_own(mark, gap) or _is_spared(mark, gap) or _is_smell_of(mark, folded)):
                continue
            if not found and _is_described(marks, following, folded):
                place = mark.end
                continue
            if found and not gap.strip() and _is_smell(mark):  # "no floral perfumes"
                place = mark.end
                continue
            if _is_absence(mark) and (gap.strip() or mark.name.endswith(" free")):
                break
            if found and not gap.strip() and mark.sense.kind == "absent":  # "no ceramic plates"
                place = mark.end
                continue
            if found and not _goes_on(marks, found[-1], following, folded):
                break
            if ("," if not found else ":") in gap:
                break
            found.append(following)
            place = mark.end
        elif mark.has("exclude", "hard") or (found and mark.has("stop")):
            break
    return found


def _is_own(mark: Mark, gap: str) -> bool:
    """Whether it is the writer's own: "my hair" of "won't leave my hair sticky"."""
    return mark.sense.kind == "weak" and _OWN.search(gap) is not None


def _is_absence(mark: Mark) -> bool:
    """Whether it says itself that something is lacking: what negates it a second time means another thing."""
    return mark.name.startswith("non ") or mark.name.endswith(" free")


def _is_described(marks: Sequence[Mark], number: int, folded: str) -> bool:
    """Whether it is the product that something must not be in: "toner" of "no toner with alcohol"."""
    mark = marks[number]
    within = _WITHIN.match(folded, mark.end) if _is_category(mark) else None
    return within is not None and any(
        other.start == within.end() and other.has("Brand", "Attribute") for other in marks[number + 1 :]
    )


def _is_smell(mark: Mark) -> bool:
    attribute = mark.sense_of("Attribute")
    return attribute is not None and attribute.value in ("fragrance", "scent")


def _is_smell_of(mark: Mark, folded: str) -> bool:
    """Whether it is the smell of what comes next: "the smell of roses"."""
    attribute = mark.sense_of("Attribute")
    asked = attribute is not None and attribute.kind == "ask"
    return asked and folded.startswith(" of ", mark.end)


def _is_spared(mark: Mark, gap: str) -> bool:
    """Whether it only names whom something must not harm: "sensitive skin" of "won't irritate …"."""
    return (
        _family(mark) in ("skin", "hair")
        and mark.has("Attribute")
        and re.search(r"[a-z]{4}", gap) is not None
    )


def _goes_on(marks: Sequence[Mark], before: int, following: int, folded: str) -> bool:
    """Whether a negation that took one mark takes the next slot too."""
    last, mark = marks[before], marks[following]
    gap = folded[last.end : mark.start]
    layers = {sense.layer for sense in last.senses} & {sense.layer for sense in mark.senses} & set(SLOTS)
    if not layers:
        return False
    joined = _CONJUNCTION.search(gap.rpartition(",")[2]) is not None
    if "," in gap and not joined and not _list_goes_on(marks, following, folded, layers):
        return False
    if (_is_category(last) or _is_category(mark)) and not _LIST.search(gap):
        return False
    kinds = {_family(last), _family(mark)}
    same_kind = len(kinds) == 1 or not kinds - {"", "claim"}
    return bool(layers - {"Attribute"}) or same_kind or not gap.strip() or "or" in gap or "或" in gap


def _list_goes_on(marks: Sequence[Mark], number: int, folded: str, layers: AbstractSet[Layer]) -> bool:
    """Whether the mark behind a comma is of a list: closed by "or", or of things that are no wishes."""
    mark = marks[number]
    following = marks[number + 1] if number + 1 < len(marks) else None
    if following is not None:
        gap = folded[mark.end : following.start]
        if following.has(*layers) and len(gap) < _CLOSE and _CONJUNCTION.search(gap):
            return True
        if not gap.strip(" -") and following.has("Category"):
            return False
    return not _is_category(mark) and _family(mark) not in _WISHES


def _is_category(mark: Mark) -> bool:
    return mark.has("Category") and not mark.has("Attribute")


def _family(mark: Mark) -> str:
    """What kind of thing it is; a scent is ruled out as an ingredient is."""
    attribute = mark.sense_of("Attribute")
    kind = attribute.kind if attribute else mark.sense.kind
    return "ingredient" if kind == "scent" else kind


def _backward(marks: Sequence[Mark], number: int, folded: str) -> list[int]:
    """The marks directly before "过敏", "除外", "不要" that it rules out."""
    found: list[int] = []
    place = marks[number].start
    for previous in range(number - 1, -1, -1):
        mark = marks[previous]
        if not mark.has(*SLOTS):
            continue
        gap = folded[mark.end : place]
        bare = gap.strip(_BEFORE_AFTER)
        joined = not bare or (found and _LIST.fullmatch(bare))
        if not joined or mark.sense.kind in _NOT_RULED_OUT:
            break
        if found and not _goes_on(marks, previous, found[-1], folded):
            break
        if ("," in gap or found) and _is_category(mark) and not (found and _is_category(marks[found[-1]])):
            break
        found.append(previous)
        place = mark.start
    return found


def _as_excluded(mark: Mark) -> Mark:
    """What can be an ingredient is one, where it is ruled out."""
    smell = mark.sense_of("Attribute")
    if smell is not None and (smell.kind, smell.value) == ("ask", "scent"):  # "no smell"
        mark = replace(mark, senses=(replace(smell, value="fragrance", kind="ingredient"),))
    order = sorted(mark.senses, key=lambda sense: sense.kind != "ingredient")
    return replace(mark, senses=tuple(order), excluded=True)
