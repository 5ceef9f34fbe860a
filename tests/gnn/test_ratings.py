from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gnn.item_item.model import Ease
from gnn.ratings import RatingConfig, RatingHead, Ratings, graph_signal, ratings_of
from shopgraph.types import GraphSnapshot
from tests.planted import planted_snapshot

NO_SIGNAL = np.zeros(4, np.float32)


def ratings(*rows: tuple[int, int, float]) -> Ratings:
    users, items, stars = zip(*rows, strict=True)
    return Ratings(np.array(users, np.int32), np.array(items, np.int32), np.array(stars, np.float32))


def with_ratings(snapshot: GraphSnapshot) -> GraphSnapshot:
    """The snapshot, its first three events made ratings of 5, 4 and 2 stars."""
    x = snapshot.interactions
    rate = next(code for code, event in enumerate(snapshot.event_types) if event.name == "rate")
    codes, values = x.type_code.copy(), x.value.copy()
    codes[:3], values[:3] = rate, [5, 4, 2]
    return replace(snapshot, interactions=replace(x, type_code=codes, value=values))


def test_biases_without_ridge_fit_an_additive_table() -> None:
    """Stars 5, 3 / 4, 2: mean 3.5, shoppers ±0.5, items ±1."""
    head = RatingHead(RatingConfig(user_l2=0, item_l2=0, use_graph=False))
    table = ratings((0, 0, 5), (0, 1, 3), (1, 0, 4), (1, 1, 2))
    head.fit(table, NO_SIGNAL, n_users=2, n_items=2)
    assert head.mean == 3.5
    np.testing.assert_allclose(head.user_bias, [0.5, -0.5], atol=1e-6)
    np.testing.assert_allclose(head.item_bias, [1, -1], atol=1e-6)
    np.testing.assert_allclose(
        head.predict(table.user_idx, table.item_idx, NO_SIGNAL), table.stars, atol=1e-5
    )


def test_few_ratings_are_pulled_to_the_mean() -> None:
    """One item, deviations +1 and −1 of two shoppers: each is halved by l2 = 1."""
    head = RatingHead(RatingConfig(user_l2=1, item_l2=1, use_graph=False))
    head.fit(ratings((0, 0, 5), (1, 0, 3)), NO_SIGNAL[:2], n_users=3, n_items=1)
    np.testing.assert_allclose(head.user_bias, [0.5, -0.5, 0], atol=1e-6)
    np.testing.assert_allclose(head.item_bias, [0], atol=1e-6)


def test_weight_is_the_slope_of_what_the_biases_leave() -> None:
    """Biases are off (huge ridge), so the stars 2, 3, 4, 5 lie on a line through the signal."""
    head = RatingHead(RatingConfig(user_l2=1e9, item_l2=1e9))
    signal = np.array([1, 2, 3, 4], np.float32)
    table = ratings((0, 0, 2), (1, 1, 3), (2, 2, 4), (3, 3, 5))
    head.fit(table, signal, n_users=4, n_items=4)
    assert head.weight == pytest.approx(np.std(signal), rel=1e-4)
    np.testing.assert_allclose(head.predict(table.user_idx, table.item_idx, signal), table.stars, atol=1e-4)


def test_stranger_gets_mean_and_item_bias_within_the_stars() -> None:
    head = RatingHead(RatingConfig(user_l2=0, item_l2=0, use_graph=False))
    head.fit(ratings((0, 0, 5), (0, 1, 3)), NO_SIGNAL[:2], n_users=1, n_items=2)
    strangers = np.array([-1, -1], np.int32)
    found = head.predict(strangers, np.array([0, 1], np.int32), NO_SIGNAL[:2])
    np.testing.assert_allclose(found, [5, 3], atol=1e-6)
    head.mean = 5.5
    assert head.predict(strangers[:1], np.array([0], np.int32), NO_SIGNAL[:1])[0] == 5


def test_median_is_the_star_that_costs_least_where_the_mean_lies_between() -> None:
    """Each item has stars 5, 5, 5, 2, 2 or 2, 2, 2, 5, 5: means 3.8 and 3.2, medians 5 and 2."""
    stars = [5, 5, 2, 5, 2] * 40 + [2, 2, 5, 2, 5] * 40
    rows = [(0, int(n >= 200), float(star)) for n, star in enumerate(stars)]
    table = ratings(*(rows[n] for n in np.random.default_rng(0).permutation(400)))
    head = RatingHead(RatingConfig(user_l2=0, item_l2=0, use_graph=False))
    head.fit(table, np.zeros(400, np.float32), n_users=1, n_items=2)
    asked = (np.zeros(2, np.int32), np.array([0, 1], np.int32), NO_SIGNAL[:2])
    np.testing.assert_allclose(head.predict(*asked), [3.8, 3.2], atol=1e-5)
    assert head.predict_median(*asked).tolist() == [5, 2]


def test_one_rating_is_its_own_median() -> None:
    head = RatingHead()
    head.fit(ratings((0, 0, 4)), NO_SIGNAL[:1], n_users=1, n_items=1)
    assert head.predict_median(np.array([-1]), np.array([0]), NO_SIGNAL[:1]).tolist() == [4]


def test_no_rating_is_refused() -> None:
    none = Ratings(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    with pytest.raises(ValueError, match="no rating"):
        RatingHead().fit(none, NO_SIGNAL[:0], 1, 1)


def test_loaded_head_predicts_the_same(tmp_path: Path) -> None:
    head = RatingHead()
    table = ratings((0, 0, 5), (0, 1, 3), (1, 0, 4), (1, 1, 2), (0, 0, 4))
    signal = np.array([0.3, 0.1, 0.7, 0.2, 0.3], np.float32)
    head.fit(table, signal, 2, 2)
    head.save(tmp_path)
    loaded = RatingHead.load(tmp_path)
    asked = (table.user_idx, table.item_idx, signal)
    np.testing.assert_array_equal(loaded.predict(*asked), head.predict(*asked))
    np.testing.assert_array_equal(loaded.predict_median(*asked), head.predict_median(*asked))


def test_ratings_are_the_rate_events_with_their_stars() -> None:
    snapshot = with_ratings(planted_snapshot())
    found = ratings_of(snapshot)
    assert found.stars.tolist() == [5, 4, 2]
    np.testing.assert_array_equal(found.item_idx, snapshot.interactions.item_idx[:3])


def test_signal_is_the_models_score_of_each_pair() -> None:
    snapshot = planted_snapshot()
    model = Ease()
    model.fit(snapshot, np.random.default_rng(0))
    users, items = np.array([5, 0, 5], np.int32), np.array([1, 8, 9], np.int32)
    scores = model.score(snapshot.histories)
    found = graph_signal(model, snapshot.histories, users, items)
    np.testing.assert_allclose(found, scores[users, items], atol=1e-6)
