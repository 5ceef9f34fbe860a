import numpy as np
import pytest

from evaluation.splits import Protocol, train_and_heldout
from shopgraph.types import GraphSnapshot, Heldout
from tests.planted import planted_snapshot


def pairs(heldout: Heldout) -> set[tuple[int, int]]:
    owners = np.repeat(heldout.user_idx, np.diff(heldout.indptr))
    return set(zip(owners.tolist(), heldout.item_idx.tolist(), strict=True))


def interactions(snapshot: GraphSnapshot) -> set[tuple[int, int]]:
    x = snapshot.interactions
    return set(zip(x.user_idx.tolist(), x.item_idx.tolist(), strict=True))


@pytest.mark.parametrize("protocol", ["split", "next-item", "time"])
def test_training_part_holds_nothing_of_what_is_looked_for(protocol: Protocol) -> None:
    snapshot = planted_snapshot()
    train, heldout = train_and_heldout(snapshot, protocol, np.random.default_rng(0))
    assert pairs(heldout)
    assert pairs(heldout) <= interactions(snapshot)
    assert not pairs(heldout) & interactions(train)


def test_given_test_pairs_leave_the_snapshot_whole() -> None:
    snapshot = planted_snapshot()
    train, heldout = train_and_heldout(
        snapshot, "split", np.random.default_rng(0), test_pairs=[("u003", "i009"), ("u001", "i000")]
    )
    assert train is snapshot
    assert pairs(heldout) == {(1, 0), (3, 9)}


def test_test_pairs_have_no_place_in_a_cut_by_time() -> None:
    with pytest.raises(ValueError, match="'time'"):
        train_and_heldout(planted_snapshot(), "time", np.random.default_rng(0), test_pairs=[])


def test_nothing_to_look_for_is_an_error() -> None:
    with pytest.raises(ValueError, match="no held-out item"):
        train_and_heldout(
            planted_snapshot(), "split", np.random.default_rng(0), test_pairs=[("ghost", "i000")]
        )
