from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.diversity.config import ExposureGroup
from ranking.diversity.fairness import bounds_of, checked_bounds, failing, fewest_by_test
from shopgraph.errors import BadSettings

PUBLISHED = {
    # the table of FA*IR (Zehlike et al. 2017) for α = 0.1 without correction, k = 1 … 12
    0.2: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
    0.3: [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2],
    0.5: [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4],
    0.7: [0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6],
}


def group(floor: float = 0.0, ceiling: float = 1.0, significance: float | None = None) -> ExposureGroup:
    name = f"{floor} to {ceiling}"
    return ExposureGroup(name=name, brands=("b",), floor=floor, ceiling=ceiling, significance=significance)


def chance_of_failing(share: float, fewest: list[int]) -> float:
    """By going through every list."""
    total = 0.0
    for drawn in product([0, 1], repeat=len(fewest)):
        held = np.cumsum(drawn)
        if (held < fewest).any():
            total += share ** sum(drawn) * (1 - share) ** (len(drawn) - sum(drawn))
    return total


def test_counted_shares_by_hand() -> None:
    fewest, most = bounds_of(group(0.3, 0.5), 10)
    assert fewest.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert most.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_a_tested_ceiling_is_the_floor_of_all_others() -> None:
    _, most = bounds_of(group(ceiling=0.4, significance=0.1), 30)
    np.testing.assert_array_equal(most, np.arange(31) - fewest_by_test(0.6, 30, 0.1))


def test_a_table_that_needs_no_correction_is_the_published_one() -> None:
    assert fewest_by_test(0.2, 12, 0.1)[1:].tolist() == PUBLISHED[0.2]


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_table_is_corrected_from_the_published_one(share: float) -> None:
    published = np.array([0, *PUBLISHED[share]])
    corrected = fewest_by_test(share, 12, 0.1)
    assert (corrected <= published).all()
    assert failing(share, published) > 0.1  # twelve tests at 0.1 each fail fair lists more often than that
    assert failing(share, corrected) <= 0.1


def test_each_entry_of_the_published_table_is_the_most_that_a_single_test_may_ask() -> None:
    for share, published in PUBLISHED.items():
        for n in (4, 7, 12):
            alone = np.zeros(n + 1, np.int64)
            alone[-1] = published[n - 1]
            assert failing(share, alone) <= 0.1
            alone[-1] += 1
            assert failing(share, alone) > 0.1


@given(st.floats(0.05, 0.95), st.lists(st.integers(0, 1), min_size=1, max_size=9))
def test_chance_of_failing_equals_going_through_every_list(share: float, steps: list[int]) -> None:
    fewest = np.cumsum(steps)
    found = failing(share, np.array([0, *fewest]))
    assert found == pytest.approx(chance_of_failing(share, fewest.tolist()), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 60), st.floats(0.01, 0.5))
def test_fair_lists_fail_no_more_often_than_they_may(share: float, n: int, significance: float) -> None:
    table = fewest_by_test(share, n, significance)
    assert failing(share, table) <= significance + 1e-9
    assert set(np.diff(table)) <= {0, 1}


def test_groups_that_fit_are_taken_and_all_others_are_free() -> None:
    floors, ceilings = checked_bounds((group(0.5), group(0.25, 0.5)), 4)
    assert floors.tolist() == [[0, 0, 1, 1, 2], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert ceilings.tolist() == [[0, 1, 2, 3, 4], [0, 1, 1, 2, 2], [0, 1, 2, 3, 4]]


def test_tests_that_together_ask_for_more_than_the_list_are_refused() -> None:
    # at a significance of 0.5 the first place alone is asked for by a share above one half
    many = tuple(
        ExposureGroup(name=str(n), brands=("b",), floor=share, significance=0.5)
        for n, share in enumerate((0.34, 0.33, 0.33))
    )
    floors, _ = checked_bounds(many, 10)
    assert (floors.sum(axis=0) <= np.arange(11)).all()
    with pytest.raises(BadSettings, match="lower a floor"):
        checked_bounds((group(0.6), group(0.6)), 10)


def test_a_group_needs_items_and_a_floor_below_its_ceiling() -> None:
    with pytest.raises(ValueError, match="names no brand"):
        ExposureGroup(name="nothing")
    with pytest.raises(ValueError, match="above ceiling"):
        group(0.5, 0.4)
