from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.catalogue import Catalogue
from ranking.diversity.config import ExposureGroup
from ranking.diversity.exposure import Limits, OpenPlaces
from ranking.diversity.fairness import checked_bounds
from shopgraph.types import GroupExposure
from tests.planted import planted_snapshot

CATALOGUE = Catalogue.from_snapshot(planted_snapshot())  # item i has brand and category i % 4


def groups(*shares: tuple[float, float], significance: float | None = None) -> tuple[ExposureGroup, ...]:
    return tuple(
        ExposureGroup(
            name=f"g{n}", brands=(f"b{n:03d}",), floor=floor, ceiling=ceiling, significance=significance
        )
        for n, (floor, ceiling) in enumerate(shares)
    )


def limits_of(*shares: tuple[float, float], n: int = 12, significance: float | None = None) -> Limits:
    found = Limits.of(groups(*shares, significance=significance), CATALOGUE, n)
    assert found is not None
    return found


def longest(limits: Limits, available: list[int], n: int) -> int:
    """The longest beginning that any list has with all shares met, by trying every list."""
    states = {(0,) * len(available)}
    for k in range(1, n + 1):
        nexts = set()
        for counts in states:
            for code, there in enumerate(available):
                if counts[code] < there:
                    nexts.add((*counts[:code], counts[code] + 1, *counts[code + 1 :]))
        floors, ceilings = limits.floors[:, k], limits.ceilings[:, k]
        states = {c for c in nexts if (floors <= c).all() and (c <= ceilings).all()}
        if not states:
            return k - 1
    return n


def grown(limits: Limits, available: list[int], n: int, rng: np.random.Generator) -> list[int]:
    """A list's groups, each place any of those allowed."""
    places, codes = OpenPlaces(limits, np.array(available)), []
    for _ in range(n):
        choice = int(rng.choice(np.flatnonzero(places.allowed())))
        places.take(choice)
        codes.append(choice)
    return codes


def met(limits: Limits, codes: list[int]) -> int:
    """The longest beginning with all shares met."""
    counts = np.zeros(len(limits.floors), np.int64)
    for k, code in enumerate(codes, 1):
        counts[code] += 1
        if (counts < limits.floors[:, k]).any() or (counts > limits.ceilings[:, k]).any():
            return k - 1
    return len(codes)


@st.composite
def shares(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    cuts = [draw(st.floats(0, 1)) for _ in range(draw(st.integers(1, 3)))]
    floors = np.diff([0.0, *sorted(cuts)])
    return tuple((float(f), min(1.0, float(f) + draw(st.sampled_from([0.0, 0.1, 0.3, 1.0])))) for f in floors)


@settings(max_examples=300, deadline=None)
@given(
    shares(),
    st.lists(st.integers(0, 7), min_size=4, max_size=4),
    st.integers(1, 12),
    st.integers(0, 2**32 - 1),
)
def test_every_beginning_has_its_shares_whenever_any_list_has(
    asked: tuple[tuple[float, float], ...], there: list[int], n: int, seed: int
) -> None:
    limits, available = limits_of(*asked, n=n), there[: len(asked) + 1]
    n = min(n, sum(available))
    codes = grown(limits, available, n, np.random.default_rng(seed))
    assert (np.bincount(codes, minlength=len(available)) <= available).all()
    assert met(limits, codes) >= longest(limits, available, n)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([0.05, 0.1, 0.5]),
    st.lists(st.integers(0, 10), min_size=2, max_size=2),
    st.integers(0, 2**32 - 1),
)
def test_so_has_one_with_a_tested_share(
    one: float, other: float, significance: float, available: list[int], seed: int
) -> None:
    limits = limits_of((min(one, other), max(one, other)), significance=significance)
    n = min(12, sum(available))
    codes = grown(limits, available, n, np.random.default_rng(seed))
    assert met(limits, codes) >= longest(limits, available, n)


def test_a_group_that_is_due_gets_the_place() -> None:
    places = OpenPlaces(limits_of((0.5, 1.0), n=4), np.array([5, 5]))
    assert places.allowed().tolist() == [True, True]
    places.take(1)
    assert places.allowed().tolist() == [True, False]  # one of the first two
    places.take(0)
    assert places.allowed().tolist() == [True, True]


def test_two_groups_due_at_once_are_thought_of_before() -> None:
    # by the fourth place two of each: who takes a place of its own first must leave the others enough
    places = OpenPlaces(limits_of((0.5, 1.0), (0.5, 1.0), n=4), np.array([9, 9, 9]))
    assert not places.allowed()[2]
    places.take(0)
    assert places.allowed().tolist() == [False, True, False]


def test_a_ceiling_closes_a_group_until_the_list_is_longer() -> None:
    places = OpenPlaces(limits_of((0.0, 0.5), n=4), np.array([5, 5]))
    places.take(0)
    assert places.allowed().tolist() == [False, True]
    places.take(1)
    assert places.allowed().tolist() == [True, True]


def test_items_count_for_the_first_group_that_has_them() -> None:
    both = (
        ExposureGroup(name="brand", brands=("b001",), floor=0.1),
        ExposureGroup(name="kind", categories=("c001", "c002"), floor=0.1),
    )
    limits = Limits.of(both, CATALOGUE, 10)
    assert limits is not None
    assert limits.codes[:4].tolist() == [2, 0, 1, 2]


def test_no_group_has_no_limits() -> None:
    assert Limits.of((), CATALOGUE, 10) is None


def test_what_is_missed_is_said_with_its_reason() -> None:
    limits = limits_of((0.5, 0.5), n=6)  # items 0, 4, 8, … are of the group
    there = np.array([10, 30])
    fair = np.array([0, 1, 4, 2, 8, 3], np.int32)
    asked = ("g0", 0.5, 0.5, 0.5)
    assert limits.said(fair, there) == (GroupExposure(*asked),)
    few = np.array([0, 1, 2, 3, 5, 6], np.int32)
    (said,) = limits.said(few, np.array([1, 30]))
    assert (said.share, said.missed_at, said.reason) == (1 / 6, 4, "only_1_items_of_the_group")
    (said,) = limits.said(few, there)
    assert (said.missed_at, said.reason) == (4, "places_given_by_words_or_rules")
    many = np.array([0, 1, 4, 8, 12], np.int32)
    (said,) = limits.said(many, np.array([9, 1]))
    assert (said.missed_at, said.reason) == (4, "only_1_other_items")
    assert limits.said(many[:0], there) == (GroupExposure("g0", 0.0, 0.5, 0.5),)


def test_places_behind_the_window_are_not_looked_at() -> None:
    limits = limits_of((0.5, 1.0), n=2)
    (said,) = limits.said(np.array([0, 1, 2, 3], np.int32), np.array([1, 9]))
    assert said == replace(said, share=0.5, missed_at=None, reason=None)


def test_bounds_of_a_window_are_those_of_a_longer_one() -> None:
    short, long = (checked_bounds(groups((0.3, 0.6)), n) for n in (5, 50))
    for few, many in zip(short, long, strict=True):
        np.testing.assert_array_equal(few, many[:, :6])
