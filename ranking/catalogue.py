"""What the shop has, as arrays: filters become boolean masks, nodes get names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shopgraph.errors import NotFound
from shopgraph.types import (
    ITEM,
    BoolVector,
    Edges,
    EdgeType,
    Filters,
    FloatVector,
    GraphSnapshot,
    IntVector,
    ItemTable,
    NamedNode,
    NodeRef,
    NodeTable,
)

BRAND, CATEGORY, ATTRIBUTE = "Brand", "Category", "Attribute"
MADE_BY = EdgeType(ITEM, "MADE_BY", BRAND)
IN_CATEGORY = EdgeType(ITEM, "IN_CATEGORY", CATEGORY)
CHILD_OF = EdgeType(CATEGORY, "CHILD_OF", CATEGORY)
HAS_ATTRIBUTE = EdgeType(ITEM, "HAS_ATTRIBUTE", ATTRIBUTE)

_EMPTY_TABLE = NodeTable((), ())
_SHOWN_ID_CHARS = 80
RATE_EVENT = "rate"
_PRIOR_RATINGS = 3


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Items, names and the arrays behind the filters.

    Attributes:
        nodes: every label's ids and names.
        items: row = item_idx.
        brand_items: the items of each brand.
        category_items: the items of each category; those of its children are not among them.
        children: the children of each category.
        attribute_items: the items of each attribute.
        stars: what the items are rated, NaN where nobody did; drawn to the shop's mean by a few ratings.
        relations: the shop's edges by their type.
    """

    nodes: Mapping[str, NodeTable]
    items: ItemTable
    brand_items: "Members"
    category_items: "Members"
    children: "Members"
    attribute_items: "Members"
    stars: FloatVector
    relations: Mapping[EdgeType, Edges]

    @classmethod
    def from_snapshot(cls, snapshot: GraphSnapshot) -> "Catalogue":
        """The catalogue of a snapshot; arrays are shared with it, not copied."""
        return cls(
            nodes=snapshot.nodes,
            items=snapshot.items,
            brand_items=Members.from_snapshot(snapshot, MADE_BY),
            category_items=Members.from_snapshot(snapshot, IN_CATEGORY),
            children=Members.from_snapshot(snapshot, CHILD_OF),
            attribute_items=Members.from_snapshot(snapshot, HAS_ATTRIBUTE),
            stars=_stars(snapshot),
            relations=snapshot.relations,
        )

    def __len__(self) -> int:
        return len(self.items.title)

    def item_idx(self, item_id: str) -> int:
        """The row of an item.

        Raises:
            NotFound: the shop has no such item.
        """
        idx = self.nodes[ITEM].index.get(item_id)
        if idx is None:
            shown = item_id if len(item_id) <= _SHOWN_ID_CHARS else item_id[:_SHOWN_ID_CHARS] + "…"
            raise NotFound(f"item {shown!r} is not in the catalogue that the model was trained on")
        return idx

    def known_items(self, item_ids: Iterable[str]) -> IntVector:
        """Rows of the ids that the shop has, each once, in the order given."""
        index = self.nodes[ITEM].index
        rows = (index[item_id] for item_id in dict.fromkeys(item_ids) if item_id in index)
        return np.fromiter(rows, np.int32)

    def mask(self, filters: Filters) -> BoolVector:
        """Which items pass, shape (n_items,); bought items are not looked at here.

        Several brands (or categories) mean any of them, of attributes any of each key. An unknown id
        matches nothing; an item whose price is unknown fails a price filter.
        """
        kept = np.ones(len(self), np.bool_)
        if filters.brand_ids:
            kept &= self._of_brands(filters.brand_ids)
        if filters.category_ids:
            kept &= self._of_categories(filters.category_ids)
        for ids in _by_key(filters.attribute_ids):
            kept &= self._of_attributes(ids)
        if filters.exclude_brand_ids:
            kept &= ~self._of_brands(filters.exclude_brand_ids)
        if filters.exclude_category_ids:
            kept &= ~self._of_categories(filters.exclude_category_ids)
        if filters.exclude_attribute_ids:
            kept &= ~self._of_attributes(filters.exclude_attribute_ids)
        if filters.price_min is not None:
            kept &= self.items.price >= filters.price_min
        if filters.price_max is not None:
            kept &= self.items.price <= filters.price_max
        if filters.in_stock_only:
            kept &= self.items.in_stock
        if filters.exclude_item_ids:
            kept[self.known_items(filters.exclude_item_ids)] = False
        return kept

    def mask_of_any(self, filters: Filters) -> BoolVector:
        """As `mask`, but any attribute will do, whatever its key: they are readings of one word."""
        if not filters.attribute_ids:
            return self.mask(filters)
        others = replace(filters, attribute_ids=frozenset())
        return self.mask(others) & self._of_attributes(filters.attribute_ids)

    def item_id(self, item_idx: int) -> str:
        """The shop's id of a row."""
        return self.nodes[ITEM].ids[item_idx]

    def knows(self, item_id: str) -> bool:
        """Whether the model was trained with the item."""
        return item_id in self.nodes[ITEM].index

    def title(self, item_id: str, language: str) -> str:
        """The item's title, in Chinese where asked for and known.

        Raises:
            NotFound: the shop has no such item.
        """
        return self._title(self.item_idx(item_id), language)

    def named(self, node: NodeRef, language: str) -> NamedNode:
        """The node's id and name as a reader sees them; a node without a name shows its id."""
        table = self.nodes[node.label]
        node_id = table.ids[node.idx]
        if node.label == ITEM:
            name = self._title(node.idx, language)
        else:
            in_chinese = language == "zh" and table.names_zh
            name = (in_chinese and in_chinese[node.idx]) or table.names[node.idx]
        return NamedNode(node.label, node_id, name or node_id)

    def _title(self, item_idx: int, language: str) -> str:
        return (language == "zh" and self.items.title_zh[item_idx]) or self.items.title[item_idx]

    def _of_brands(self, brand_ids: Iterable[str]) -> BoolVector:
        return self.brand_items.union(self._rows(BRAND, brand_ids))

    def _of_categories(self, category_ids: Iterable[str]) -> BoolVector:
        wanted = np.zeros(self.children.n_members, np.bool_)
        frontier = self._rows(CATEGORY, category_ids)
        while len(frontier):  # one turn a level; a loop in the tree ends as nothing new is found
            wanted[frontier] = True
            frontier = np.flatnonzero(self.children.union(frontier) & ~wanted)
        return self.category_items.union(np.flatnonzero(wanted))

    def _of_attributes(self, attribute_ids: Iterable[str]) -> BoolVector:
        return self.attribute_items.union(self._rows(ATTRIBUTE, attribute_ids))

    def _rows(self, label: str, ids: Iterable[str]) -> NDArray[np.intp]:
        index = self.nodes.get(label, _EMPTY_TABLE).index
        return np.array([index[node_id] for node_id in ids if node_id in index], np.intp)


