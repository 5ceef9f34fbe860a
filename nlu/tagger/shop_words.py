"""What shoppers may call the things of a shop: the graph's names, and words that no graph holds."""

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nlu.names import BRAND, CATEGORY, singular, tidy
from shopgraph.types import ITEM, EdgeType, GraphSnapshot, NodeTable

Tongue = Literal["en", "zh"]
_TONGUES: tuple[Tongue, ...] = ("en", "zh")
WordLists = Mapping[tuple[str, Tongue], tuple[str, ...]]
"""(kind, language) → words."""

_ATTRIBUTE, _AUDIENCE = "Attribute", "audience"
_MADE_BY = EdgeType(ITEM, "MADE_BY", BRAND)
_COMPANY = re.compile(r",? (inc|llc|ltd|co|corp|gmbh)\.?$", re.IGNORECASE)
_QUOTED = re.compile("[“「『]([^”」』]{1,12})[”」』]")
_JOINTS = re.compile(r" & |, | / ")
_LONGEST_LINE = 3
_MAX_LINES = 20_000


@dataclass(frozen=True)
class Called:
    """One thing's names in both languages, either of which may be empty, and how often it is asked for."""

    en: tuple[str, ...]
    zh: tuple[str, ...] = ()
    weight: float = 1.0

    def names(self, tongue: Tongue) -> tuple[str, ...]:
        """Its names in that language, else in the other."""
        return (self.zh or self.en) if tongue == "zh" else (self.en or self.zh)


@dataclass(frozen=True)
class ShopWords:
    """What a shop's queries are made of.

    `lines` are words of titles that name neither brand nor category; each kind may be empty.
    """

    categories: tuple[Called, ...] = ()
    brands: tuple[Called, ...] = ()
    attributes: tuple[Called, ...] = ()
    lines: tuple[Called, ...] = ()


def shop_words(snapshot: GraphSnapshot) -> ShopWords:
    """The words of a snapshot; a brand weighs the root of its number of items."""
    nodes = snapshot.nodes
    brands = list(_called(nodes.get(BRAND), _brand_forms))
    made_by = snapshot.relations.get(_MADE_BY)
    if made_by is not None:
        counts = np.bincount(made_by.dst, minlength=len(brands))
        weighed = zip(brands, np.sqrt(np.maximum(counts, 1)).tolist(), strict=True)
        brands = [Called(brand.en, brand.zh, weight) for brand, weight in weighed]
    categories = tuple(_called(nodes.get(CATEGORY), category_forms))
    attributes = nodes.get(_ATTRIBUTE)
    about_goods = [] if attributes is None else [not i.startswith(f"{_AUDIENCE}:") for i in attributes.ids]
    values = zip(_called(attributes, lambda name: (name,)), about_goods, strict=True)
    return ShopWords(
        categories,
        tuple(brands),
        tuple(value for value, kept in values if kept),
        tuple(_lines(snapshot, (*categories, *brands))),
    )


@cache
def general_words() -> WordLists:
    """What may be said of goods in any shop: claims, ingredients, concerns, kinds of people and of things."""
    found: dict[tuple[str, Tongue], list[str]] = {}
    for kind, tongue, word in read_table("words.tsv"):
        found.setdefault((kind, as_tongue(tongue)), []).append(word)
    return {key: tuple(words) for key, words in found.items()}


def read_table(name: str) -> Iterator[tuple[str, str, str]]:
    """The lines of three columns of a file in this package's data."""
    text = (files("nlu.tagger") / "data" / name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            first, second, third = line.split("\t")
            yield first, second, third


def as_tongue(text: str) -> Tongue:
    """`text` itself.

    Raises:
        ValueError: it is no language that queries are made in.
    """
    for tongue in _TONGUES:
        if tongue == text:
            return tongue
    raise ValueError(f"language {text!r}: expected en or zh")


def category_forms(name: str) -> tuple[str, ...]:
    """How a shopper writes a category: "Concealers & Neutralizers" → also concealer, neutralizers, …"""
    parts = [name, *_JOINTS.split(name)] if _JOINTS.search(name) else [name]
    forms = []
    for part in parts:
        *before, last = part.lower().split(" ") or [""]
        forms += [" ".join([*before, singular(last)]), part.lower()]
    people = {*general_words()["audience", "en"], *general_words()["owned", "en"]}
    return tuple(dict.fromkeys(form for form in forms if form and form not in people))


def weights_of(things: Iterable[Called]) -> NDArray[np.float64]:
    """The things' weights, summed up and divided by the whole: for drawing by a uniform number."""
    summed = np.cumsum([thing.weight for thing in things])
    return summed / summed[-1] if len(summed) else summed


def _brand_forms(name: str) -> tuple[str, ...]:
    plain = tidy(html.unescape(name))
    short = _COMPANY.sub("", plain)
    return tuple(dict.fromkeys((plain, short, short.replace("'", "").replace("’", ""))))


def _called(table: NodeTable | None, forms: Callable[[str], tuple[str, ...]]) -> Iterator[Called]:
    if table is None:
        return
    chinese = table.names_zh or ("",) * len(table)
    for name, name_zh in zip(table.names, chinese, strict=True):
        yield Called(tuple(form for form in forms(name) if form), (name_zh,) if name_zh else ())


def _lines(snapshot: GraphSnapshot, named: Iterable[Called]) -> Iterator[Called]:
    """Runs of title words that say nothing else, at most `_MAX_LINES`."""
    known = {"amp", "and", "with", "for", *_words(name for thing in named for name in thing.en)}
    for words in general_words().values():
        known |= _words(words)
    chinese = snapshot.items.title_zh or ("",) * snapshot.n_items
    seen: set[str] = set()
    for title, title_zh in zip(snapshot.items.title, chinese, strict=True):
        run: list[str] = []
        for word in title.split():
            if word.isalpha() and len(word) > 2 and word.casefold() not in known:
                run.append(word)
            elif run:
                break
        line = " ".join(run[:_LONGEST_LINE])
        if line and line not in seen and len(seen) < _MAX_LINES:
            seen.add(line)
            quoted = _QUOTED.search(title_zh)
            yield Called((line,), (quoted[1],) if quoted else ())


def _words(names: Iterable[str]) -> set[str]:
    return {word.casefold() for name in names for word in name.split()}
