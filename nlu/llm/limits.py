"""How much and how often the language model may be asked: a budget and a circuit breaker."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]
"""Seconds that never go backwards, such as `time.monotonic`."""

MINUTE_S, DAY_S = 60.0, 86_400.0


@dataclass
class _Window:
    """A stretch of time and what may be spent in it; the next begins with the first use after its end."""

    length_s: float
    max_calls: int
    max_tokens: int
    ends: float = float("-inf")
    calls: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class Reserved:
    """Tokens set aside for one call, in the windows that end at these times."""

    tokens: int
    ends: tuple[float, ...]


class Budget:
    """Calls and tokens a minute and a day; may be used from several threads."""

    def __init__(
        self,
        calls_per_minute: int,
        calls_per_day: int,
        tokens_per_minute: int,
        tokens_per_day: int,
        clock: Clock,
    ) -> None:
        self._windows = (
            _Window(MINUTE_S, calls_per_minute, tokens_per_minute),
            _Window(DAY_S, calls_per_day, tokens_per_day),
        )
        self._clock = clock
        self._lock = threading.Lock()

    def reserve(self, tokens: int) -> Reserved | None:
        """Takes one call and `tokens`, the most it may need; None where that is more than is left."""
        with self._lock:
            now = self._clock()
            for window in self._windows:
                if now >= window.ends:
                    window.ends, window.calls, window.tokens = now + window.length_s, 0, 0
            if any(w.calls >= w.max_calls or w.tokens + tokens > w.max_tokens for w in self._windows):
                return None
            for window in self._windows:
                window.calls += 1
                window.tokens += tokens
            return Reserved(tokens, tuple(window.ends for window in self._windows))

    def settle(self, reserved: Reserved, tokens: int) -> None:
        """Replaces what was reserved by what was used."""
        with self._lock:
            for window, ends in zip(self._windows, reserved.ends, strict=True):
                if window.ends == ends:
                    window.tokens += tokens - reserved.tokens


class Breaker:
    """Opens after some failures in a row; then one call each `open_s` may try, until one succeeds."""

    def __init__(self, failures_to_open: int, open_s: float, clock: Clock) -> None:
        self._failures_to_open = failures_to_open
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._next_try = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self._failures >= self._failures_to_open

    def admits(self) -> bool:
        """Whether a call may go out now; where the breaker is open, the one that is admitted is the trial."""
        with self._lock:
            now = self._clock()
            if not self.is_open:
                return True
            if now < self._next_try:
                return False
            self._next_try = now + self._open_s
            return True

    def note(self, succeeded: bool) -> None:
        """The outcome of a call that was admitted."""
        with self._lock:
            self._failures = 0 if succeeded else self._failures + 1
            if self.is_open:
                self._next_try = self._clock() + self._open_s
