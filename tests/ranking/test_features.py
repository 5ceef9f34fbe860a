from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from graph.schema import BRAND, CATEGORY, MADE_BY
from ranking.config import FeatureConfig
from ranking.feature_fitting import fit_features
from ranking.features import FeatureSet
from shopgraph.types import NO_TIME, EdgeType, GraphSnapshot, Histories, Interactions, IntVector
from tests.planted import NOW, PURCHASE, VIEW, edges, planted_snapshot

DAY = 86_400
NOW_S = int(NOW.timestamp())
CONFIG = FeatureConfig(half_life_days=10.0, trend_half_life_days=5.0, newness_half_life_days=20.0)


def history(*events: tuple[int, int, int]) -> Histories:
    """Events are (item, type, days ago), oldest first."""
    rows = np.array(events, np.int64).reshape(-1, 3)
    return Histories(
        np.array([0, len(rows)], np.int64),
        rows[:, 0].astype(np.int32),
        rows[:, 1].astype(np.int8),
        np.ones(len(rows), np.float32),
        NOW_S - rows[:, 2] * DAY,
        NOW,
    )


def fitted(snapshot: GraphSnapshot) -> FeatureSet:
    return fit_features(snapshot, CONFIG, np.random.default_rng(0))


def raw(features: FeatureSet, past: Histories, item_idx: IntVector | None = None) -> dict[str, np.ndarray]:
    return {name: values[0] for name, values in features.raw_values(past, item_idx)}


def test_brand_affinity_is_the_share_of_the_decayed_history() -> None:
    features = fitted(planted_snapshot())
    # item 0 has brand 0, item 1 brand 1; ten days halve the first, so the shares are 1/3 and 2/3
    values = raw(features, history((0, PURCHASE, 10), (1, PURCHASE, 0)))["affinity:MADE_BY"]
    np.testing.assert_allclose(values[:4], [1 / 3, 2 / 3, 0, 0], atol=1e-6)


def test_an_item_with_two_brands_gets_their_mean_share() -> None:
    snapshot = planted_snapshot(n_items=4)
    two = edges([0, 0, 1, 2, 3], [0, 1, 1, 2, 3])
    features = fitted(replace(snapshot, relations={MADE_BY: two}))
    values = raw(features, history((1, PURCHASE, 0)))["affinity:MADE_BY"]
    np.testing.assert_allclose(values, [0.5, 1, 0, 0], atol=1e-6)


def test_a_category_brings_its_ancestors() -> None:
    snapshot = planted_snapshot(n_items=4)
    relations = {
        EdgeType("Item", "IN_CATEGORY", CATEGORY): edges([0, 1, 3], [0, 1, 3]),
        EdgeType(CATEGORY, "CHILD_OF", CATEGORY): edges([0, 1], [2, 2]),
    }
    features = fitted(replace(snapshot, relations=relations))
    values = raw(features, history((0, PURCHASE, 0)))["affinity:IN_CATEGORY"]
    # items 0 and 1 share the parent, which is half of each one's nodes
    np.testing.assert_allclose(values, [1, 0.5, 0, 0], atol=1e-6)


def test_any_relation_from_items_to_a_label_is_a_feature_named_after_it() -> None:
    snapshot = planted_snapshot()
    grown = EdgeType("Item", "GROWN_IN", BRAND)
    features = fitted(replace(snapshot, relations={grown: edges([0, 4], [0, 0])}))
    assert "affinity:GROWN_IN" in features.names
    assert raw(features, history((0, PURCHASE, 0)))["affinity:GROWN_IN"][4] == pytest.approx(1)


def test_popularity_counts_weighted_events_and_trending_forgets() -> None:
    snapshot = planted_snapshot(n_items=3, n_users=2)
    interactions = Interactions(
        np.array([0, 0, 1], np.int32),
        np.array([0, 1, 1], np.int32),
        np.array([PURCHASE, VIEW, VIEW], np.int8),
        np.ones(3, np.float32),
        np.array([NOW_S - 10 * DAY, NOW_S, NOW_S]),
    )
    features = fitted(replace(snapshot, interactions=interactions))
    values = raw(features, history())
    popularity = np.log1p([1.0, 0.4, 0.0])
    trending = np.log1p([0.25, 0.4, 0.0])
    np.testing.assert_allclose(values["popularity"], popularity - popularity.mean(), atol=1e-6)
    np.testing.assert_allclose(values["trending"], trending - trending.mean(), atol=1e-6)


