from pathlib import Path

import numpy as np

from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.linear.near import NearConfig, NearItems, near_items
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
    found = near_items(vectors, counts, config).toarray()
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
    expected = near_items(linear.item_vectors, np.ones(snapshot.n_items, np.float32), config)
    np.testing.assert_allclose(near.similarity.toarray(), expected.toarray(), rtol=1e-5)
    assert near.best_epoch == linear.best_epoch


def test_it_says_how_long_it_trained_and_keeps_that(tmp_path: Path) -> None:
    model = NearItems(NearConfig(dim=4, epochs=2))
    model.fit(planted_snapshot(), np.random.default_rng(0))
    model.save(tmp_path)
    assert model.best_epoch == NearItems.load(tmp_path).best_epoch == 2
