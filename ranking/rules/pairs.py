"""How two rules (or the effects of one campaign) are at odds over the same items or places."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

import numpy as np

from ranking.rules.compiled import Compiled
from ranking.rules.ruling import Capped, Factor, Pinned, Removed
from ranking.rules.schema import Audience, Rule
from shopgraph.types import BoolVector

PairKind = Literal[
    "same_place", "pinned_twice", "pin_not_listed", "pins_over_cap", "boost_and_bury", "weighed_not_listed"
]


@dataclass(frozen=True)
class Odds:
    """One thing that is at odds: what comes of it, and the items it is about."""

    kind: PairKind
    sentence: str
    item_idx: Sequence[int]


def at_odds(names: str, left: Compiled, right: Compiled) -> Iterator[Odds]:
    """Everything that two rules disagree on; for one rule alone give it twice."""
    alone = left is right
    yield from _pins(names, combinations(left.pins, 2) if alone else product(left.pins, right.pins))
    for one, other in [(left, right)] if alone else [(left, right), (right, left)]:
        yield from _factors(names, one.factors, other.factors)
        yield from _not_listed(names, one, other.removed)
        for cap in other.caps:
            yield from _over_cap(names, one.pins, cap)


def meet(one: Rule, other: Rule) -> bool:
    """Whether both may hold for one shopper, list and moment."""
    starts = [rule.start for rule in (one, other) if rule.start is not None]
    ends = [rule.end for rule in (one, other) if rule.end is not None]
    apart = bool(starts and ends) and max(starts) >= min(ends)
    return not apart and _share_shoppers(one.audience, other.audience)


def _share_shoppers(one: Audience, other: Audience) -> bool:
    if one.scenarios and other.scenarios and not set(one.scenarios) & set(other.scenarios):
        return False
    if not (one.groups or one.user_ids) or not (other.groups or other.user_ids):
        return True
    by_group = bool(set(one.groups) & set(other.groups))
    named = bool(set(one.user_ids) & set(other.user_ids))
    # whoever is named may be in any group
    return by_group or named or bool((one.user_ids and other.groups) or (one.groups and other.user_ids))


def _pins(names: str, pairs: Iterable[tuple[Pinned, Pinned]]) -> Iterator[Odds]:
    for pin, later in pairs:
        if pin.item_idx == later.item_idx:
            if pin.place != later.place:
                text = (
                    f"{names} pin one item to places {pin.place + 1} and {later.place + 1}; the first counts."
                )
                yield Odds("pinned_twice", text, [pin.item_idx])
        elif pin.place == later.place:
            text = f"{names} pin to place {pin.place + 1}; the later one gets the next free place."
            yield Odds("same_place", text, [pin.item_idx, later.item_idx])


def _factors(names: str, raising: Sequence[Factor], lowering: Sequence[Factor]) -> Iterator[Odds]:
    up = [factor.mask for factor in raising if factor.factor > 1]
    down = [factor.mask for factor in lowering if factor.factor < 1]
    if up and down and (both := np.logical_or.reduce(up) & np.logical_or.reduce(down)).any():
        text = f"{names} boost and bury the same items; the factors multiply."
        yield Odds("boost_and_bury", text, np.flatnonzero(both).tolist())


def _not_listed(names: str, part: Compiled, removed: Sequence[Removed]) -> Iterator[Odds]:
    if not removed:
        return
    out: BoolVector = np.logical_or.reduce([each.mask for each in removed])
    if pinned := [pin.item_idx for pin in part.pins if out[pin.item_idx]]:
        yield Odds("pin_not_listed", f"{names} pin an item and keep it out of lists; it stays out.", pinned)
    weighed = [factor.mask for factor in part.factors]
    if weighed and (both := np.logical_or.reduce(weighed) & out).any():
        text = f"{names} boost or bury items and keep them out of lists; they stay out."
        yield Odds("weighed_not_listed", text, np.flatnonzero(both).tolist())


def _over_cap(names: str, pins: Sequence[Pinned], cap: Capped) -> Iterator[Odds]:
    within = [pin.item_idx for pin in pins if pin.place < cap.within]
    counts = Counter(group for item in within for group in cap.groups(item))
    if over := [item for item in within if any(counts[group] > cap.most for group in cap.groups(item))]:
        text = f"{names}: more items of one group are pinned than the cap of {cap.most} allows; pins stay."
        yield Odds("pins_over_cap", text, over)
