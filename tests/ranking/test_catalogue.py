"""ranking/catalogue.py: filters as masks, worked out by hand on six items."""

from dataclasses import replace

import numpy as np
import pytest

from ranking.catalogue import ATTRIBUTE, CATEGORY, CHILD_OF, HAS_ATTRIBUTE, IN_CATEGORY, MADE_BY, Catalogue
from shopgraph.errors import NotFound
from shopgraph.types import ITEM, Filters, GraphSnapshot, Interactions, NodeRef, NodeTable
from tests.planted import edges, planted_snapshot


def small_shop() -> GraphSnapshot:
    """Six items: brands b000 (0, 2, 4) and b001 (1, 3, 5).

    Categories: c000 ⊃ c001 ⊃ c002; c003 apart. Items 0, 1 in c002, 2 in c001, 3 in c000, 4 and 5 in c003.
    """
    shop = planted_snapshot(n_users=4, n_items=6, n_tastes=2, n_events=2)
    items = replace(
        shop.items,
        title_zh=("零号", "", "", "", "", ""),
        price=np.array([1, 2, 3, 4, 5, np.nan], np.float32),
        in_stock=np.array([True, True, False, True, True, True]),
    )
    categories = NodeTable(("c000", "c001", "c002", "c003"), ("Clothes", "Shoes", "", "Toys"))
    relations = {
        MADE_BY: edges(range(6), [0, 1, 0, 1, 0, 1]),
        IN_CATEGORY: edges(range(6), [2, 2, 1, 0, 3, 3]),
        CHILD_OF: edges([1, 2], [0, 1]),
    }
    return replace(shop, items=items, nodes={**shop.nodes, CATEGORY: categories}, relations=relations)


CATALOGUE = Catalogue.from_snapshot(small_shop())


def kept(filters: Filters) -> list[int]:
    return np.flatnonzero(CATALOGUE.mask(filters)).tolist()


@pytest.mark.parametrize(
    ("filters", "items"),
    [
        (Filters(), [0, 1, 2, 3, 4, 5]),
        (Filters(brand_ids=frozenset({"b000"})), [0, 2, 4]),
        (Filters(brand_ids=frozenset({"b000", "b001"})), [0, 1, 2, 3, 4, 5]),
        (Filters(category_ids=frozenset({"c002"})), [0, 1]),
        (Filters(category_ids=frozenset({"c001"})), [0, 1, 2]),
        (Filters(category_ids=frozenset({"c000"})), [0, 1, 2, 3]),
        (Filters(category_ids=frozenset({"c002", "c003"})), [0, 1, 4, 5]),
        (Filters(category_ids=frozenset({"c000"}), brand_ids=frozenset({"b001"})), [1, 3]),
        (Filters(price_min=2), [1, 2, 3, 4]),
        (Filters(price_max=2), [0, 1]),
        (Filters(price_min=2, price_max=3), [1, 2]),
        (Filters(in_stock_only=True), [0, 1, 3, 4, 5]),
        (Filters(exclude_item_ids=frozenset({"i000", "no such"})), [1, 2, 3, 4, 5]),
        (Filters(brand_ids=frozenset({"no such"})), []),
        (Filters(category_ids=frozenset({"'; DROP TABLE", "c\0"})), []),
    ],
)
def test_filter_keeps(filters: Filters, items: list[int]) -> None:
    assert kept(filters) == items


def test_loop_in_the_category_tree_ends() -> None:
    shop = small_shop()
    looped = replace(shop, relations={**shop.relations, CHILD_OF: edges([1, 2, 0], [0, 1, 2])})
    mask = Catalogue.from_snapshot(looped).mask(Filters(category_ids=frozenset({"c002"})))
    assert np.flatnonzero(mask).tolist() == [0, 1, 2, 3]


def test_shop_without_brands_and_categories_matches_none_of_them() -> None:
    shop = planted_snapshot()
    bare = Catalogue.from_snapshot(replace(shop, nodes={ITEM: shop.nodes[ITEM]}, relations={}))
    assert bare.mask(Filters()).all()
    assert not bare.mask(Filters(brand_ids=frozenset({"b000"}))).any()


def test_of_attributes_one_of_each_key_must_be_there() -> None:
    shop = small_shop()
    ids = ("colour:blue", "colour:red", "size:42")
    attributes = NodeTable(ids, ("blue", "red", "42"))
    linked = edges([0, 1, 2, 0, 2], [0, 1, 1, 2, 2])  # 0 blue 42, 1 red, 2 red 42
    catalogue = Catalogue.from_snapshot(
        replace(
            shop,
            nodes={**shop.nodes, ATTRIBUTE: attributes},
            relations={**shop.relations, HAS_ATTRIBUTE: linked},
        )
    )

    def items(filters: Filters) -> list[int]:
        return np.flatnonzero(catalogue.mask(filters)).tolist()

    assert items(Filters(attribute_ids=frozenset(ids))) == [0, 2]
    assert items(Filters(attribute_ids=frozenset({"colour:red"}))) == [1, 2]
    assert items(Filters(exclude_attribute_ids=frozenset({"colour:red", "no such"}))) == [0, 3, 4, 5]
    either = catalogue.mask_of_any(Filters(attribute_ids=frozenset({"colour:red", "size:42"})))
    assert np.flatnonzero(either).tolist() == [0, 1, 2]


def test_what_is_ruled_out_goes_with_its_descendants() -> None:
    assert kept(Filters(exclude_category_ids=frozenset({"c001"}))) == [3, 4, 5]
    assert kept(Filters(exclude_brand_ids=frozenset({"b000"}))) == [1, 3, 5]


def test_stars_are_drawn_to_the_shops_mean_by_few_ratings() -> None:
    shop = small_shop()
    rate = next(code for code, event in enumerate(shop.event_types) if event.name == "rate")
    rated = Interactions(
        np.zeros(4, np.int32),
        np.array([0, 0, 0, 1], np.int32),
        np.full(4, rate, np.int8),
        np.array([5, 5, 5, 1], np.float32),
        np.arange(4, dtype=np.int64),
    )
    stars = Catalogue.from_snapshot(replace(shop, interactions=rated)).stars  # the mean of all is 4
    assert stars[:2].tolist() == [(15 + 12) / 6, (1 + 12) / 4]
    assert np.isnan(stars[2:]).all()


def test_names_are_chinese_where_known_and_the_id_where_nothing_is() -> None:
    assert CATALOGUE.named(NodeRef(ITEM, 0), "zh").name == "零号"
    assert CATALOGUE.named(NodeRef(ITEM, 1), "zh").name == "Item 001 of taste 1"
    assert CATALOGUE.named(NodeRef(CATEGORY, 2), "en").name == "c002"


def test_unknown_item_is_not_found_and_a_long_id_is_cut_in_the_message() -> None:
    with pytest.raises(NotFound, match=r"item 'x{80}…' is not in the catalogue"):
        CATALOGUE.item_idx("x" * 10_000)


def test_known_items_keep_their_order_once() -> None:
    assert CATALOGUE.known_items(["i003", "no such", "i001", "i003"]).tolist() == [3, 1]
