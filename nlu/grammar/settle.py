"""Settles by context what a mark means: heads of compounds, parts of the tree, what goes with "skin"."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from nlu.grammar.marks import Mark
from nlu.names import is_han, singular
from shopgraph.types import Intent

_PURPOSE = re.compile(r"\b(?:for|on|in|of|from|under|around|with)\s(?:my\s|the\s|your\s|an?\s|some\s)?$")
_PLACE = re.compile(r"\b(?:on|in|of|around|under|all over|from)\s(?:my\s|the\s|your\s|her\s|his\s)?$")
_AND = re.compile(r"[\s,]*(?:\b(?:and|or)\b|[&/])?[\s,]*")
_TOUCH = re.compile(r"[\s-]*")


def settled(
    marks: Sequence[Mark], folded: str, intent: Intent, ancestors: Mapping[str, frozenset[str]]
) -> list[Mark]:
    """The marks that say something, each with the meaning it has here first."""
    kept = [
        mark for mark in _one_meaning(marks, folded) if mark.sense.kind != "ask" or intent == "ask_about_item"
    ]
    kept = _without_modifiers(kept, folded, ancestors)
    kept = _without_ancestors(kept, ancestors)
    kept = _without_absent(kept)
    return _with_nouns(kept, folded)


def _one_meaning(marks: Sequence[Mark], folded: str) -> list[Mark]:
    """A word for both a category and an attribute is the category only if it is what is looked for."""
    plain = {n for n, mark in enumerate(marks) if _is_category(mark) and not mark.has("Attribute")}
    found = list(marks)
    for number, mark in enumerate(marks):
        category, attribute = mark.sense_of("Category"), mark.sense_of("Attribute")
        if category is None or attribute is None or mark.sense.layer in ("Brand", "audience"):
            continue
        next_is_category = (
            number + 1 < len(marks)
            and marks[number + 1].has("Category")
            and _TOUCH.fullmatch(folded, mark.end, marks[number + 1].start)
        )
        wanted = [n for n in plain if not marks[n].excluded and marks[n].sense.kind != "weak"]
        ruled_out = mark.excluded and not _is_named_as_products(marks, number, folded)
        before_another = next_is_category or (wanted and not mark.excluded)
        is_attribute = mark.value or category.kind == "weak" or ruled_out or before_another
        first = attribute if is_attribute else category
        others = tuple(sense for sense in mark.senses if sense is not first)
        found[number] = replace(mark, senses=(first, *others))
    return found


def _is_named_as_products(marks: Sequence[Mark], number: int, folded: str) -> bool:
    """Whether what is ruled out is said in the plural, as products of a form or kind are: "no creams"."""
    mark = marks[number]
    category, attribute = mark.sense_of("Category"), mark.sense_of("Attribute")
    said = folded[mark.start : mark.end]
    if category is None or attribute is None or category.kind == "weak" or mark.value:
        return False
    if not said.endswith("s") or singular(said) == said:
        return False
    beside = [other for other in marks[max(number - 1, 0) : number + 2] if other is not mark]
    products = any(other.excluded and other.has("Category") and not _is_content(other) for other in beside)
    return products or not _is_content(mark)


def _is_content(mark: Mark) -> bool:
    """Whether it is what a product may have in it: "fragrances", "oils"."""
    attribute = mark.sense_of("Attribute")
    return attribute is not None and attribute.kind in ("ingredient", "scent")


def _without_modifiers(
    marks: Sequence[Mark], folded: str, ancestors: Mapping[str, frozenset[str]]
) -> list[Mark]:
    """Without categories that only say more of another: "nail" of "nail scissors", "for the face"."""
    wanted = [mark for mark in marks if _is_category(mark) and not mark.excluded]
    strong = [mark for mark in wanted if mark.sense.kind != "weak"]
    following = dict(pairwise(marks))
    return [
        mark
        for mark in marks
        if mark not in wanted
        or _lies_below(mark, following.get(mark), ancestors)
        or not _only_modifies(mark, following.get(mark), [other for other in strong if other != mark], folded)
    ]


def _lies_below(mark: Mark, following: Mark | None, ancestors: Mapping[str, frozenset[str]]) -> bool:
    """Whether what follows only says again what it is: "poetry books"."""
    above = {node_id for node in mark.sense.nodes for node_id in ancestors.get(node.node_id, ())}
    return following is not None and any(node.node_id in above for node in following.sense.nodes)


def _only_modifies(mark: Mark, following: Mark | None, others: Sequence[Mark], folded: str) -> bool:
    is_weak = mark.sense.kind == "weak"
    if is_weak and (others or _PLACE.search(folded[max(mark.start - 20, 0) : mark.start])):
        return True
    if any(other.end <= mark.start for other in others) and _PURPOSE.search(
        folded[max(mark.start - 20, 0) : mark.start]
    ):
        return True
    if (
        following is None
        or is_han(folded[mark.start])
        or not _TOUCH.fullmatch(folded, mark.end, following.start)
    ):
        return False
    goes_before = _is_category(following) and (is_weak or following.sense.kind != "weak")
    return goes_before or (is_weak and following.sense.kind == "absent")


def _without_ancestors(marks: Sequence[Mark], ancestors: Mapping[str, frozenset[str]]) -> list[Mark]:
    """Without categories that a wanted one lies below: the most specific is meant, whatever is ruled out."""
    above: set[str] = set()
    for mark in marks:
        if _is_category(mark) and not mark.excluded:
            for node in mark.sense.nodes:
                above |= ancestors.get(node.node_id, frozenset())
    return [
        mark
        for mark in marks
        if not _is_category(mark)
        or not mark.sense.nodes
        or any(node.node_id not in above for node in mark.sense.nodes)
    ]


def _without_absent(marks: Sequence[Mark]) -> list[Mark]:
    """Without products that the shop lacks, where another is looked for: they are parts or uses of it."""
    wanted = any(_is_category(mark) and not mark.excluded for mark in marks)
    return [
        mark
        for mark in marks
        if not wanted or mark.excluded or mark.sense.kind != "absent" or mark.sense.layer == "Brand"
    ]


def _with_nouns(marks: Sequence[Mark], folded: str) -> list[Mark]:
    """In "dry and sensitive skin" the first is "dry skin" too."""
    found = list(marks)
    for number in reversed(range(len(marks) - 1)):
        mark, following = found[number], found[number + 1]
        noun = following.name.rpartition(" ")[2]
        if (
            mark.sense.layer == following.sense.layer == "Attribute"
            and mark.sense.kind in ("skin", "hair")
            and following.sense.kind in ("skin", "hair")
            and noun in ("skin", "hair", "scalp")
            and " " not in mark.name
            and _AND.fullmatch(folded, mark.end, following.start)
        ):
            found[number] = replace(mark, value=f"{mark.name} {noun}")
    return found


def _is_category(mark: Mark) -> bool:
    return mark.sense.layer == "Category"
