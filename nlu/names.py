"""What brands and categories are called, and the spans of a text that say so.

Names and texts are cut into tokens: a run of letters and digits is one, and every Han character is one.
So English names match whole words only and Chinese names match anywhere. Case, width, accents, apostrophes,
dots in initials ("e.l.f."), the word "and" and the sign "&" make no difference; in category names neither
does the plural.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nlu.normalise import clean
from shopgraph.types import ITEM, EdgeType, GraphSnapshot, NodeTable

BRAND, CATEGORY = "Brand", "Category"

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_HAN}]|(?:[A-Za-z]\.){{2,}}|[^\W_{_HAN}]+(?:['’][^\W_{_HAN}]+)*")
_HAN_ONLY = re.compile(rf"[{_HAN}]")
_SHORT = re.compile(rf"[^{_HAN}]{{1,2}}")
_MADE_BY = EdgeType(ITEM, "MADE_BY", BRAND)
_Key = tuple[str, ...]
_IGNORED = frozenset({"and"})


@dataclass(frozen=True)
class NodeNames:
    """A node of the shop's graph and everything it is called, the name to show first.

    `ordinary` marks a brand whose name is also an everyday word of this shop ("natural").
    """

    label: str
    node_id: str
    names: tuple[str, ...]
    ordinary: bool = False


NameSource = Iterable[NodeNames]


@dataclass(frozen=True)
class Token:
    """A word or Han character: the key it is compared by, and its place in the text."""

    key: str
    start: int
    end: int


@dataclass(frozen=True)
class Mention:
    """A span of a text that names `nodes`, all of one label."""

    start: int
    end: int
    nodes: tuple[NodeNames, ...]


def tidy(text: str) -> str:
    """The text that `tokens` and `find_mentions` count places in: NFKC, cleaned, letters as typed."""
    return clean(unicodedata.normalize("NFKC", clean(text)))


def tokens(text: str) -> list[Token]:
    """The tokens of a tidy text, in order."""
    found = (Token(_fold(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(text))
    return [token for token in found if token.key not in _IGNORED]


class NameTable:
    """All names of a shop, ready to be found in texts."""

    def __init__(self, source: NameSource) -> None:
        self._nodes: dict[str, dict[_Key, list[NodeNames]]] = {CATEGORY: {}, BRAND: {}}
        self._spellings: dict[_Key, set[str]] = {}
        for node in source:
            for name in node.names:
                self._add(node, tidy(name))
        self._longest = max((len(key) for table in self._nodes.values() for key in table), default=0)

    def find_mentions(self, text: str) -> list[Mention]:
        """Spans of a tidy text that name something, in order, no two overlapping.

        The longest wins, then the first. A name of both a category and a brand means the category. Names that
        are easily something else count only where the writer shows it:

        - digits only, or a single Han character: where it is the whole text;
        - a brand of at most two characters, or marked `ordinary`: there, and where it is spelled as in
          the catalogue, with a capital, in a text that is not all capitals; and not at the text's beginning,
          unless it is all capitals.
        """
        words = tokens(text)
        mentions = []
        taken = [False] * len(words)
        for length in range(min(self._longest, len(words)), 0, -1):
            for start in range(len(words) - length + 1):
                stop = start + length
                if any(taken[start:stop]):
                    continue
                if nodes := self._named(text, words, start, stop):
                    taken[start:stop] = [True] * length
                    mentions.append(Mention(words[start].start, words[stop - 1].end, nodes))
        return sorted(mentions, key=lambda mention: mention.start)

    def _add(self, node: NodeNames, name: str) -> None:
        words = [token.key for token in tokens(name)]
        key = _key_of(node.label, words)
        if node.label not in self._nodes or not key:
            return
        nodes = self._nodes[node.label].setdefault(key, [])
        if node not in nodes:
            nodes.append(node)
        self._spellings.setdefault(key, set()).add(name)

    def _named(self, text: str, words: Sequence[Token], start: int, stop: int) -> tuple[NodeNames, ...]:
        """The nodes that words start..stop name; of the categories, else of the brands."""
        keys = [word.key for word in words[start:stop]]
        whole = stop - start == len(words)
        written = text[words[start].start : words[stop - 1].end]
        for label, table in self._nodes.items():
            key = _key_of(label, keys)
            nodes = table.get(key)
            if not nodes:
                continue
            if whole:
                return tuple(nodes)
            if "".join(keys).isdigit() or (len(keys) == 1 and _HAN_ONLY.fullmatch(keys[0])):
                continue
            doubtful = _SHORT.fullmatch("".join(keys)) or all(node.ordinary for node in nodes)
            if label == BRAND and doubtful and not self._spelled_out(key, written, text, start):
                continue
            return tuple(nodes)
        return ()

    def _spelled_out(self, key: _Key, written: str, text: str, start: int) -> bool:
        """Whether the writer's capitals say that a name is meant."""
        stands_out = written.isupper() or (start > 0 and not written.islower())
        return stands_out and written in self._spellings[key] and not text.isupper()


