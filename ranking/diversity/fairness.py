"""How many of a group's items the beginnings of a list must and may hold: shares, counted or tested."""

import numpy as np
from numpy.typing import NDArray

from ranking.diversity.config import ExposureGroup
from shopgraph.errors import BadSettings

Counts = NDArray[np.int64]

_HALVINGS = 40


def bounds_of(group: ExposureGroup, n: int) -> tuple[Counts, Counts]:
    """(fewest, most) items of the group in the first 0, 1, …, n places, shape (n + 1,) each.

    Shares p are counted as ⌊p·k⌋ and ⌈p·k⌉ (Geyik, Ambler and Kenthapadi, "Fairness-Aware Ranking in Search &
    Recommendation Systems", KDD 2019, section 3), or tested by `fewest_by_test`; a ceiling is tested as the
    floor of all others.
    """
    places = np.arange(n + 1)
    if group.significance is None:
        fewest = np.floor(group.floor * places + 1e-9)
        return fewest.astype(np.int64), np.ceil(group.ceiling * places - 1e-9).astype(np.int64)
    others = fewest_by_test(1 - group.ceiling, n, group.significance)
    return fewest_by_test(group.floor, n, group.significance), places - others


def fewest_by_test(share: float, n: int, significance: float) -> Counts:
    """FA*IR's table: the fewest items in the first k places that a ranked group fairness test lets pass.

    Zehlike, Bonchi, Castillo, Hajian, Megahed and Baeza-Yates, "FA*IR: A Fair Top-k Ranking Algorithm" (CIKM
    2017): the smallest m with F(m; k, p) > α_c, F the binomial distribution function (definition 3.3). α_c is
    the largest that lets a list whose n places are drawn with probability p each fail any of its n tests with
    a probability of at most `significance` (section 4.2, found by halving).

    Args:
        share: p, in [0, 1].
        n: tests, one for each beginning of the list.
        significance: α, in (0, 1).

    Returns:
        For 0, 1, …, n places, shape (n + 1,).
    """
    distribution = _binomial(share, n)
    low, high = 0.0, significance
    if failing(share, table := _quantiles(distribution, significance)) <= significance:
        return table
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if failing(share, _quantiles(distribution, middle)) <= significance:
            low = middle
        else:
            high = middle
    return _quantiles(distribution, low)


def failing(share: float, fewest: Counts) -> float:
    """Probability that a list drawn with `share` has fewer than `fewest` items in any of its beginnings.

    Args:
        share: of each place, independently.
        fewest: for 0, 1, …, n places, shape (n + 1,).
    """
    alive = np.zeros(len(fewest))
    alive[0] = 1.0  # alive[m]: no test has failed, m items so far
    for least in fewest[1:]:
        alive[1:] = alive[1:] * (1 - share) + alive[:-1] * share
        alive[0] *= 1 - share
        alive[:least] = 0.0
    return float(1 - alive.sum())


def checked_bounds(groups: tuple[ExposureGroup, ...], n: int) -> tuple[Counts, Counts]:
    """(floors, ceilings) of the groups and of all other items, shape (len(groups) + 1, n + 1) each.

    Raises:
        BadSettings: they can't all be met even if there are enough items of each group.
    """
    pairs = [bounds_of(group, n) for group in groups]
    places = np.arange(n + 1)
    floors = np.stack([*(fewest for fewest, _ in pairs), np.zeros(n + 1, np.int64)])
    ceilings = np.stack([*(most for _, most in pairs), places])
    for start in range(n + 1):  # what must come between two places fits between them
        must = np.maximum(floors[:, start:] - ceilings[:, [start]], 0).sum(axis=0)
        if (bad := np.flatnonzero(must > places[: n + 1 - start])).size:
            raise BadSettings(
                f"setting 'diversity.exposure': the groups need more than the first {start + bad[0]} places; "
                "lower a floor"
            )
    return floors, ceilings


def _binomial(share: float, n: int) -> NDArray[np.float64]:
    """Distribution functions: row k is P(at most m of k), shape (n + 1, n + 1)."""
    mass = np.zeros((n + 1, n + 1))
    mass[0, 0] = 1.0
    for k in range(1, n + 1):
        mass[k] = mass[k - 1] * (1 - share)
        mass[k, 1:] += mass[k - 1, :-1] * share
    found: NDArray[np.float64] = mass.cumsum(axis=1)
    return found


def _quantiles(distribution: NDArray[np.float64], significance: float) -> Counts:
    """The smallest m of each row with F(m) > significance."""
    found: Counts = np.argmax(distribution > significance, axis=1).astype(np.int64)
    return found
