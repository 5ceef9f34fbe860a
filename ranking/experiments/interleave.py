"""Two arms draft one list in turns, and each click is a point for the arm whose item it was.

Team-draft interleaving: Radlinski, Kurup and Joachims, How Does Clickthrough Data Reflect Retrieval Quality?
(CIKM 2008), algorithm 2. In each round a coin says who picks first; each picks its best item that is not yet
in the list.
"""

import base64
import hashlib
from collections.abc import Sequence

import numpy as np

MOST_CREDITED = 200
"""Places whose clicks earn a point: their items' digests are in the recommendation id."""

_DIGEST_CHARS = 2
"""Of 4,096 digests two items of one list may share one; where the teams differ, neither earns a point."""


def team_draft(first: Sequence[str], second: Sequence[str], n: int, rng: np.random.Generator) -> list[int]:
    """Who drafts each place: 0 for the first arm, 1 for the second, at most n places.

    Args:
        first: the first arm's items, best first.
        second: the second's.
        n: places wanted.
        rng: throws the coins; the same coins give the same list, of which a shorter one is the start.
    """
    queues = [list(reversed(first)), list(reversed(second))]
    taken: set[str] = set()
    teams: list[int] = []
    while len(teams) < n:
        before = len(teams)
        leader = int(rng.integers(2))
        for team in (leader, 1 - leader):
            queue = queues[team]
            while queue and queue[-1] in taken:
                queue.pop()
            if queue and len(teams) < n:
                taken.add(queue.pop())
                teams.append(team)
        if len(teams) == before:
            break
    return teams


def drafted(first: Sequence[str], second: Sequence[str], teams: Sequence[int]) -> list[str]:
    """The items that the teams put on the list, in order."""
    queues = [iter(first), iter(second)]
    listed: list[str] = []
    taken: set[str] = set()
    for team in teams:
        item_id = next(item_id for item_id in queues[team] if item_id not in taken)
        taken.add(item_id)
        listed.append(item_id)
    return listed


def credits(item_ids: Sequence[str], teams: Sequence[int]) -> tuple[str, str]:
    """Digests of the items of each team, as a recommendation id carries them."""
    found: list[list[str]] = [[], []]
    for item_id, team in zip(item_ids[:MOST_CREDITED], teams, strict=False):
        found[team].append(_digest(item_id))
    return "".join(found[0]), "".join(found[1])


def credited(teams: tuple[str, str], item_id: str) -> int | None:
    """Whose item it was; None where it was nobody's, or the digest is both's."""
    digest = _digest(item_id)
    size = _DIGEST_CHARS
    has = [any(team[at : at + size] == digest for at in range(0, len(team), size)) for team in teams]
    return None if has[0] == has[1] else has.index(True)


def _digest(item_id: str) -> str:
    raw = hashlib.blake2b(item_id.encode("utf-8", "surrogatepass"), digest_size=3).digest()
    return base64.urlsafe_b64encode(raw).decode()[:_DIGEST_CHARS]
