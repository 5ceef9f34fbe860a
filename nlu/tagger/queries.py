"""Queries made from a shop's words by templates, with their intent and spans.

The templates of validation stand in a file of their own: not one of them is ever trained on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nlu.tagger.labels import INTENTS, Label, LabelledQuery, QuerySpan
from nlu.tagger.noise import lose_space, misspell, traditional
from nlu.tagger.shop_words import ShopWords, Tongue, general_words, read_table, weights_of
from shopgraph.types import Intent

Split = Literal["train", "validation"]
Style = Literal["en", "zh", "mixed"]

_INTENT_SHARES = (0.5, 0.1, 0.1, 0.12, 0.1, 0.08)
_STYLES: tuple[Style, ...] = ("en", "zh", "mixed")
_STYLE_SHARES = (0.44, 0.42, 0.14)

_LABEL_OF: dict[str, Label] = {
    "category": "category", "brand": "brand", "line": "item", "attr": "attribute", "adj": "attribute",
    "ingredient": "attribute", "concern": "attribute", "scent": "attribute", "colour": "attribute",
    "size": "attribute", "audience": "audience", "owned": "audience",
}  # fmt: skip
_PART = re.compile(r"\{(?P<mark>[!~]?)(?P<slot>\w+)\}|<(?P<kind>\w+)>|\[(?P<label>\w+)\|(?P<inner>[^\]]*)\]")
_FROM_GENERAL = {"category": ("product", 0.45), "brand": ("make", 0.2)}
"""Slots of the graph that a general word may fill: which list, and how often."""
_ENGLISH_IN_CHINESE = 0.12
_NUMERALS = ("五十", "一百", "两百", "三百", "五百", "一千", "八十", "三十", "二十", "一百五", "两千")
_PRICES = (5, 8, 10, 12, 15, 20, 25, 30, 35, 40, 50, 60, 75, 80, 99, 100, 120, 150, 199, 200, 300, 500, 1000)


@dataclass(frozen=True)
class _Piece:
    text: str
    label: Label | None = None
    excluded: bool = False


class QueryMaker:
    """Draws queries over one shop from one split's templates."""

    def __init__(self, words: ShopWords, split: Split, noise: bool = True) -> None:
        self._templates = _templates(split)
        self._noise = noise
        graph = {"category": words.categories, "brand": words.brands, "attr": words.attributes}
        graph["line"] = words.lines
        named = {slot: [thing for thing in things if thing.en or thing.zh] for slot, things in graph.items()}
        self._things = {slot: (things, weights_of(things)) for slot, things in named.items() if things}
        self._in_chinese = {slot for slot, things in named.items() if any(thing.zh for thing in things)}

    def draw(self, rng: np.random.Generator) -> LabelledQuery:
        """One query."""
        intent = INTENTS[int(rng.choice(len(INTENTS), p=_INTENT_SHARES))]
        style = _STYLES[int(rng.choice(len(_STYLES), p=_STYLE_SHARES))]
        pieces = self._expand(intent, style, rng)
        if intent != "chitchat" and rng.random() < 0.08:
            pieces = [*self._expand("before", style, rng), *pieces]
        if rng.random() < 0.08:
            pieces = [*pieces, *self._expand("after", style, rng)]
        if self._noise:
            pieces = _roughen(pieces, rng)
        return _joined(pieces, intent)

    def draw_many(self, n_queries: int, rng: np.random.Generator) -> list[LabelledQuery]:
        """So many different texts, at most: a small shop may have fewer to offer."""
        found: dict[str, LabelledQuery] = {}
        for _ in range(3 * n_queries):
            if len(found) == n_queries:
                break
            query = self.draw(rng)
            if query.text:
                found[query.text] = query
        return list(found.values())

    def _expand(self, kind: str, style: Style, rng: np.random.Generator) -> list[_Piece]:
        if (kind, style) not in self._templates:
            style = "en" if rng.random() < 0.3 else "zh"
        options = self._templates[kind, style]
        return self._fill(options[int(rng.integers(len(options)))], style, rng)

    def _fill(self, template: str, style: Style, rng: np.random.Generator) -> list[_Piece]:
        pieces: list[_Piece] = []
        end = 0
        for part in _PART.finditer(template):
            pieces.append(_Piece(template[end : part.start()]))
            end = part.end()
            if part["kind"]:
                pieces += self._expand(part["kind"], style, rng)
            elif part["label"]:
                inner = "".join(piece.text for piece in self._fill(part["inner"], style, rng))
                pieces.append(_Piece(inner, _label(part["label"])))
            else:
                pieces.append(self._slot(part["slot"], part["mark"], style, rng))
        return [piece for piece in [*pieces, _Piece(template[end:])] if piece.text]

    def _slot(self, slot: str, mark: str, style: Style, rng: np.random.Generator) -> _Piece:
        if slot in ("n", "m", "c"):
            return _Piece(_number(slot, rng))
        tongue: Tongue = "en" if style == "en" or rng.random() < _ENGLISH_IN_CHINESE else "zh"
        if style == "mixed":
            tongue = "en" if rng.random() < 0.5 else "zh"
        value = self._value(slot, tongue, rng)
        return _Piece(value, None if mark == "~" else _LABEL_OF[slot], mark == "!")

    def _value(self, slot: str, tongue: Tongue, rng: np.random.Generator) -> str:
        """A value for the slot, out of the graph where it has such things."""
        listed, share = _FROM_GENERAL.get(slot, (slot, 0.0))
        things, weights = self._things.get(slot, ((), np.zeros(0)))
        untranslated = slot == "category" and tongue == "zh" and slot not in self._in_chinese
        if slot in ("attr", "line") and not things:
            listed = "adj"
        if not things or rng.random() < share or untranslated:
            words = general_words()[listed, tongue]
            return words[int(rng.integers(len(words)))]
        names = things[_place(weights, rng)].names(tongue)
        return names[int(rng.integers(len(names)))]


