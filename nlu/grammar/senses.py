"""All that a run of words can mean in a shop: its nodes' names and aliases, the lexicon, the cue words."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from rapidfuzz import fuzz

from nlu.grammar.data import table, words
from nlu.names import ATTRIBUTE, BRAND, CATEGORY, Key, NodeNames, fold, is_han, key_of, tidy, tokens
from nlu.shop import ShopNames

Layer = Literal[
    "Category", "Brand", "Attribute", "audience", "sort", "exclude", "never", "stop", "after", "hard"
]
"""What a sense says: a slot's label, or what the words do."""

_SUFFIXES = (
    "cosmetics",
    "beauty",
    "inc",
    "inc.",
    "(tm)",
    "skin care",
    "skincare",
    "hair care",
    "llc",
    "co",
    "usa",
)
_SHORT = 2
_SAID_AS_IT_IS = frozenset({"claim", "form", "skin", "hair", "concern", "colour", "scent"})
_SENTENCE = re.compile(
    r"\b(?:dry|dries|lasts?|absorbs|not|\w+n't|does|will|falls|falling|all|24|tears?|toxin|for|combo|4c)\b"
)
_ONE_WORD = 82.0
_FAR, _MANY = 5, 10
_EFFECTS: Mapping[str, Layer] = {
    "exclude": "exclude",
    "never": "never",
    "stop": "stop",
    "after": "after",
    "hard": "hard",
}


@dataclass(frozen=True)
class Sense:
    """One meaning of a name.

    Attributes:
        layer: what it says.
        value: the name to show; of a cue its value ("price_asc").
        nodes: the nodes meant, the one with most items first; none for a word of the lexicon alone.
        kind: of an attribute what it is about ("ingredient"); of a category "weak" where any other category
            goes before it, "absent" where the shop has no such node.
        doubtful: counts only where the writer shows that a name is meant.
        words: the exact tokens that a brand's name needs, since no plural makes a brand.
    """

    layer: Layer
    value: str
    nodes: tuple[NodeNames, ...] = ()
    kind: str = ""
    doubtful: bool = False
    words: Key = ()


Senses = dict[Key, list[Sense]]


def all_senses(shop: ShopNames) -> Senses:
    """Every name's meanings, those of the shop's own nodes first."""
    senses: Senses = {}
    by_label = {label: _by_key(shop, label) for label in (CATEGORY, BRAND, ATTRIBUTE)}
    weak = {key_of(names) for names, _ in _category_rows() if names.startswith("~")}
    for key, nodes in by_label[CATEGORY].items():
        _add(senses, key, Sense("Category", nodes[0].names[0], nodes, "weak" if key in weak else ""))
    for key, nodes in by_label[BRAND].items():
        for sense in _brand_senses(nodes):
            _add(senses, key, sense)
    _add_alias_rows(senses, "Category", _category_rows(), by_label[CATEGORY], weak)
    _add_alias_rows(senses, "Brand", table("brands"), by_label[BRAND], set())
    _add_attributes(senses, by_label[ATTRIBUTE])
    _add_cues(senses)
    _add_short_brands(senses, by_label[BRAND])
    _add_parts(senses, by_label[CATEGORY])
    _add_joined(senses)
    return senses


def _by_key(shop: ShopNames, label: str) -> dict[Key, tuple[NodeNames, ...]]:
    """The nodes of each name, those with most items first."""
    found: dict[Key, list[NodeNames]] = {}
    for node in shop.nodes:
        if node.label == label:
            for key in {key_of(name) for name in node.names} - {()}:
                found.setdefault(key, []).append(node)
    return {key: tuple(sorted(nodes, key=lambda node: -node.n_items)) for key, nodes in found.items()}


def _brand_senses(nodes: tuple[NodeNames, ...]) -> Iterator[Sense]:
    by_words: dict[Key, list[NodeNames]] = {}
    for node in nodes:
        for name in node.names:
            by_words.setdefault(_exact(name), []).append(node)
    for said, own in by_words.items():
        short = len("".join(said)) <= _SHORT and not is_han("".join(said))
        doubtful = short or all(node.ordinary for node in own) or _is_everyday(said, own)
        unique = tuple(dict.fromkeys(own))
        yield Sense("Brand", unique[0].names[0], unique, doubtful=doubtful, words=said)


def _is_everyday(said: Key, nodes: Iterable[NodeNames]) -> bool:
    """Whether a brand's name is plain English: one word, or several and it sells hardly anything."""
    well_known = len(said) > 1 and max(node.n_items for node in nodes) >= _MANY
    return everyday_words().issuperset(said) and not well_known


@lru_cache(maxsize=1)
def everyday_words() -> frozenset[str]:
    """Plain English words, which name nothing by themselves."""
    rows = (row for name in ("everyday", "ordinary", "fillers") for row in table(name))
    return frozenset(word for (row,) in rows for word in words(row))


@lru_cache(maxsize=1)
def filler_words() -> frozenset[str]:
    """English words that only hold a sentence together."""
    return frozenset(word for (row,) in table("fillers") for word in words(row))


def _exact(name: str) -> Key:
    return tuple(token.key for token in tokens(fold(tidy(name))))


def _category_rows() -> tuple[tuple[str, ...], ...]:
    return tuple(row if len(row) > 1 else (row[0], "") for row in table("categories"))