def test_price_fit_falls_with_the_distance_and_is_zero_where_unknown() -> None:
    snapshot = planted_snapshot(n_items=4)
    price = np.array([10, 10, 100, np.nan], np.float32)
    features = fitted(replace(snapshot, items=replace(snapshot.items, price=price)))
    values = raw(features, history((0, PURCHASE, 0)))["price_fit"]
    spread = np.std(np.log([10, 10, 100]))
    np.testing.assert_allclose(values, [1, 1, np.exp(-np.log(10) / spread), 0], atol=1e-5)


def test_newness_halves_with_age_and_unknown_age_is_not_new() -> None:
    snapshot = planted_snapshot(n_items=3)
    created = np.array([NOW_S, NOW_S - 20 * DAY, NO_TIME])
    features = fitted(replace(snapshot, items=replace(snapshot.items, created_at=created)))
    np.testing.assert_allclose(raw(features, history())["newness"], [1, 0.5, 0], atol=1e-6)


def test_text_profile_ranks_the_own_taste_first() -> None:
    features = fitted(planted_snapshot(with_text=True))
    values = raw(features, history((0, PURCHASE, 0), (4, PURCHASE, 0)))["text_profile"]
    own = np.arange(40) % 4 == 0
    assert values[own].mean() > values[~own].max()


def test_seen_before_marks_what_was_viewed() -> None:
    features = fitted(planted_snapshot())
    values = raw(features, history((3, VIEW, 0)))["seen_before"]
    assert values[3] == pytest.approx(np.log1p(0.2))
    assert np.count_nonzero(values) == 1


def test_bought_again_grows_with_how_often_and_how_lately(tmp_path: Path) -> None:
    assert "bought_again" not in fitted(planted_snapshot()).names
    config = CONFIG.model_copy(update={"repeat_half_life_days": 5.0})
    features = fit_features(planted_snapshot(), config, np.random.default_rng(0), repeats=True)
    past = history((3, PURCHASE, 10), (3, PURCHASE, 0), (5, PURCHASE, 5))
    values = raw(features, past)["bought_again"]
    # item 3: two purchases, of late 1 and a quarter; item 5: one, of late a half
    expected = [np.log(3) + np.log(2.25), np.log(2) + np.log(1.5), 0]
    np.testing.assert_allclose(values[[3, 5, 4]], expected, rtol=1e-6)
    features.save(tmp_path)
    np.testing.assert_array_equal(raw(FeatureSet.load(tmp_path), past)["bought_again"], values)


def test_an_empty_history_leaves_only_what_is_impersonal() -> None:
    features = fitted(planted_snapshot(with_text=True))
    for name, values in raw(features, history()).items():
        if name not in ("popularity", "trending", "newness"):
            assert not values.any(), name


def test_features_without_data_do_not_exist() -> None:
    snapshot = planted_snapshot()
    bare = replace(
        snapshot,
        relations={},
        items=replace(snapshot.items, price=np.full(40, np.nan, np.float32)),
        interactions=replace(
            snapshot.interactions,
            type_code=np.full(len(snapshot.interactions), PURCHASE, np.int8),
            time=np.full(len(snapshot.interactions), NO_TIME),
        ),
    )
    assert fitted(bare).names == ("popularity",)


def test_values_of_some_items_and_of_a_batch_are_those_of_one_shopper_over_all() -> None:
    snapshot = planted_snapshot(with_text=True)
    features = fitted(snapshot)
    picked = np.array([7, 2, 39], np.int32)
    batch = dict(features.values(snapshot.histories))
    for name, values in features.values(snapshot.histories.row(5), picked):
        np.testing.assert_allclose(values[0], batch[name][5, picked], atol=1e-5, err_msg=name)


def test_scales_come_from_training_and_not_from_the_asked_items() -> None:
    features = fitted(planted_snapshot(with_text=True))
    past = history((0, PURCHASE, 3))
    for (name, unscaled), (_, scaled) in zip(features.raw_values(past), features.values(past), strict=True):
        np.testing.assert_allclose(scaled, unscaled / features.scales[name], rtol=1e-5)


def test_recency_is_measured_from_the_histories_now() -> None:
    features = fitted(planted_snapshot())
    past = history((0, VIEW, 0))
    later = replace(past, now=NOW + timedelta(days=10))
    assert raw(features, later)["seen_before"][0] == pytest.approx(np.log1p(0.1))


def test_saved_features_give_the_same_values(tmp_path: Path) -> None:
    snapshot = planted_snapshot(with_text=True)
    features = fitted(snapshot)
    features.save(tmp_path)
    loaded = FeatureSet.load(tmp_path)
    assert loaded.names == features.names
    for (_, before), (_, after) in zip(
        features.values(snapshot.histories), loaded.values(snapshot.histories), strict=True
    ):
        np.testing.assert_array_equal(before, after)