@cache
def _templates(split: Split) -> dict[tuple[str, Style], tuple[str, ...]]:
    found: dict[tuple[str, Style], list[str]] = {}
    for kind, style, template in read_table(f"templates_{split}.tsv"):
        found.setdefault((kind, _style(style)), []).append(template)
    return {key: tuple(templates) for key, templates in found.items()}


def _style(text: str) -> Style:
    for style in _STYLES:
        if style == text:
            return style
    raise ValueError(f"style {text!r}: expected one of {', '.join(_STYLES)}")


def _label(text: str) -> Label:
    for label in ("category", "brand", "attribute", "item", "price", "audience", "sort"):
        if label == text:
            return label
    raise ValueError(f"label {text!r} of a template is not known")


def _place(weights: NDArray[np.float64], rng: np.random.Generator) -> int:
    return min(int(np.searchsorted(weights, rng.random(), side="right")), len(weights) - 1)


def _number(slot: str, rng: np.random.Generator) -> str:
    if slot == "c":
        return _NUMERALS[int(rng.integers(len(_NUMERALS)))]
    number = _PRICES[int(rng.integers(len(_PRICES)))] * (1 if slot == "n" else 2)
    if rng.random() < 0.2:
        number = int(rng.integers(2, 400))
    return f"{number}.{int(rng.integers(1, 100)):02d}" if rng.random() < 0.06 else str(number)


def _roughen(pieces: list[_Piece], rng: np.random.Generator) -> list[_Piece]:
    """The pieces as somebody in a hurry types them."""
    texts = [piece.text for piece in pieces]
    case = rng.random()
    if case < 0.6:
        texts = [text.lower() for text in texts]
    elif case < 0.65:
        texts = [text.upper() for text in texts]
    elif case < 0.72:
        texts = [text.title() for text in texts]
    if rng.random() < 0.2:
        place = int(rng.integers(len(texts)))
        texts[place] = misspell(texts[place], rng)
    if rng.random() < 0.05:
        place = int(rng.integers(len(texts)))
        texts[place] = lose_space(texts[place], rng)
    if rng.random() < 0.1:
        texts = [traditional(text) for text in texts]
    return [replace(piece, text=text) for piece, text in zip(pieces, texts, strict=True)]


def _joined(pieces: Sequence[_Piece], intent: Intent) -> LabelledQuery:
    """The text with single spaces; Latin letters of neighbours that would run together are kept apart."""
    text = ""
    spans: list[QuerySpan] = []
    for piece in pieces:
        new = " ".join(piece.text.split())
        lead, trail = piece.text[:1].isspace(), piece.text[-1:].isspace()
        runs_on = bool(text) and bool(new) and _latin(text[-1]) and _latin(new[0])
        if (lead or runs_on) and text and not text.endswith(" "):
            text += " "
        if new and piece.label is not None:
            spans.append(QuerySpan(len(text), len(text) + len(new), piece.label, piece.excluded))
        text += new + (" " if trail and new else "")
    return LabelledQuery(text.rstrip(), intent, tuple(spans))


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
