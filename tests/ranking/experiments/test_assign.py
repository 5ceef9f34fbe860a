from collections import Counter

import numpy as np

from evaluation.experiments.mismatch import chi_square_p
from ranking.experiments.assign import Unit, arm_of, takes_part
from tests.ranking.experiments.made import draft

UNITS = [Unit("user", f"shopper {n}") for n in range(20_000)]


def test_an_arm_sticks_and_shares_are_those_of_the_weights() -> None:
    arms = [{"name": name, "weight": weight} for name, weight in (("a", 0.6), ("b", 0.3), ("c", 0.1))]
    found = draft(arms=arms)
    names = [arm_of(found, unit).name for unit in UNITS]
    assert names == [arm_of(draft(arms=arms), unit).name for unit in UNITS]
    counts = Counter(names)
    assert chi_square_p([counts[name] for name in "abc"], [0.6, 0.3, 0.1]) > 0.001


def test_another_salt_divides_anew_and_independently() -> None:
    first, second = draft(salt="one"), draft(salt="two")
    table = Counter((arm_of(first, unit).name, arm_of(second, unit).name) for unit in UNITS)
    assert chi_square_p(list(table.values()), [0.25] * 4) > 0.001


def test_slices_of_the_traffic_do_not_meet_and_leave_the_arms_even() -> None:
    low, high = draft(traffic={"end": 0.25}), draft(salt="other", traffic={"start": 0.25})
    parts = np.array([(takes_part(low, unit), takes_part(high, unit)) for unit in UNITS])
    assert (parts.sum(axis=1) == 1).all()
    inside = [unit for unit, part in zip(UNITS, parts[:, 0], strict=True) if part]
    counts = Counter(arm_of(low, unit).name for unit in inside)
    assert chi_square_p(list(counts.values()), [0.5, 0.5]) > 0.001


def test_a_shopper_goes_before_the_visit_and_nobody_is_no_unit() -> None:
    assert Unit.of("alice", "visit") == Unit("user", "alice")
    assert Unit.of(None, "visit") == Unit("session", "visit")
    assert Unit.of(None, None) is None
    assert Unit("user", "x").place("s") != Unit("session", "x").place("s")


def test_an_alias_depends_on_the_salt_and_hides_the_id() -> None:
    unit = Unit("user", "alice@example.org")
    assert unit.alias("s") == unit.alias("s") != unit.alias("t")
    assert "alice" not in unit.alias("s")
