from dataclasses import replace

import numpy as np
import pytest

from gnn.item_item.sequence import SequenceConfig, SequenceNeighbours
from shopgraph.types import GraphSnapshot, Interactions, Recommender
from tests.gnn.recommender_suite import RecommenderSuite, one_history
from tests.planted import PURCHASE, planted_snapshot


class TestSequenceNeighbours(RecommenderSuite):
    def make(self) -> Recommender:
        return SequenceNeighbours(SequenceConfig(backward=1.0, half_life_events=20.0))


def in_order(*histories: list[int]) -> GraphSnapshot:
    """Shoppers who bought these of four items, in this order."""
    users = np.repeat(np.arange(len(histories)), [len(items) for items in histories]).astype(np.int32)
    items = np.concatenate(histories).astype(np.int32)
    n = len(items)
    bought = Interactions(
        users, items, np.full(n, PURCHASE, np.int8), np.ones(n, np.float32), np.arange(n, dtype=np.int64)
    )
    empty = planted_snapshot(n_users=len(histories), n_items=4, n_tastes=1)
    return replace(empty, interactions=bought, relations={})


def fitted(snapshot: GraphSnapshot, **settings: float) -> SequenceNeighbours:
    plain = {"past_power": 0.0, "next_power": 0.0, "shrinkage": 0.0, "backward": 0.0, "decay": 0.5}
    model = SequenceNeighbours(SequenceConfig.model_validate(plain | settings))
    model.fit(snapshot, np.random.default_rng(0))
    return model


def test_each_further_place_counts_less() -> None:
    found = fitted(in_order([0, 1, 2], [0, 2])).similarity.toarray()
    # with power 0 the denominator is 1: 0→2 once two places apart (0.5) and once next to it (1)
    expected = np.array([[0, 1, 1.5, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(found, expected)


def test_taken_before_counts_by_its_own_weight() -> None:
    found = fitted(in_order([0, 1, 2]), backward=0.2).similarity.toarray()
    np.testing.assert_allclose(found[:3, :3], [[0, 1, 0.5], [0.2, 0, 1], [0.1, 0.2, 0]], rtol=1e-6)


def test_pairs_are_divided_by_both_popularities() -> None:
    found = fitted(in_order([0, 1], [0, 2], [0, 1]), past_power=0.5, next_power=0.5, shrinkage=1.0).similarity
    np.testing.assert_allclose(
        found.toarray()[0], [0, 2 / (np.sqrt(3 * 2) + 1), 1 / (np.sqrt(3) + 1), 0], rtol=1e-6
    )


def test_items_further_apart_than_max_places_are_strangers() -> None:
    found = fitted(in_order([0, 1, 2, 3]), max_places=2).similarity.toarray()
    assert found[0, 2] == 0.5
    assert found[0, 3] == 0


def test_an_item_taken_twice_does_not_follow_itself() -> None:
    assert not fitted(in_order([0, 0, 0])).similarity.nnz


def test_what_was_taken_last_says_most() -> None:
    model = fitted(in_order([0, 2], [1, 3]), half_life_events=1.0, history_power=0.0)
    scores = model.score(one_history(planted_snapshot(), [0, 1], PURCHASE, days_ago=[2, 1]))
    np.testing.assert_allclose(scores, [[0, 0, 0.5, 1]])


@pytest.mark.parametrize("wrong", [{"decay": 0.0}, {"decay": 1.1}, {"max_places": 0}, {"backward": -1.0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SequenceConfig.model_validate(wrong)
