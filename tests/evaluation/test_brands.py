from dataclasses import replace

import numpy as np

from evaluation.brands import THIRDS, groups_of_shop
from graph.schema import MADE_BY
from ranking.catalogue import Catalogue
from ranking.diversity.config import ExposureGroup
from shopgraph.types import GraphSnapshot, Interactions
from tests.planted import NOW, PURCHASE, planted_snapshot


def sold(by_brand: list[int]) -> GraphSnapshot:
    """The planted shop (item i has brand i % 4) where so many bought the first item of each brand."""
    shop = planted_snapshot()
    pairs = sorted((user, brand) for brand, n in enumerate(by_brand) for user in range(n))
    users, items = np.array(pairs, np.int32).T
    n = len(pairs)
    time = np.full(n, int(NOW.timestamp()) - 1, np.int64)
    bought = Interactions(users, items, np.full(n, PURCHASE, np.int8), np.ones(n, np.float32), time)
    return replace(shop, interactions=bought)


def test_brands_fall_into_thirds_by_what_is_bought() -> None:
    shop = sold([3, 30, 10, 17])  # of 60: brand 1 has the first half, 3 reaches over two thirds
    groups = groups_of_shop(shop, Catalogue.from_snapshot(shop), (), 0.5)
    assert groups is not None
    assert groups.names == (*THIRDS, "all others")
    assert groups.codes[:4].tolist() == [2, 0, 2, 1]
    assert [group.floor for group in groups.asked] == [0, 0, 0.5]
    assert groups.asked[2].brands == ("b000", "b002")


def test_one_brand_is_a_big_one() -> None:
    shop = sold([5, 0, 0, 0])
    groups = groups_of_shop(shop, Catalogue.from_snapshot(shop), (), 0.5)
    assert groups is not None
    assert groups.names == (THIRDS[0], THIRDS[2], "all others")  # no brand is in the middle
    assert groups.codes[:4].tolist() == [0, 1, 1, 1]


def test_groups_of_the_settings_go_before() -> None:
    shop = sold([1, 1, 1, 1])
    own = ExposureGroup(name="own", brands=("b002",), floor=0.2)
    groups = groups_of_shop(shop, Catalogue.from_snapshot(shop), (own,), 0.5)
    assert groups is not None
    assert groups.names == ("own", "all others")
    assert groups.codes[:4].tolist() == [1, 1, 0, 1]
    assert groups.asked == (own,)


def test_a_shop_without_brands_has_no_groups() -> None:
    shop = sold([1, 1, 1, 1])
    bare = replace(shop, relations={kind: edges for kind, edges in shop.relations.items() if kind != MADE_BY})
    assert groups_of_shop(bare, Catalogue.from_snapshot(bare), (), 0.5) is None