class Members(NamedTuple):
    """Who points to each node by one relation: node k's are `idx[indptr[k] : indptr[k + 1]]`."""

    indptr: NDArray[np.int64]
    idx: IntVector
    n_members: int

    @classmethod
    def from_snapshot(cls, snapshot: GraphSnapshot, edge_type: EdgeType) -> "Members":
        """The sources of each target; none where the shop does not have the relation."""
        n_src, n_dst = (len(snapshot.nodes.get(label, _EMPTY_TABLE)) for label in edge_type[::2])
        edges = snapshot.relations.get(edge_type)
        if edges is None:
            return cls(np.zeros(n_dst + 1, np.int64), np.zeros(0, np.int32), n_src)
        order = np.argsort(edges.dst, kind="stable")
        indptr = np.searchsorted(edges.dst[order], np.arange(n_dst + 1)).astype(np.int64)
        return cls(indptr, edges.src[order], n_src)

    def union(self, nodes: NDArray[np.intp]) -> BoolVector:
        """Members of any of the nodes, shape (n_members,)."""
        found = np.zeros(self.n_members, np.bool_)
        for node in nodes:
            found[self.idx[self.indptr[node] : self.indptr[node + 1]]] = True
        return found


def _by_key(attribute_ids: Iterable[str]) -> Iterable[list[str]]:
    """The ids by what stands before their colon; one without a colon stands alone."""
    found: dict[str, list[str]] = {}
    for attribute_id in attribute_ids:
        key, colon, _ = attribute_id.partition(":")
        found.setdefault(key if colon else attribute_id, []).append(attribute_id)
    return found.values()


def _stars(snapshot: GraphSnapshot) -> FloatVector:
    """Mean of the item's stars and of `_PRIOR_RATINGS` of the shop's mean; NaN without any."""
    x = snapshot.interactions
    codes = [code for code, event in enumerate(snapshot.event_types) if event.name == RATE_EVENT]
    rated = np.isin(x.type_code, codes)
    counts = np.bincount(x.item_idx[rated], minlength=snapshot.n_items)
    sums = np.bincount(x.item_idx[rated], x.value[rated], snapshot.n_items)
    prior = _PRIOR_RATINGS * (sums.sum() / max(counts.sum(), 1))
    stars = np.where(counts, (sums + prior) / (counts + _PRIOR_RATINGS), np.nan)
    return stars.astype(np.float32)
