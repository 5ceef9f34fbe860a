"""What a sweep may try: a declared range for each setting."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Span:
    """Any number from `low` to `high`, evenly in its logarithm if `log`."""

    low: float
    high: float
    log: bool = False

    def holds(self, value: object) -> bool:
        """Whether the value may be drawn."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class OneOf:
    """One of some values."""

    values: tuple[int | float | str, ...]

    def holds(self, value: object) -> bool:
        """Whether the value may be drawn."""
        return value in self.values


Space: TypeAlias = Mapping[str, Span | OneOf]
"""Ranges by the name of the setting."""
