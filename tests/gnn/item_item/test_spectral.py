from dataclasses import replace

import numpy as np

from gnn.history import float_csr_of_pairs
from gnn.item_item.spectral import Spectral, SpectralConfig, leading_vectors
from shopgraph.types import Interactions, Recommender
from tests.gnn.recommender_suite import RecommenderSuite, one_history
from tests.planted import PURCHASE, planted_snapshot

RNG = np.random.default_rng(0)


class TestSpectral(RecommenderSuite):
    def make(self) -> Recommender:
        return Spectral(SpectralConfig(rank=4))


def test_score_is_the_papers_formula_computed_densely() -> None:
    snapshot = planted_snapshot(n_users=30, n_items=12, n_tastes=3, n_events=3, shuffled=True)
    snapshot = replace(snapshot, relations={})
    config = SpectralConfig(
        rank=5, alpha=0.7, item_power=0.5, history_power=0.0, type_weights={"view_item": 1.0}
    )
    model = Spectral(config)
    model.fit(snapshot, RNG)
    r = np.zeros((30, 12))
    r[snapshot.interactions.user_idx, snapshot.interactions.item_idx] = 1
    d_user, d_item = r.sum(1), r.sum(0)
    norm = r / np.sqrt(d_user[:, None] * d_item)
    v = np.linalg.svd(norm)[2][:5].T
    linear = norm.T @ norm
    np.fill_diagonal(linear, 0)
    low_pass = v @ v.T * np.sqrt(d_item) / np.sqrt(d_item)[:, None]
    np.testing.assert_allclose(model.score(snapshot.histories), r @ (linear + 0.7 * low_pass), atol=1e-4)


def test_two_shoppers_by_hand() -> None:
    """Shopper 0 bought items 0 and 1, shopper 1 bought 1 and 2: degrees 2, 2 and 1, 2, 1."""
    bought = Interactions(
        np.array([0, 0, 1, 1], np.int32),
        np.array([0, 1, 1, 2], np.int32),
        np.full(4, PURCHASE, np.int8),
        np.ones(4, np.float32),
        np.arange(4, dtype=np.int64),
    )
    empty = planted_snapshot(n_users=2, n_items=4, n_tastes=1)
    model = Spectral(SpectralConfig(rank=1, alpha=0.0, item_power=0.5))
    model.fit(replace(empty, interactions=bought, relations={}), RNG)
    near = 1 / 2 / np.sqrt(2)
    expected = [[0, near, 0, 0], [near, 0, near, 0], [0, near, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(model.similarity.toarray(), expected, atol=1e-6)


def test_an_entity_links_items_that_no_shopper_links() -> None:
    snapshot = planted_snapshot()
    history = one_history(snapshot, [0], PURCHASE, days_ago=[1])
    nobody = replace(
        snapshot, interactions=Interactions(*(c[:0] for c in vars(snapshot.interactions).values()))
    )
    model = Spectral(SpectralConfig(rank=4))
    model.fit(nobody, RNG)
    scores = model.score(history)[0]
    assert scores[4] > 10 * abs(scores[5])


def test_leading_vectors_are_those_of_a_full_decomposition() -> None:
    dense = np.random.default_rng(1).random((50, 30)).astype(np.float32)
    rows, columns = (index.astype(np.int32) for index in np.nonzero(dense))
    found = leading_vectors(float_csr_of_pairs(dense.ravel(), rows, columns, (50, 30)), 3, RNG)
    expected = np.linalg.svd(dense)[2][:3].T
    np.testing.assert_allclose(np.abs((found * expected).sum(0)), 1, atol=1e-3)
