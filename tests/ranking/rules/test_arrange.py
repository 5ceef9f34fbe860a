from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.rules.arrange import arrange


@dataclass(frozen=True)
class Tens:
    """Caps items by their tens: 30 to 39 are one group."""

    most: int
    within: int

    def groups(self, item_idx: int) -> Sequence[int]:
        return [item_idx // 10]


def test_a_pin_takes_its_place_and_the_others_follow() -> None:
    assert arrange([1, 2, 3], {0: 9, 2: 8}, [], 10).item_idx == [9, 1, 8, 2, 3]


def test_a_pin_past_the_end_comes_last() -> None:
    assert arrange([1, 2], {7: 9, 5: 8}, [], 10).item_idx == [1, 2, 8, 9]
    assert arrange([1, 2], {7: 9}, [], 10, complete=False).item_idx == [1, 2]


def test_what_a_cap_holds_back_comes_first_behind_its_places() -> None:
    found = arrange([10, 11, 12, 20, 13, 30], {}, [Tens(1, 3)], 6)
    assert found.item_idx == [10, 20, 30, 11, 12, 13]
    assert found.held_back == {11: {0}, 12: {0}, 13: {0}}
    assert not found.short


def test_a_cap_that_nothing_else_fills_makes_the_list_short() -> None:
    found = arrange([10, 11, 20, 21], {}, [Tens(1, 3)], 3)
    assert found.item_idx == [10, 20]
    assert found.short
    open_end = arrange([10, 11, 20, 21], {}, [Tens(1, 3)], 3, complete=False)
    assert (open_end.item_idx, open_end.short) == ([10, 20], False)


def test_pins_count_for_caps_wherever_they_stand() -> None:
    assert arrange([11, 20, 12], {2: 10}, [Tens(1, 3)], 4).item_idx == [20, 10]
    assert arrange([11, 20, 30, 12], {2: 10}, [Tens(1, 3)], 5).item_idx == [20, 30, 10, 11, 12]


items = st.lists(st.integers(0, 59), unique=True, max_size=25)
caps = st.lists(st.builds(Tens, st.integers(1, 3), st.integers(1, 12)), max_size=3)
pins = st.dictionaries(st.integers(0, 15), st.integers(60, 89), max_size=4).filter(
    lambda pins: len(set(pins.values())) == len(pins)
)


@settings(deadline=None)
@given(items, pins, caps, st.integers(1, 30))
def test_every_list_keeps_what_pins_and_caps_promise(
    ranked: list[int], pins: dict[int, int], caps: list[Tens], n: int
) -> None:
    found = arrange(ranked, pins, caps, n).item_idx
    assert len(found) == len(set(found)) <= n
    assert set(found) <= {*ranked, *pins.values()}
    for place, item in pins.items():
        at = found.index(item) if item in found else n
        assert at == place or (at < place and set(found[at:]) <= set(pins.values())) or place >= n <= at
    for cap in caps:
        free = [item for item in found[: cap.within] if item not in pins.values()]
        for group in {item // 10 for item in free}:
            assert sum(item // 10 == group for item in free) <= cap.most


@settings(deadline=None)
@given(items, pins, caps, st.integers(1, 15), st.integers(0, 15))
def test_a_longer_list_begins_as_the_shorter_one(
    ranked: list[int], pins: dict[int, int], caps: list[Tens], n: int, more: int
) -> None:
    assert arrange(ranked, pins, caps, n + more).item_idx[:n] == arrange(ranked, pins, caps, n).item_idx


@settings(deadline=None)
@given(items, pins, caps, st.integers(1, 15), st.integers(0, 25))
def test_what_is_full_before_all_have_come_stays_as_it_is(
    ranked: list[int], pins: dict[int, int], caps: list[Tens], n: int, known: int
) -> None:
    early = arrange(ranked[:known], pins, caps, n, complete=False).item_idx
    assert arrange(ranked, pins, caps, n).item_idx[: len(early)] == early


@settings(deadline=None)
@given(items, st.permutations([Tens(1, 4), Tens(2, 8), Tens(3, 11)]), st.integers(1, 15))
def test_the_order_of_caps_does_not_matter(ranked: list[int], caps: list[Tens], n: int) -> None:
    assert arrange(ranked, {}, caps, n).item_idx == arrange(ranked, {}, sorted(caps, key=repr), n).item_idx