def _add_alias_rows(
    senses: Senses,
    layer: Literal["Category", "Brand"],
    rows: Iterable[tuple[str, ...]],
    nodes: Mapping[Key, tuple[NodeNames, ...]],
    weak: set[Key],
) -> None:
    """The names of each row mean the first of its nodes that the shop has.

    Of a product that it lacks the name is left to the lexicon: honey is an ingredient, where it is no food.
    """
    properties = {
        key_of(said)
        for kind, value, *more in table("attributes")
        if kind != "ask"
        for said in (value, *words(more[0] if more else ""))
    }
    for names, aliases in rows:
        keys = [key_of(name) for name in words(names.removeprefix("~"))]
        found = next((nodes[key] for key in keys if key in nodes), ())
        kind = "weak" if key_of(names) in weak else ""
        said = words(aliases)
        if not found and (not said or names.startswith("~")):
            continue
        for alias in said:
            if found:
                exact = _exact(alias) if layer == "Brand" else ()
                _add(senses, key_of(alias), Sense(layer, found[0].names[0], found, kind, words=exact), True)
            elif layer == "Brand":
                _add(
                    senses, key_of(alias), Sense("Brand", words(names)[0], kind="absent", words=_exact(alias))
                )
            elif key_of(alias) not in properties:
                name = said[0] if is_han(alias) else alias
                _add(senses, key_of(alias), Sense("Attribute", name.lower(), kind="absent"))


def _add_short_brands(senses: Senses, nodes: Mapping[Key, tuple[NodeNames, ...]]) -> None:
    """Sigma Beauty is called Sigma, WEN by Chaz Dean both Wen and Chaz Dean, unless others are."""
    for own in nodes.values():
        for name in own[0].names:
            folded = " ".join(_exact(name.replace("®", "")))
            shorter = [
                folded.removesuffix(f" {suffix}") for suffix in _SUFFIXES if folded.endswith(f" {suffix}")
            ]
            if " by " in folded:
                shorter += folded.split(" by ", 1)
            for short in shorter:
                key = key_of(short)
                is_free = key not in senses and not everyday_words().issuperset(short.split())
                if key and is_free and len("".join(key)) > _SHORT:
                    _add(senses, key, Sense("Brand", own[0].names[0], own, words=tuple(short.split())))


def _add_attributes(senses: Senses, nodes: Mapping[Key, tuple[NodeNames, ...]]) -> None:
    for key, own in nodes.items():
        if len("".join(key)) > _SHORT or is_han("".join(key)):
            _add(senses, key, Sense("Attribute", own[0].names[0].lower(), own))
    for kind, value, *aliases in table("attributes"):
        own = nodes.get(key_of(value), ())
        for said in (value, *words(aliases[0] if aliases else "")):
            name = value if own or not _is_own_name(said, value, kind) else said
            _add(senses, key_of(said), Sense("Attribute", name, own, kind))


def _is_own_name(said: str, value: str, kind: str) -> bool:
    """Whether English words for a property name it as it is said: "itchy skin", and not "itching".

    Not so other spellings of it, sentences, short forms of ingredients, and what a question asks after.
    """
    if kind not in _SAID_AS_IT_IS or is_han(said) or fuzz.ratio(said, value) >= _ONE_WORD:
        return False
    return said.replace(" ", "") != value.replace(" ", "") and _SENTENCE.search(said) is None


def _add_cues(senses: Senses) -> None:
    for audience, _, said in table("audience"):
        for word in words(said):
            _add(senses, key_of(word), Sense("audience", audience))
    for order, said in table("sort"):
        for word in words(said):
            _add(senses, key_of(word), Sense("sort", order))
    for effect, said in table("negation"):
        for word in words(said):
            _add(senses, key_of(word), Sense(_EFFECTS[effect], effect))


def _add_parts(senses: Senses, nodes: Mapping[Key, tuple[NodeNames, ...]]) -> None:
    """Pomades & Waxes are called by each of their parts that nothing else is called by."""
    vague = {
        key_of(said)
        for names, aliases in _category_rows()
        if names.startswith("~")
        for said in (names.removeprefix("~"), *words(aliases))
    }
    for own in sorted(nodes.values(), key=lambda own: -own[0].n_items):
        parts = own[0].names[0].replace(" and ", " & ").replace(",", " &").split(" & ")
        for part in parts if len(parts) > 1 else ():
            key = key_of(part)
            plain = len(key) == 1 and key[0] in filler_words()
            if key and key not in senses and key not in vague and not plain:
                _add(senses, key, Sense("Category", own[0].names[0], own))


def _add_joined(senses: Senses) -> None:
    """Two English words are also found written as one ("bodywash")."""
    for key, own in list(senses.items()):
        joined = ("".join(key),)
        if len(key) == 2 and min(map(len, key)) >= 3 and not is_han(joined[0]) and joined not in senses:
            slots = [replace(sense, words=joined) if sense.words else sense for sense in own]
            senses[joined] = [sense for sense in slots if sense.layer in ("Category", "Brand", "Attribute")]


def _add(senses: Senses, key: Key, sense: Sense, is_known: bool = False) -> None:
    """Keep the first sense of each layer; of brands one for each exact spelling.

    What is commonly known goes before a node that has far fewer items ("l'oreal" is L'Oreal Paris, even if
    a few items are of the brand "L'Oreal").
    """
    own = senses.setdefault(key, []) if key else []
    if is_known and sense.nodes and sense.layer == "Brand":
        known = [other for other in own if other.layer == "Brand" and other.nodes]
        own[:] = [o for o in own if not (o.doubtful and o.words == sense.words and o.nodes == sense.nodes)]
        small = [o for o in known if o in own and _FAR * o.nodes[0].n_items < sense.nodes[0].n_items]
        for other in small:
            own.remove(other)
    if is_known and sense.nodes and sense.layer == "Category":
        tiny = [o for o in own if o.layer == "Category" and o.nodes and o.nodes[0].n_items]
        for other in tiny:
            if _FAR**2 * other.nodes[0].n_items < sense.nodes[0].n_items:
                own.remove(other)
    if all((sense.layer, sense.words) != (other.layer, other.words) for other in own):
        own.append(sense)
