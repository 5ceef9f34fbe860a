from dataclasses import replace

import numpy as np

from ranking.diversity.likeness import ItemLikeness, likeness_to
from tests.planted import planted_snapshot
from tests.ranking.engines import item_item_hybrid, shop


def test_likeness_is_the_mean_cosine_from_the_mean_item() -> None:
    graph = np.array([[2, 1], [0, 1], [1, 3]], np.float32)  # from their mean (1, 1): right, left, up
    text = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    likeness = ItemLikeness([(graph, np.ones(2, np.float32)), (text, np.zeros(2, np.float32))])
    vectors = likeness.vectors(np.arange(3, dtype=np.int32))
    # cosines: graph 1, -1, 0; text 1, 1, 0
    np.testing.assert_allclose(likeness_to(vectors, 0), [1, 0.5, 0.5], atol=1e-6)


def test_an_item_at_the_mean_is_like_nothing_more_than_half() -> None:
    likeness = ItemLikeness([(np.array([[1, 0], [0, 0]], np.float32), np.zeros(2, np.float32))])
    vectors = likeness.vectors(np.array([0, 1], np.int32))
    np.testing.assert_allclose(likeness_to(vectors, 0), [1, 0.5])


def test_without_vectors_all_are_equally_alike() -> None:
    vectors = ItemLikeness([]).vectors(np.arange(4, dtype=np.int32))
    np.testing.assert_array_equal(likeness_to(vectors, 2), np.full(4, 0.5))


def test_items_of_a_taste_are_more_alike() -> None:
    hybrid = item_item_hybrid(shop())  # texts alone: no graph model
    vectors = ItemLikeness.of(hybrid).vectors(np.arange(40, dtype=np.int32))
    to_first = likeness_to(vectors, 0)
    assert to_first[4::4].min() > np.delete(to_first, np.arange(0, 40, 4)).max()


def test_a_shop_without_texts_and_graph_model_has_no_vectors() -> None:
    hybrid = item_item_hybrid(planted_snapshot())
    assert ItemLikeness.of(hybrid).vectors(np.zeros(1, np.int32)).shape == (1, 0)
    assert ItemLikeness.of(replace(hybrid, models={})).vectors(np.zeros(1, np.int32)).shape == (1, 0)
