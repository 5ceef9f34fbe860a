from pathlib import Path

import numpy as np

from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.linear.near import NearConfig, NearItems, near_items
from gnn.linear.without import without_relations
from shopgraph.types import Recommender
from tests.gnn.recommender_suite import RecommenderSuite
from tests.planted import planted_snapshot


class TestNearItems(RecommenderSuite):
    def make(self) -> Recommender:
        return NearItems(NearConfig(dim=16, epochs=20, batch_size=16))


def test_inner_products_are_raised_to_a_power_and_weighed_by_counts() -> None:
    vectors = np.array([[3, 0], [1, 0], [-1, 0], [-3, 0]], np.float32)
    counts = np.array([1, 4, 1, 9], np.float32)
    config = NearConfig(power=2.0, past_popularity_power=1.0, popularity_power=0.5, top_k=1)
    similarity, mean = near_items(vectors, counts, config)
    found = similarity.toarray()
    assert mean == 3
    # 0 and 1 are near with 3, 2 and 3 as well; the mean of the four that are kept is 3
    expected = np.zeros((4, 4))
    expected[0, 1], expected[1, 0] = 1 * 2 / 1, 1 * 1 / 4
    expected[2, 3], expected[3, 2] = 1 * 3 / 1, 1 * 1 / 9
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_given_a_linear_model_it_takes_its_vectors_and_its_weighing_of_the_past() -> None:
    snapshot = planted_snapshot()
    linear = LinearKG(LinearKGConfig(dim=8, epochs=3, history_power=0.25, type_weights={"purchase": 2.0}))
    linear.fit(snapshot, np.random.default_rng(0))
    config = NearConfig(popularity_power=0.0, past_popularity_power=0.0, top_k=5, history_power=0.9)
    near = NearItems(config, linear=linear)
    near.fit(snapshot, np.random.default_rng(1))
    assert near.config.history_power == 0.25
    expected, _ = near_items(linear.item_vectors, np.ones(snapshot.n_items, np.float32), config)
    np.testing.assert_allclose(near.similarity.toarray(), expected.toarray(), rtol=1e-5)
    assert near.best_epoch == linear.best_epoch


def test_it_says_how_long_it_trained_and_keeps_that(tmp_path: Path) -> None:
    model = NearItems(NearConfig(dim=4, epochs=2))
    model.fit(planted_snapshot(), np.random.default_rng(0))
    model.save(tmp_path)
    assert model.best_epoch == NearItems.load(tmp_path).best_epoch == 2


def test_over_other_vectors_it_finds_what_is_near_by_these(tmp_path: Path) -> None:
    snapshot = planted_snapshot(with_text=True)
    linear = LinearKG(LinearKGConfig(dim=8, epochs=3))
    linear.fit(snapshot, np.random.default_rng(0))
    model = NearItems(NearConfig(top_k=5), linear=linear)
    model.fit(snapshot, np.random.default_rng(1))
    model.save(tmp_path)
    near = NearItems.load(tmp_path)
    histories, some = snapshot.histories, np.array([0, 7, 9], np.int32)
    np.testing.assert_allclose(near.over(linear).score(histories), near.score(histories), rtol=1e-4)

    changed = without_relations(linear, {"MADE_BY"})
    counts = np.bincount(snapshot.interactions.item_idx, minlength=snapshot.n_items)
    assert counts.min() > 0
    fresh = NearItems(NearConfig(top_k=5), linear=changed)
    fresh.fit(snapshot, np.random.default_rng(1))
    by_their_own_mean = fresh.score(histories)  # all alike but for a factor: m is not the trained one
    found = near.over(changed).score(histories)
    factors = found[by_their_own_mean > 0] / by_their_own_mean[by_their_own_mean > 0]
    np.testing.assert_allclose(factors, factors[0], rtol=1e-3)
    assert ((found > 0) == (by_their_own_mean > 0)).all()
    history = histories.row(3)
    np.testing.assert_allclose(near.over(changed).score_items(history, some), found[3, some], rtol=1e-4)


def test_with_vectors_of_its_own_it_stays_as_trained() -> None:
    snapshot = planted_snapshot()
    near = NearItems(NearConfig(dim=4, epochs=2))
    near.fit(snapshot, np.random.default_rng(0))
    other = LinearKG(LinearKGConfig(dim=8, epochs=1))
    other.fit(snapshot, np.random.default_rng(0))
    assert near.over(other) is near
