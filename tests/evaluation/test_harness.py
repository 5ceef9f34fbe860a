from dataclasses import replace

import numpy as np
import pytest

from evaluation import harness
from evaluation.harness import evaluate, evaluate_lists, evaluate_panel, top_items
from gnn.popularity import Popularity
from ranking.holdout import hold_out
from shopgraph.types import FloatMatrix, GraphSnapshot, Heldout, Histories, Interactions
from tests.planted import PURCHASE, VIEW, planted_snapshot


def tiny_shop() -> GraphSnapshot:
    """User 0 bought item 0 and viewed item 3; user 1 bought items 0 and 1; user 2 has done nothing."""
    interactions = Interactions(
        np.array([0, 0, 1, 1], np.int32),
        np.array([0, 3, 0, 1], np.int32),
        np.array([PURCHASE, VIEW, PURCHASE, PURCHASE], np.int8),
        np.ones(4, np.float32),
        np.arange(4, dtype=np.int64),
    )
    return replace(planted_snapshot(n_users=3, n_items=4, n_tastes=1), interactions=interactions)


WANTED = Heldout(np.array([0, 1, 2], np.int32), np.array([0, 2, 3, 4]), np.array([2, 3, 3, 0], np.int32))
"""User 0 wants items 2 and 3, user 1 item 3, user 2 item 0."""


def by_number(histories: Histories) -> FloatMatrix:
    """Everyone's best item is item 0, then 1, 2, 3."""
    return np.tile(np.array([4, 3, 2, 1], np.float32), (len(histories), 1))


def test_bought_items_are_left_out_and_viewed_ones_stay() -> None:
    found = evaluate({"by_number": by_number}, tiny_shop(), WANTED, ks=[2])["by_number"]
    assert found.ranked.tolist() == [[1, 2], [2, 3], [0, 1]]
    np.testing.assert_allclose(found.per_user["recall@2"], [0.5, 1, 1])
    np.testing.assert_allclose(found.per_user["hr@2"], [1, 1, 1])
    np.testing.assert_allclose(found.per_user["precision@2"], [0.5, 0.5, 0.5])
    gain = 1 / np.log2(3)
    np.testing.assert_allclose(found.per_user["ndcg@2"], [gain / (1 + gain), gain, 1])
    assert found.user_idx.tolist() == [0, 1, 2]


def test_novelty_comes_from_who_bought_in_training() -> None:
    found = evaluate({"by_number": by_number}, tiny_shop(), WANTED, ks=[1])["by_number"]
    # of 3 users, item 1 has 1 buyer, item 2 none, item 0 two
    expected = -np.log2([2 / 4, 1 / 4, 3 / 4])
    np.testing.assert_allclose(found.per_user["novelty@1"], expected, rtol=1e-6)


def test_items_scored_minus_infinity_are_not_listed_and_the_user_still_counts() -> None:
    def only_item_1(histories: Histories) -> FloatMatrix:
        scores = np.full((len(histories), 4), -np.inf, np.float32)
        scores[:, 1] = 1
        return scores

    found = evaluate({"served": only_item_1}, tiny_shop(), WANTED, ks=[2])["served"]
    assert found.ranked.tolist() == [[1, -1], [-1, -1], [1, -1]]
    assert found.per_user["recall@2"].tolist() == [0, 0, 0]


def test_asking_for_more_places_than_items_gives_short_lists() -> None:
    found = evaluate({"by_number": by_number}, tiny_shop(), WANTED, ks=[6])["by_number"]
    assert found.ranked[0].tolist() == [1, 2, 3, -1, -1, -1]
    np.testing.assert_allclose(found.per_user["recall@6"], [1, 1, 1])


def test_batches_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    train, heldout = hold_out(planted_snapshot(), "random", np.random.default_rng(0))
    model = Popularity()
    model.fit(train, np.random.default_rng(0))
    whole = evaluate({"popularity": model.score}, train, heldout)["popularity"]
    monkeypatch.setattr(harness, "_SCORES_AT_ONCE", 7 * train.n_items)
    batched = evaluate({"popularity": model.score}, train, heldout)["popularity"]
    np.testing.assert_array_equal(whole.ranked, batched.ranked)
    for metric, values in whole.per_user.items():
        np.testing.assert_array_equal(values, batched.per_user[metric])


def test_model_that_knows_the_answer_is_perfect_and_its_reverse_finds_nothing() -> None:
    train, heldout = hold_out(planted_snapshot(), "random", np.random.default_rng(0))
    truth = np.zeros((train.n_users, train.n_items), np.float32)
    truth[np.repeat(heldout.user_idx, np.diff(heldout.indptr)), heldout.item_idx] = 1

    def panel(histories: Histories) -> dict[str, FloatMatrix]:
        assert len(histories) == len(heldout)
        return {"oracle": truth[heldout.user_idx], "reverse": -truth[heldout.user_idx]}

    found = evaluate_panel(panel, train, heldout)
    assert found["oracle"].per_user["ndcg@10"].min() == pytest.approx(1)
    assert found["reverse"].per_user["ndcg@10"].max() == 0


def test_scores_of_the_model_are_not_written_to() -> None:
    kept = np.ones((3, 4), np.float32)
    evaluate({"kept": lambda _: kept}, tiny_shop(), WANTED, ks=[2])
    assert (kept == 1).all()


def test_top_items_come_best_first_with_equals_by_number() -> None:
    scores = np.array([[1, 3, 3, 2], [0, -np.inf, 5, -np.inf]], np.float32)
    assert top_items(scores, 3).tolist() == [[1, 2, 3], [2, 0, -1]]


@pytest.mark.parametrize(
    ("scores", "named"),
    [(np.full((3, 4), np.nan, np.float32), "NaN"), (np.ones((3, 5), np.float32), "shape")],
)
def test_broken_scores_are_refused(scores: FloatMatrix, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        evaluate({"broken": lambda _: scores}, tiny_shop(), WANTED)


def test_no_heldout_user_and_no_cutoff_are_refused() -> None:
    nobody = Heldout(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int32))
    with pytest.raises(ValueError, match="nothing is held out"):
        evaluate({"by_number": by_number}, tiny_shop(), nobody)
    with pytest.raises(ValueError, match="at least 1"):
        evaluate({"by_number": by_number}, tiny_shop(), WANTED, ks=[0])


def test_lists_from_elsewhere_are_measured_alike() -> None:
    train, heldout = hold_out(planted_snapshot(), "random", np.random.default_rng(0))
    popularity = Popularity()
    popularity.fit(train, np.random.default_rng(0))
    result = evaluate({"popularity": popularity.score}, train, heldout)["popularity"]
    again = evaluate_lists({"popularity": result.ranked}, train, heldout)["popularity"]
    assert all(np.array_equal(result.per_user[name], again.per_user[name]) for name in result.per_user)


def test_broken_lists_are_refused() -> None:
    train, heldout = hold_out(planted_snapshot(), "random", np.random.default_rng(0))
    ranked = np.tile(np.arange(20, dtype=np.int32), (len(heldout), 1))
    for broken, named in ((ranked[:, :19], "shape"), (ranked + 30, "outside"), (ranked // 2, "twice")):
        with pytest.raises(ValueError, match=named):
            evaluate_lists({"theirs": broken}, train, heldout)