def snapshot_names(snapshot: GraphSnapshot) -> Iterator[NodeNames]:
    """The brands and categories of a snapshot.

    A brand of one word is `ordinary` if twice as many titles of other brands hold the word as it has items.
    """
    categories, brands = snapshot.nodes.get(CATEGORY), snapshot.nodes.get(BRAND)
    if categories is not None:
        for node_id, names in zip(categories.ids, _all_names(categories), strict=True):
            yield NodeNames(CATEGORY, node_id, names)
    if brands is None:
        return
    keys = [_key_of(BRAND, [token.key for token in tokens(tidy(name))]) for name in brands.names]
    n_items, n_elsewhere = _count_uses(snapshot, keys)
    for node_id, names, key in zip(brands.ids, _all_names(brands), keys, strict=True):
        ordinary = len(key) == 1 and n_elsewhere[key[0]] >= 2 * max(n_items[key], 1)
        yield NodeNames(BRAND, node_id, names, ordinary)


def singular(word: str) -> str:
    """An English word without its plural ending; others come back as they are."""
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1]


def _all_names(table: NodeTable) -> Iterator[tuple[str, ...]]:
    chinese = table.names_zh or ("",) * len(table)
    for name, name_zh in zip(table.names, chinese, strict=True):
        yield tuple(dict.fromkeys(filter(None, (name, name_zh))))


def _key_of(label: str, words: Sequence[str]) -> _Key:
    return tuple(singular(word) for word in words) if label == CATEGORY else tuple(words)


def _count_uses(snapshot: GraphSnapshot, keys: Sequence[_Key]) -> tuple[Counter[_Key], Counter[str]]:
    """Items of each brand name, and titles that hold a one-word brand name without being of that brand."""
    of_item: dict[int, set[_Key]] = {}
    made_by = snapshot.relations.get(_MADE_BY)
    if made_by is not None:
        for item_idx, brand_idx in zip(made_by.src.tolist(), made_by.dst.tolist(), strict=True):
            of_item.setdefault(item_idx, set()).add(keys[brand_idx])
    n_items = Counter(key for own in of_item.values() for key in own)
    candidates = {key[0] for key in keys if len(key) == 1}
    n_elsewhere: Counter[str] = Counter()
    for item_idx, title in enumerate(snapshot.items.title):
        own = of_item.get(item_idx, set())
        found = candidates & {token.key for token in tokens(tidy(title))}
        n_elsewhere.update(word for word in found if (word,) not in own)
    return n_items, n_elsewhere


def _fold(word: str) -> str:
    """Without case, accents, apostrophes and dots."""
    folded = unicodedata.normalize("NFKD", word.casefold())
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    return bare.replace("'", "").replace("’", "").replace(".", "")
