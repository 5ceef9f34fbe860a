import numpy as np
import pytest

from ranking.config import FusionConfig
from ranking.groups import ShopperGroups, count_past_items, learn_groups
from ranking.listwise import FusionRows
from tests.planted import planted_snapshot
from tests.ranking.test_listwise import drawn, rows_of

CONFIG = FusionConfig(search_rounds=0)


def rows_of_two_kinds(cold: list[float], heavy: list[float], n_users: int = 1200) -> FusionRows:
    """Shoppers with one past item whose items follow `cold`, and as many with nine that follow `heavy`."""
    first, second = drawn(cold, n_users, seed=1), drawn(heavy, n_users, seed=2)
    values, relevant = (np.concatenate([one, other]) for one, other in zip(first, second, strict=True))
    rows = rows_of(values, relevant)
    n_past = np.repeat(np.array([1, 9], np.int32), n_users)
    return FusionRows(rows.names, rows.values, rows.relevant, rows.log_weight, rows.user_idx, n_past)


def test_thirds_of_shoppers_are_cold_warm_and_heavy() -> None:
    groups = ShopperGroups.of_thirds(np.array([1, 2, 3, 4, 5, 6, 7, 8, 9], np.int32))
    assert groups.bounds == (3, 6)
    assert groups.codes(np.array([0, 3, 4, 6, 7], np.int32)).tolist() == [0, 0, 1, 1, 2]


def test_an_item_met_twice_is_one_past_item() -> None:
    histories = planted_snapshot().histories
    counted = count_past_items(histories)
    for row in range(len(histories)):
        items = histories.row(row).item_idx
        assert counted[row] == len(set(items.tolist()))
        assert count_past_items(histories.row(row)).tolist() == [counted[row]]


def test_groups_that_choose_otherwise_get_weights_of_their_own() -> None:
    rows = rows_of_two_kinds(cold=[2.0, 0.2], heavy=[0.2, 2.0])
    found = learn_groups(rows, {"a": 1.0, "b": 1.0}, ShopperGroups((1, 1)), CONFIG)
    cold, heavy = found["cold"], found["heavy"]
    assert cold.own_share > 0.5
    assert cold.gain > 0.05
    assert cold.weights["a"] > 4 * cold.weights["b"]
    assert heavy.weights["b"] > 4 * heavy.weights["a"]


def test_a_group_like_all_others_keeps_the_common_weights() -> None:
    rows = rows_of_two_kinds(cold=[1.0, 1.0], heavy=[1.0, 1.0])
    common = {"a": 1.0, "b": 1.0}
    found = learn_groups(rows, common, ShopperGroups((1, 1)), CONFIG)
    for group in (found["cold"], found["heavy"]):
        if group.own_share:  # by chance, and then near them
            assert group.weights["a"] == pytest.approx(group.weights["b"], rel=0.2)
        else:
            assert group.weights == common


def test_a_group_of_few_keeps_the_common_weights() -> None:
    rows = rows_of_two_kinds(cold=[2.0, 0.2], heavy=[0.2, 2.0], n_users=60)
    common = {"a": 1.0, "b": 1.0}
    found = learn_groups(rows, common, ShopperGroups((1, 1)), CONFIG)
    assert [(group.weights, group.own_share) for group in found.values()] == [(common, 0.0)] * 3
    assert found["warm"].n_users == 0
