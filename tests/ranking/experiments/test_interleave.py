import numpy as np
import pytest

from ranking.experiments.interleave import credited, credits, drafted, team_draft

A, B = list("abcdef"), list("bxaydz")


@pytest.mark.parametrize("seed", range(20))
def test_each_round_both_arms_pick_their_best_that_is_left(seed: int) -> None:
    teams = team_draft(A, B, 6, np.random.default_rng(seed))
    listed = drafted(A, B, teams)
    assert len(set(listed)) == 6
    assert all({first, second} == {0, 1} for first, second in zip(teams[::2], teams[1::2], strict=True))
    for place, team in enumerate(teams):
        rest = [item for item in (A, B)[team] if item not in listed[:place]]
        assert listed[place] == rest[0]


def test_the_same_coins_give_a_longer_list_with_the_same_start() -> None:
    short = team_draft(A, B, 3, np.random.default_rng(1))
    assert team_draft(A, B, 7, np.random.default_rng(1))[:3] == short


def test_who_goes_first_is_a_fair_coin() -> None:
    first = [team_draft(A, B, 1, np.random.default_rng(seed))[0] for seed in range(400)]
    assert 160 < sum(first) < 240


def test_lists_that_run_out_are_filled_by_the_other() -> None:
    rng = np.random.default_rng(0)
    assert drafted(["a"], list("abc"), team_draft(["a"], list("abc"), 9, rng)) == ["a", "b", "c"]
    assert team_draft([], [], 5, rng) == []


def test_a_click_is_the_point_of_the_arm_that_drafted_the_item() -> None:
    teams = credits(["a", "商品", "c"], [0, 1, 1])
    assert [credited(teams, item) for item in ("a", "商品", "c", "never listed")] == [0, 1, 1, None]
    assert credited(("", ""), "a") is None
    assert len("".join(teams)) == 6
