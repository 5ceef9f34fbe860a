"""What a shop's snapshot gives to those who read queries: names, counts, the tree, the words of titles."""

import html
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nlu.names import ATTRIBUTE, BRAND, CATEGORY, Key, NodeNames, fold, key_of, tidy, tokens
from shopgraph.types import ITEM, EdgeType, GraphSnapshot, NodeTable

_RELATION = {
    BRAND: EdgeType(ITEM, "MADE_BY", BRAND),
    CATEGORY: EdgeType(ITEM, "IN_CATEGORY", CATEGORY),
    ATTRIBUTE: EdgeType(ITEM, "HAS_ATTRIBUTE", ATTRIBUTE),
}
_CHILD_OF = EdgeType(CATEGORY, "CHILD_OF", CATEGORY)
_ALWAYS_WITH = 0.9
_COMMON = 3


@dataclass(frozen=True)
class ShopNames:
    """Everything that the words of a query may mean in this shop.

    Attributes:
        nodes: categories, brands, attributes and items.
        ancestors: the ids of each category's ancestors, by its id.
        title_words: words that stand in at least three titles: no misspellings.
    """

    nodes: tuple[NodeNames, ...] = ()
    ancestors: Mapping[str, frozenset[str]] = field(default_factory=dict)
    title_words: frozenset[str] = frozenset()

    def above(self, node_id: str) -> frozenset[str]:
        """The ids of a category's ancestors."""
        return self.ancestors.get(node_id, frozenset())

    @cached_property
    def _shortened(self) -> Mapping[str, Sequence[tuple[NodeNames, frozenset[str]]]]:
        """Below each category those that are called as it is and more, with the words of that more."""
        named = {node.node_id: node for node in self.nodes if node.label == CATEGORY}
        found: dict[str, list[tuple[NodeNames, frozenset[str]]]] = {}
        for node_id, node in named.items():
            for above in self.above(node_id) & named.keys():
                own, other = (set(key_of(each.names[0])) for each in (node, named[above]))
                if own & other and own - other:
                    found.setdefault(above, []).append((node, frozenset(own - other)))
        return found

    def below(self, node_id: str, words: AbstractSet[str]) -> NodeNames | None:
        """The one category below that the words tell from it: "hiking" of Boots is Hiking Boots."""
        meant = [node for node, more in self._shortened.get(node_id, ()) if more <= words]
        return meant[0] if len(meant) == 1 else None


def shop_names(snapshot: GraphSnapshot) -> ShopNames:
    """The names of a snapshot.

    A brand is `ordinary` if twice as many titles of other brands hold its name as it has items. Where the
    shop gives no tree, a category is another's ancestor if nine tenths of the other's items are in it too.
    """
    titles = [tuple(token.key for token in tokens(fold(tidy(title)))) for title in snapshot.items.title]
    counts = Counter(word for title in titles for word in set(title))
    nodes = [*_labelled(snapshot, CATEGORY), *_brands(snapshot, titles), *_labelled(snapshot, ATTRIBUTE)]
    items = snapshot.nodes[ITEM]
    for item_id, *names in zip(items.ids, snapshot.items.title, snapshot.items.title_zh, strict=True):
        nodes.append(NodeNames(ITEM, item_id, tuple(filter(None, names)), n_items=1))
    return ShopNames(
        tuple(nodes),
        _ancestors(snapshot),
        frozenset(word for word, count in counts.items() if count >= _COMMON),
    )


def _labelled(snapshot: GraphSnapshot, label: str) -> Iterator[NodeNames]:
    table = snapshot.nodes.get(label)
    if table is None:
        return
    n_items = _n_items(snapshot, label)
    for idx, (node_id, names) in enumerate(zip(table.ids, _all_names(table), strict=True)):
        yield NodeNames(label, node_id, names or (node_id,), n_items=n_items[idx])


