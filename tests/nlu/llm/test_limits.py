from nlu.llm.limits import Breaker, Budget


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_calls_of_a_minute_are_counted_and_come_back_with_the_next() -> None:
    clock = HandClock()
    budget = Budget(2, 100, 1000, 1000, clock)
    assert budget.reserve(1)
    assert budget.reserve(1)
    assert budget.reserve(1) is None
    clock.now += 60
    assert budget.reserve(1)


def test_the_day_ends_what_the_minute_would_allow() -> None:
    clock = HandClock()
    budget = Budget(10, 2, 1000, 1000, clock)
    for _ in range(2):
        assert budget.reserve(1)
        clock.now += 60
    assert budget.reserve(1) is None
    clock.now += 86_400
    assert budget.reserve(1)


def test_reserved_tokens_are_replaced_by_the_used_ones() -> None:
    budget = Budget(10, 10, 100, 1000, HandClock())
    first = budget.reserve(90)
    assert first is not None
    assert budget.reserve(20) is None
    budget.settle(first, 30)
    assert budget.reserve(70)
    assert budget.reserve(1) is None


def test_a_late_settlement_does_not_touch_the_next_minute() -> None:
    clock = HandClock()
    budget = Budget(10, 10, 100, 1000, clock)
    first = budget.reserve(100)
    assert first is not None
    clock.now += 60
    assert budget.reserve(100)
    budget.settle(first, 0)
    assert budget.reserve(1) is None


def test_the_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(2, 30, HandClock())
    for succeeded in (False, True, False):
        breaker.note(succeeded)
    assert breaker.admits()
    breaker.note(False)
    assert not breaker.admits()
    assert breaker.is_open


def test_one_trial_at_a_time_until_one_succeeds() -> None:
    clock = HandClock()
    breaker = Breaker(1, 30, clock)
    breaker.note(False)
    clock.now += 30
    assert breaker.admits()
    assert not breaker.admits()
    breaker.note(False)
    clock.now += 29
    assert not breaker.admits()
    clock.now += 1
    assert breaker.admits()
    breaker.note(True)
    assert breaker.admits()
    assert breaker.admits()
