from dataclasses import replace

import numpy as np

from nlu.names import BRAND, CATEGORY
from nlu.shop import shop_names
from shopgraph.types import ITEM, EdgeType, GraphSnapshot, NodeTable
from tests.planted import edges, planted_snapshot

MADE_BY = EdgeType(ITEM, "MADE_BY", BRAND)
IN_CATEGORY = EdgeType(ITEM, "IN_CATEGORY", CATEGORY)
CHILD_OF = EdgeType(CATEGORY, "CHILD_OF", CATEGORY)


def soap_shop(with_tree: bool) -> GraphSnapshot:
    """Four items; all are Soaps and two of them Bars, too."""
    snapshot = planted_snapshot(n_items=4, n_tastes=2)
    titles = ("Natural soap", "Natural oil", "Dove soap", "Natural wax")
    items = replace(snapshot.items, title=titles, title_zh=("",) * 4, text=titles)
    nodes = {
        ITEM: snapshot.nodes[ITEM],
        BRAND: NodeTable(("b0", "b1", "b2"), ("Natural", "Dove", "Wax &amp; Co")),
        CATEGORY: NodeTable(("c0", "c1"), ("Soaps", "Bars"), ("香皂", "")),
    }
    relations = {
        MADE_BY: edges(np.arange(4), [0, 1, 1, 2]),
        IN_CATEGORY: edges([0, 0, 1, 2, 2, 3], [0, 1, 0, 0, 1, 0]),
        CHILD_OF: edges([1], [0]) if with_tree else edges([], []),
    }
    return replace(snapshot, nodes=nodes, items=items, relations=relations)


def test_a_brand_word_that_other_brands_titles_use_is_ordinary() -> None:
    names = shop_names(soap_shop(with_tree=True))
    assert {node.node_id for node in names.nodes if node.ordinary} == {"b0"}


def test_names_are_shown_without_html_entities_and_counted() -> None:
    brands = {
        node.node_id: node for node in shop_names(soap_shop(with_tree=True)).nodes if node.label == BRAND
    }
    assert brands["b2"].names == ("Wax & Co",)
    assert brands["b1"].n_items == 2


def test_chinese_names_stand_behind_the_english() -> None:
    (soaps,) = (node for node in shop_names(soap_shop(with_tree=True)).nodes if node.node_id == "c0")
    assert soaps.names == ("Soaps", "香皂")


def test_ancestors_come_from_the_tree_or_from_what_always_stands_together() -> None:
    for with_tree in (True, False):
        assert shop_names(soap_shop(with_tree)).ancestors == {"c1": frozenset({"c0"})}


def test_words_of_three_titles_are_common() -> None:
    assert shop_names(soap_shop(with_tree=True)).title_words == {"natural"}
