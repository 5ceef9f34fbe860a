"""ranking/search_lessons.py: searches that are made up, and what words weigh with and without a past."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.linear.model import LinearKGConfig
from ranking.config import FusionConfig, HybridConfig
from ranking.features import POPULARITY
from ranking.hybrid import WORDS, Hybrid
from ranking.scorer import Scorer
from ranking.search_lessons import Searches, known_items, learn_from_searches
from ranking.training import fit_hybrid
from ranking.words import WordIndex
from shopgraph.types import FusionWeights, GraphSnapshot, Heldout, Histories
from tests.planted import planted_snapshot
from tests.ranking.engines import item_item_hybrid, shop


def with_words(snapshot: GraphSnapshot) -> Hybrid:
    index = WordIndex.fit(snapshot.items.title)
    hybrid = item_item_hybrid(snapshot)
    return replace(hybrid, words=index, scales={**hybrid.scales, WORDS: 1.0})


def nobody(snapshot: GraphSnapshot) -> Histories:
    return replace(snapshot.histories.take(np.zeros(0, np.int64)), indptr=np.zeros(2, np.int64))


def test_known_items_are_words_of_held_out_titles() -> None:
    snapshot = planted_snapshot()
    heldout = Heldout(np.array([3, 5], np.int32), np.array([0, 1, 3]), np.array([7, 8, 9], np.int32))
    found = known_items(snapshot, heldout, 10, np.random.default_rng(0))
    wanted = dict(zip(found.user_idx.tolist(), found.item_idx.tolist(), strict=True))
    assert wanted[3] == 7
    assert wanted[5] in (8, 9)
    assert all(2 <= len(words.split()) <= 4 for words in found.words)


def test_searches_teach_that_meaning_says_it_and_that_nobody_has_no_taste() -> None:
    snapshot = shop()
    assert snapshot.text_vectors is not None
    hybrid = with_words(snapshot)
    wanted = np.arange(30, dtype=np.int32)
    searches = Searches(wanted, ["nothing that a title has"] * 30, wanted)
    vectors = snapshot.text_vectors[wanted]
    found = learn_from_searches(hybrid, hybrid.weights, snapshot.histories, searches, vectors)
    assert found is not None
    assert found.meaning > found.letters
    assert found.nobody is not None
    assert not found.nobody.models
    assert set(found.nobody.features) <= set(hybrid.features.columns)
    assert found.nobody.features[POPULARITY] > 0


def test_too_few_searches_teach_nothing() -> None:
    snapshot = shop()
    assert snapshot.text_vectors is not None
    hybrid = with_words(snapshot)
    few = Searches(np.zeros(3, np.int32), ["item 000"] * 3, np.zeros(3, np.int32))
    vectors = snapshot.text_vectors[[0, 0, 0]]
    assert learn_from_searches(hybrid, hybrid.weights, snapshot.histories, few, vectors) is None


def test_a_search_by_nobody_has_weights_of_its_own_and_other_lists_do_not() -> None:
    snapshot = shop()
    own = FusionWeights({}, 2.0, {POPULARITY: 3.0}, 0.25)
    hybrid = replace(with_words(snapshot), nobody=own)
    scorer, history = Scorer(hybrid), nobody(snapshot)
    assert snapshot.text_vectors is not None
    asked = snapshot.text_vectors[:1]
    parts = scorer.parts(history, asked)
    expected = 3.0 * hybrid.features.columns[POPULARITY] / hybrid.features.scales[POPULARITY]
    np.testing.assert_allclose(parts["features"][0], expected, rtol=1e-5)
    np.testing.assert_allclose(parts["text"], hybrid.features.likeness(asked) * 2.0 / hybrid.scales["text"])
    letters = scorer.letters("item 003", history)
    assert letters is not None
    assert hybrid.words is not None
    np.testing.assert_allclose(letters, hybrid.words.scores("item 003") * 0.25)
    common = replace(hybrid, nobody=None)
    np.testing.assert_array_equal(scorer.score(history), Scorer(common).score(history))
    some = snapshot.histories.take(np.arange(3))
    queries = snapshot.text_vectors[:3]
    np.testing.assert_array_equal(scorer.score(some, queries), Scorer(common).score(some, queries))


def test_shares_of_a_search_by_nobody_sum_to_its_score() -> None:
    snapshot = shop()
    assert snapshot.text_vectors is not None
    own = FusionWeights({}, 2.0, {POPULARITY: 3.0}, 0.25)
    scorer, history = Scorer(replace(with_words(snapshot), nobody=own)), nobody(snapshot)
    letters = scorer.letters("item 003", history)
    item_idx = np.array([3, 8], np.int32)
    query = snapshot.text_vectors[0]
    parts = scorer.parts_of_items(history, item_idx, query, letters)
    shares = scorer.shares_of_items(history, item_idx, query, None, letters)
    for row in range(2):
        total = sum(float(part[row]) for part in parts.values())
        assert sum(share.value for share in shares[row]) == pytest.approx(total, abs=1e-4)


class _Reader:
    """Reads every text as the first item's."""

    name, dim = "reader", 16

    def __init__(self, snapshot: GraphSnapshot) -> None:
        assert snapshot.text_vectors is not None
        self._vector = snapshot.text_vectors[0]
        self.read: list[str] = []

    def encode(self, texts: list[str], kind: str) -> np.ndarray:
        self.read += texts
        return np.tile(self._vector, (len(texts), 1))


def test_a_shop_without_searches_learns_from_known_items() -> None:
    snapshot = planted_snapshot(n_users=80, with_text=True)
    config = HybridConfig(
        fusion=FusionConfig(max_users=100, n_candidates=30, n_hard=5), graph=LinearKGConfig(dim=8, epochs=2)
    )
    reader = _Reader(snapshot)
    fitted = fit_hybrid(snapshot, config, np.random.default_rng(0), encoder=reader)  # type: ignore[arg-type]  # lists do
    assert len(reader.read) >= 20
    assert fitted.nobody is not None
    assert fitted.weights.words > fitted.weights.text
