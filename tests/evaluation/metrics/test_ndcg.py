import numpy as np
import pytest

from evaluation.metrics.ndcg import ndcg_at_k


def ndcg(hits: list[int], n_relevant: int, k: int) -> float:
    return float(ndcg_at_k(np.array([hits], bool), np.array([n_relevant], np.int32), k)[0])


def test_hand_worked_list() -> None:
    # hits at places 2 and 3 of three relevant: (1/log2 3 + 1/log2 4) / (1 + 1/log2 3 + 1/log2 4)
    assert ndcg([0, 1, 1], 3, 3) == pytest.approx((0.63093 + 0.5) / (1 + 0.63093 + 0.5), abs=1e-5)


def test_perfect_list_is_one() -> None:
    assert ndcg([1, 1, 0], 2, 3) == 1


def test_ideal_list_is_cut_at_k() -> None:
    assert ndcg([1, 1], 5, 2) == 1


def test_hits_past_k_do_not_count() -> None:
    assert ndcg([0, 0, 1], 1, 2) == 0


def test_short_list_counts_with_what_it_has() -> None:
    assert ndcg([0, 1], 1, 10) == pytest.approx(1 / np.log2(3))


def test_users_are_independent() -> None:
    hits = np.array([[True, False], [False, True]])
    np.testing.assert_allclose(ndcg_at_k(hits, np.array([1, 1], np.int32), 2), [1, 1 / np.log2(3)])


@pytest.mark.parametrize(
    ("n_relevant", "k", "named"), [([0], 1, "relevant"), ([1], 0, "k must"), ([1, 1], 1, "fit")]
)
def test_wrong_input_is_named(n_relevant: list[int], k: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ndcg_at_k(np.array([[True]]), np.array(n_relevant, np.int32), k)
