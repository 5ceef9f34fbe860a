"""Places of a list: who is pinned stands where it is pinned, and caps hold back what there is too much of."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Counted(Protocol):
    """What a cap counts: at most `most` of a group in the first `within` places."""

    @property
    def most(self) -> int: ...

    @property
    def within(self) -> int: ...

    def groups(self, item_idx: int) -> Sequence[int]:
        """The groups that an item counts for."""
        ...


@dataclass
class Arranged:
    """A list in its final order.

    Attributes:
        item_idx: the items.
        held_back: by item the caps (their numbers) that it had to wait for.
        short: whether a cap keeps items out that nothing comes after.
    """

    item_idx: list[int] = field(default_factory=list)
    held_back: dict[int, set[int]] = field(default_factory=dict)
    short: bool = False


def arrange(
    ranked: Sequence[int],
    pins: Mapping[int, int],
    caps: Sequence[Counted],
    n: int,
    *,
    complete: bool = True,
) -> Arranged:
    """The first n places.

    An item that a cap holds back waits until the cap's places are filled, then goes before all that rank
    behind it. Pinned items count for the caps and are never held back.

    Args:
        ranked: items in order of score, those pinned left out.
        pins: the item of each place, places from 0. Those past the list's end come last, in order.
        caps: what is capped.
        n: places wanted.
        complete: whether nothing comes after `ranked`; if something does, places stay open that only it can
            fill.
    """
    found = Arranged()
    counts = [Counter[int]() for _ in caps]
    for place, item in pins.items():
        _count(item, place, caps, counts)
    limits = {cap.within for cap in caps}
    queue, waiting = deque(ranked), list[int]()
    while len(found.item_idx) < n:
        place = len(found.item_idx)
        if place in limits and waiting:
            queue.extendleft(reversed(waiting))
            waiting = []
        if place in pins:
            found.item_idx.append(pins[place])
            continue
        free = _next(queue, waiting, place, caps, counts, found)
        if free is None:
            break
        _count(free, place, caps, counts)
        found.item_idx.append(free)
    if len(found.item_idx) < n and complete:
        late = [pins[place] for place in sorted(pins) if place >= len(found.item_idx)]
        found.item_idx += late[: n - len(found.item_idx)]
        found.short = bool(waiting)
    return found


def _next(
    queue: deque[int],
    waiting: list[int],
    place: int,
    caps: Sequence[Counted],
    counts: Sequence[Counter[int]],
    found: Arranged,
) -> int | None:
    """The first of the queue that no cap holds back here; those held back go to `waiting`."""
    while queue:
        item = queue.popleft()
        full = [
            n
            for n, (cap, counted) in enumerate(zip(caps, counts, strict=True))
            if place < cap.within and any(counted[group] >= cap.most for group in cap.groups(item))
        ]
        if not full:
            return item
        waiting.append(item)
        found.held_back.setdefault(item, set()).update(full)
    return None


def _count(item: int, place: int, caps: Sequence[Counted], counts: Sequence[Counter[int]]) -> None:
    for cap, counted in zip(caps, counts, strict=True):
        if place < cap.within:
            counted.update(cap.groups(item))
