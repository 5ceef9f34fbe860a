"""Lists of items that are both good and unlike each other, one item at a time.

Each objective gives what every candidate would add to what was taken so far; the best is taken. A list of k
items is the beginning of every longer one.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ranking.diversity.likeness import likeness_to
from shopgraph.types import BoolVector, FloatMatrix, FloatVector

_RIDGE = np.float32(0.01)


class Objective(Protocol):
    """What a list is made for."""

    def gains(self) -> FloatVector:
        """What each candidate would add, shape (n_candidates,)."""
        ...

    def take(self, place: int) -> None:
        """A candidate is in the list now."""
        ...


class Relevance:
    """The score alone."""

    def __init__(self, relevance: FloatVector) -> None:
        self._relevance = relevance

    def gains(self) -> FloatVector:
        return self._relevance

    def take(self, place: int) -> None:
        """Changes nothing: an item is worth the same whatever stands above it."""


class Mmr:
    """Maximal marginal relevance: λ·r_j − (1 − λ)·max_{i taken} S_ij, with λ = 1 − diversity.

    Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and
    Producing Summaries" (SIGIR 1998), the formula of section 2. The maximum over nothing is 0.
    """

    def __init__(self, relevance: FloatVector, vectors: FloatMatrix, diversity: float) -> None:
        """`relevance` in units of likeness, shape (n,); `vectors` as of `ItemLikeness`, shape (n, dim)."""
        self._kept = relevance * np.float32(1 - diversity)
        self._vectors, self._diversity = vectors, np.float32(diversity)
        self._nearest = np.zeros(len(relevance), np.float32)

    def gains(self) -> FloatVector:
        gains: FloatVector = self._kept - self._diversity * self._nearest
        return gains

    def take(self, place: int) -> None:
        np.maximum(self._nearest, likeness_to(self._vectors, place), out=self._nearest)


class Dpp:
    """Greedy MAP of a determinantal point process: θ·Σ r_j + (1 − θ)·log det S_R, with θ = 1 − diversity.

    Chen, Zhang and Zhou, "Fast Greedy MAP Inference for Determinantal Point Process to Improve Recommendation
    Diversity" (NeurIPS 2018): the objective with θ is that of section 5, the update of the Cholesky rows c_i
    and of d_i² = det S_{R ∪ i} / det S_R that of algorithm 1. Departures: S has 0.01 added on its
    diagonal, so that any number of items can be taken (the paper stops at d_i² < ε), and quality stays
    outside of the determinant, where it can't overflow: it is the same objective.
    """

    def __init__(self, relevance: FloatVector, vectors: FloatMatrix, diversity: float, n: int) -> None:
        """As `Mmr`; at most n items are taken."""
        self._kept = relevance * np.float32(1 - diversity)
        self._vectors, self._diversity = vectors, np.float32(diversity)
        self._left = np.full(len(relevance), 1 + _RIDGE, np.float32)
        self._rows = np.empty((n, len(relevance)), np.float32)
        self._taken = 0

    def gains(self) -> FloatVector:
        gains: FloatVector = np.log(self._left)
        gains *= self._diversity
        gains += self._kept
        return gains

    def take(self, place: int) -> None:
        row, done = self._rows[self._taken], self._rows[: self._taken]
        row[:] = likeness_to(self._vectors, place)
        row -= done[:, place] @ done
        row /= np.sqrt(self._left[place])
        self._left -= row * row
        np.maximum(self._left, _RIDGE, out=self._left)
        self._taken += 1


def greedy(
    objective: Objective,
    n_candidates: int,
    n: int,
    allowed: Callable[[], BoolVector] | None = None,
    on_take: Callable[[int], None] | None = None,
) -> NDArray[np.intp]:
    """Places of the n candidates taken, in order; of equal gains the earlier place.

    Args:
        objective: a new one.
        n_candidates: how many there are, >= n.
        n: how many to take.
        allowed: which may be taken now, shape (n_candidates,); at least one that was not.
        on_take: is told of each that was taken.
    """
    found = np.empty(n, np.intp)
    gone = np.zeros(n_candidates, np.float32)
    for step in range(n):
        gains = objective.gains() + gone
        if allowed is not None:
            gains = np.where(allowed(), gains, np.float32(-np.inf))
        place = int(np.argmax(gains))
        found[step] = place
        gone[place] = -np.inf
        if step < n - 1:
            objective.take(place)
        if on_take is not None:
            on_take(place)
    return found