def _brands(snapshot: GraphSnapshot, titles: Sequence[Key]) -> Iterator[NodeNames]:
    nodes = list(_labelled(snapshot, BRAND))
    keys = [tuple(token.key for token in tokens(fold(tidy(node.names[0])))) for node in nodes]
    elsewhere = _uses_elsewhere(snapshot, titles, keys)
    for node, key in zip(nodes, keys, strict=True):
        ordinary = elsewhere[key] >= 2 * max(node.n_items, 1)
        yield NodeNames(BRAND, node.node_id, node.names, ordinary, node.n_items)


def _uses_elsewhere(snapshot: GraphSnapshot, titles: Sequence[Key], keys: Sequence[Key]) -> Counter[Key]:
    """Titles that hold a brand's name and are of another brand."""
    own: dict[int, set[Key]] = {}
    made_by = snapshot.relations.get(_RELATION[BRAND])
    if made_by is not None:
        for item_idx, brand_idx in zip(made_by.src.tolist(), made_by.dst.tolist(), strict=True):
            own.setdefault(item_idx, set()).add(keys[brand_idx])
    wanted = {key for key in keys if key}
    longest = max(map(len, wanted), default=0)
    found: Counter[Key] = Counter()
    for item_idx, title in enumerate(titles):
        held = {
            title[start : start + length]
            for length in range(1, longest + 1)
            for start in range(len(title) - length + 1)
        }
        mine = own.get(item_idx, set())
        found.update(key for key in held & wanted if not any(_holds(own_key, key) for own_key in mine))
    return found


def _holds(key: Key, part: Key) -> bool:
    return any(key[start : start + len(part)] == part for start in range(len(key) - len(part) + 1))


def _all_names(table: NodeTable) -> Iterator[tuple[str, ...]]:
    chinese = table.names_zh or ("",) * len(table)
    for name, name_zh in zip(table.names, chinese, strict=True):
        yield tuple(dict.fromkeys(html.unescape(part) for part in (name, name_zh) if part))


def _n_items(snapshot: GraphSnapshot, label: str) -> list[int]:
    edges = snapshot.relations.get(_RELATION[label])
    n_nodes = len(snapshot.nodes[label])
    return [0] * n_nodes if edges is None else np.bincount(edges.dst, minlength=n_nodes).tolist()


def _ancestors(snapshot: GraphSnapshot) -> dict[str, frozenset[str]]:
    table = snapshot.nodes.get(CATEGORY)
    if table is None:
        return {}
    child_of = snapshot.relations.get(_CHILD_OF)
    if child_of is None or not len(child_of):
        return _containing(snapshot, table)
    parents: dict[int, list[int]] = {}
    for child, parent in zip(child_of.src.tolist(), child_of.dst.tolist(), strict=True):
        parents.setdefault(child, []).append(parent)
    return {
        table.ids[idx]: frozenset(table.ids[above] for above in _closure(idx, parents)) for idx in parents
    }


def _closure(idx: int, parents: Mapping[int, Iterable[int]]) -> set[int]:
    found: set[int] = set()
    frontier = set(parents.get(idx, ()))
    while frontier:  # a loop in the tree ends as nothing new is found
        found |= frontier
        frontier = {above for below in frontier for above in parents.get(below, ())} - found
    return found - {idx}


def _containing(snapshot: GraphSnapshot, table: NodeTable) -> dict[str, frozenset[str]]:
    """Ancestors told by who stands beside whom on the items."""
    edges = snapshot.relations.get(_RELATION[CATEGORY])
    if edges is None:
        return {}
    of_item: dict[int, list[int]] = {}
    for item_idx, category_idx in zip(edges.src.tolist(), edges.dst.tolist(), strict=True):
        of_item.setdefault(item_idx, []).append(category_idx)
    together = Counter((a, b) for own in of_item.values() for a in own for b in own)
    found: dict[str, set[str]] = {}
    for (below, above), count in together.items():
        larger = together[above, above] > together[below, below]
        if below != above and larger and count >= _ALWAYS_WITH * together[below, below]:
            found.setdefault(table.ids[below], set()).add(table.ids[above])
    return {node_id: frozenset(above) for node_id, above in found.items()}
