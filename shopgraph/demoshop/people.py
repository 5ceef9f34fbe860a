"""The demo shop's people: names, circles, whom they follow and where they live."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from shopgraph.demoshop.catalogue import DAY, WINDOW_DAYS
from shopgraph.demoshop.circles import CIRCLE_INDEX, CIRCLES
from shopgraph.demoshop.people_names import (
    FIRST_NAMES,
    GIVEN_NAMES_ZH,
    LAST_NAMES,
    PLACES,
    SURNAMES_ZH,
)
from shopgraph.demoshop.tastes import Members


@dataclass(frozen=True)
class Shopper:
    """A named shopper: the second circle takes the place of the first half-way through the year."""

    user_id: str
    name: str
    language: str
    main: str
    before: str
    after: str


SHOPPERS = (
    Shopper("alice", "Alice Hartmann", "en", "quiet kitchen", "playroom", "cottage garden"),
    Shopper("bo", "Bo Lindqvist", "en", "trail and tent", "night players", "home studio"),
    Shopper("chen", "陈晓月", "zh", "silk and roses", "tea house", "tea house"),
)
ODD_SHOPPER = Shopper(
    "mallory/100%", '<b>Mallory</b> "O\'Neil" 🦊', "en", "playroom", "quiet kitchen", "quiet kitchen"
)
"""Has a hostile id and name and buys `ODD_BRAND` above all, so that its titles reach every page."""

SPECIAL_SHOPPERS = (*SHOPPERS, ODD_SHOPPER)
"""The first rows of all user tables."""

_MEAN_FRIENDS, _SHARE_LIKE_MINDED, _SHARE_IN_CIRCLES_CITY = 4, 0.75, 0.7
_CHINESE_CITIES = np.array([country == "CN" for _, country in PLACES.values()])


@dataclass(frozen=True, eq=False)
class People:
    """Rows are users; `follows` is (n_follows, 2) rows, `lives_in` a row of PLACES each."""

    user_ids: NDArray[np.str_]
    names: tuple[str, ...]
    reads_chinese: NDArray[np.bool_]
    member_since: tuple[str, ...]
    members: Members
    follows: NDArray[np.int64]
    followed_at: NDArray[np.int64]
    lives_in: NDArray[np.int64]


def draw_people(n_users: int, now: datetime, rng: np.random.Generator) -> People:
    """The special shoppers, then everybody else."""
    n_special, end = len(SPECIAL_SHOPPERS), int(now.timestamp())
    members = _draw_members(n_users, end, rng)
    place_of = {name: k for k, name in enumerate(PLACES)}
    home = np.array([place_of[circle.cities] for circle in CIRCLES])[members.main]
    elsewhere = rng.random(n_users) >= _SHARE_IN_CIRCLES_CITY
    home[elsewhere] = rng.integers(len(PLACES), size=int(elsewhere.sum()))
    reads_chinese = rng.random(n_users) < np.where(_CHINESE_CITIES[home], 0.8, 0.06)
    reads_chinese[:n_special] = [shopper.language == "zh" for shopper in SPECIAL_SHOPPERS]
    names = [shopper.name for shopper in SPECIAL_SHOPPERS]
    names += [_draw_name(bool(chinese), rng) for chinese in reads_chinese[n_special:]]
    joined = now.date().toordinal() - rng.integers(WINDOW_DAYS, 4 * WINDOW_DAYS, n_users)
    follows = _draw_follows(members.main, rng)
    return People(
        user_ids=np.array(
            [s.user_id for s in SPECIAL_SHOPPERS] + [f"u{n:05d}" for n in range(n_special, n_users)]
        ),
        names=tuple(names),
        reads_chinese=reads_chinese,
        member_since=tuple(now.date().fromordinal(int(day)).isoformat() for day in joined),
        members=members,
        follows=follows,
        followed_at=end - rng.integers(0, WINDOW_DAYS * DAY, len(follows)),
        lives_in=home,
    )


def _draw_members(n_users: int, end: int, rng: np.random.Generator) -> Members:
    main, before, after = rng.integers(len(CIRCLES), size=(3, n_users))
    settled = rng.random(n_users) < 0.5
    after[settled] = before[settled]
    turn_at = end - rng.integers(40 * DAY, (WINDOW_DAYS - 40) * DAY, n_users)
    turn_at[: len(SPECIAL_SHOPPERS)] = end - WINDOW_DAYS * DAY // 2
    for row, shopper in enumerate(SPECIAL_SHOPPERS):
        main[row] = CIRCLE_INDEX[shopper.main]
        before[row], after[row] = CIRCLE_INDEX[shopper.before], CIRCLE_INDEX[shopper.after]
    return Members(main, before, after, turn_at)


def _draw_follows(circle: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Who follows whom: mostly people of the same circle, nobody themselves, no pair twice."""
    n_users = len(circle)
    follower = np.repeat(np.arange(n_users), rng.poisson(_MEAN_FRIENDS, n_users) + 1)
    followed = rng.integers(n_users, size=len(follower))
    by_circle = np.argsort(circle, kind="stable")
    first = np.searchsorted(circle[by_circle], np.arange(len(CIRCLES) + 1))
    own = circle[follower]
    like_minded = by_circle[rng.integers(first[own], first[own + 1])]
    followed = np.where(rng.random(len(follower)) < _SHARE_LIKE_MINDED, like_minded, followed)
    pairs = np.stack([follower, followed], axis=1)[follower != followed]
    return np.unique(pairs, axis=0)


def _draw_name(chinese: bool, rng: np.random.Generator) -> str:
    first, last = (GIVEN_NAMES_ZH, SURNAMES_ZH) if chinese else (FIRST_NAMES, LAST_NAMES)
    given, family = first[rng.integers(len(first))], last[rng.integers(len(last))]
    return f"{family}{given}" if chinese else f"{given} {family}"
