from dataclasses import replace

import numpy as np
import pytest

from gnn.popularity import Popularity, PopularityConfig
from shopgraph.types import NO_TIME, GraphSnapshot, Interactions, Recommender
from tests.gnn.recommender_suite import NO_EVENT_USER, RecommenderSuite, awkward_snapshot
from tests.planted import NOW, PURCHASE, VIEW, planted_snapshot

DAY_S = 86_400


class TestPopularity(RecommenderSuite):
    personal = False

    def make(self) -> Recommender:
        return Popularity()

    def test_empty_history_scores_zero(self) -> None:
        """Popularity alone has an answer for a shopper without a past: the same as for everyone."""
        snapshot = awkward_snapshot()
        scores = self.fitted(snapshot).score(snapshot.histories)
        np.testing.assert_array_equal(scores[NO_EVENT_USER], scores[0])
        assert scores[0].max() > 0


def small_shop(days_ago: list[float | None]) -> GraphSnapshot:
    """Item 0 bought, item 1 viewed, item 2 bought; the times are given."""
    now = int(NOW.timestamp())
    time = [NO_TIME if days is None else int(now - days * DAY_S) for days in days_ago]
    interactions = Interactions(
        np.array([0, 1, 2], np.int32),
        np.array([0, 1, 2], np.int32),
        np.array([PURCHASE, VIEW, PURCHASE], np.int8),
        np.ones(3, np.float32),
        np.array(time, np.int64),
    )
    return replace(planted_snapshot(n_users=3, n_items=4, n_tastes=1), interactions=interactions)


def scores(snapshot: GraphSnapshot, config: PopularityConfig) -> np.ndarray:
    model = Popularity(config)
    model.fit(snapshot, np.random.default_rng(0))
    return model.scores


def test_events_count_by_their_type() -> None:
    found = scores(small_shop([1, 1, 1]), PopularityConfig())
    np.testing.assert_allclose(found, np.log1p([1.0, 0.2, 1.0, 0.0]), rtol=1e-6)


def test_half_life_lets_old_events_fade() -> None:
    found = scores(small_shop([7, 0, 14]), PopularityConfig(half_life_days=7))
    np.testing.assert_allclose(found, np.log1p([0.5, 0.2, 0.25, 0.0]), rtol=1e-5)


def test_events_without_or_after_time_do_not_fade() -> None:
    found = scores(small_shop([None, 0, -3]), PopularityConfig(half_life_days=7))
    np.testing.assert_allclose(found, np.log1p([1.0, 0.2, 1.0, 0.0]), rtol=1e-6)


def test_half_life_must_be_positive() -> None:
    with pytest.raises(ValueError, match="half_life_days"):
        PopularityConfig(half_life_days=0)
