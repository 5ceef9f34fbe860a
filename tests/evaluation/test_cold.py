import numpy as np
import pytest

from evaluation.cold import ColdCut, base_cut, cold_items, cold_users
from ranking.holdout import bought, heldout_of
from shopgraph.types import GraphSnapshot, Heldout
from tests.planted import planted_snapshot


def pairs(heldout: Heldout) -> set[tuple[int, int]]:
    owners = np.repeat(heldout.user_idx, np.diff(heldout.indptr))
    return set(zip(owners.tolist(), heldout.item_idx.tolist(), strict=True))


def purchases(snapshot: GraphSnapshot) -> set[tuple[int, int]]:
    rows, columns = bought(snapshot.histories, snapshot).nonzero()
    return set(zip(rows.tolist(), columns.tolist(), strict=True))


def items_cut(seed: int = 0) -> tuple[GraphSnapshot, Heldout, ColdCut]:
    rng = np.random.default_rng(seed)
    train, heldout = base_cut(planted_snapshot(n_users=200), rng)
    return train, heldout, cold_items(train, heldout, rng, share=0.1)


def test_nobody_has_met_a_cold_item_and_it_keeps_its_relations() -> None:
    train, _, cut = items_cut()
    among = cut.views["cold_among_cold"].among
    assert among is not None
    assert among.sum() == cut.n_cold == 4
    assert not among[cut.train.interactions.item_idx].any()
    assert cut.train.relations.keys() == train.relations.keys()
    assert all(len(cut.train.relations[at]) == len(edges) for at, edges in train.relations.items())
    warm = ~among[train.interactions.item_idx]
    assert len(cut.train.interactions) == warm.sum()


def test_all_purchases_of_cold_items_are_looked_for_and_only_test_ones_of_warm_items() -> None:
    train, heldout, cut = items_cut()
    cold = cut.views["cold_among_cold"].among
    assert cold is not None
    everything = purchases(train) | pairs(heldout)
    assert pairs(cut.views["cold_among_all"].heldout) == {pair for pair in everything if cold[pair[1]]}
    assert pairs(cut.views["warm_among_all"].heldout) == {
        pair for pair in pairs(heldout) if not cold[pair[1]]
    }
    as_many = cut.views["warm_among_as_many"].among
    assert as_many is not None
    assert as_many.sum() == cold.sum()
    assert not (as_many & cold).any()


def test_of_cold_users_nothing_is_learned_and_the_latest_events_are_given() -> None:
    train, heldout = base_cut(planted_snapshot(n_users=200), np.random.default_rng(0))
    cut = cold_users(train, heldout, np.random.default_rng(0), ordered=True)
    assert cut.n_cold == 20
    asked = cut.views["given_3"].heldout.user_idx
    assert not np.isin(asked, cut.train.interactions.user_idx).any()
    assert cut.known is train
    for k in (1, 3, 5):
        given = cut.views[f"given_{k}"].given
        assert given is not None
        assert given.user_idx is not None
        assert set(given.user_idx.tolist()) == {-1}
        for row, user in enumerate(asked):
            past = train.histories.row(int(user)).item_idx
            np.testing.assert_array_equal(given.row(row).item_idx, past[-k:])


def test_without_an_order_the_given_events_are_random_and_those_of_fewer_are_among_those_of_more() -> None:
    train, heldout = base_cut(planted_snapshot(n_users=200), np.random.default_rng(0))
    cut = cold_users(train, heldout, np.random.default_rng(0), ordered=False)
    one, five = cut.views["given_1"].given, cut.views["given_5"].given
    assert one is not None
    assert five is not None
    last = 0
    for row, user in enumerate(cut.views["given_1"].heldout.user_idx):
        given = one.row(row).item_idx
        assert set(given.tolist()) <= set(five.row(row).item_idx.tolist())
        last += given[0] == train.histories.row(int(user)).item_idx[-1]
    assert last < 10


def test_too_few_data_are_refused() -> None:
    snapshot = planted_snapshot(n_users=3)
    nobody = heldout_of(np.zeros(0, np.int64), np.zeros(0, np.int64), snapshot.n_items)
    with pytest.raises(ValueError, match="no held-out user has a history"):
        cold_users(snapshot, nobody, np.random.default_rng(0), ordered=True)
    with pytest.raises(ValueError, match="has nothing to look for"):
        cold_items(snapshot, nobody, np.random.default_rng(0))
