"""What each protocol of `evaluate` trains on and looks for."""

from collections.abc import Iterable
from typing import Literal, assert_never

import numpy as np

from ranking.holdout import heldout_from_ids, hold_out
from shopgraph.types import GraphSnapshot, Heldout

ColdStart = Literal["cold-items", "cold-users"]
"""Several views of one training part: see `evaluation.cold`."""

Protocol = Literal["split", "next-item", "time"] | ColdStart
PROTOCOLS: tuple[Protocol, ...] = ("split", "next-item", "time", "cold-items", "cold-users")


def train_and_heldout(
    snapshot: GraphSnapshot,
    protocol: Protocol,
    rng: np.random.Generator,
    *,
    test_pairs: Iterable[tuple[str, str]] | None = None,
    share: float = 0.3,
    days: float = 14.0,
    repeats: bool = False,
) -> tuple[GraphSnapshot, Heldout]:
    """The graph to train on and the items to be found.

    `split` and `next-item` take the source's own test part, which the snapshot must not hold. Without
    one, `split` holds out a share of each user's items at random and `next-item` each user's last item
    with all that followed; `time` holds out the last days of the shop.

    Args:
        snapshot: what was ingested.
        protocol: which cut.
        rng: draws the random cut.
        test_pairs: (user_id, item_id) of the source's test part; not for `time`.
        share: of each user's items, where `split` has no test part.
        days: held out by `time`.
        repeats: whether `time` looks for what was bought before, too, when it was bought again.

    Raises:
        ValueError: the protocol is a cold start, test pairs were given for `time`, or nothing is left
            to look for.
    """
    if test_pairs is not None and protocol == "time":
        raise ValueError("protocol 'time' makes its own test part; test pairs belong to the others")
    match protocol:
        case "split" | "next-item" if test_pairs is not None:
            train, heldout = snapshot, heldout_from_ids(snapshot, test_pairs)
        case "split":
            train, heldout = hold_out(snapshot, "random", rng, share=share)
        case "next-item":
            train, heldout = hold_out(snapshot, "last", rng)
        case "time":
            train, heldout = hold_out(snapshot, "time", rng, days=days, repeats=repeats)
        case "cold-items" | "cold-users":
            raise ValueError(f"protocol {protocol!r} asks several questions: see evaluation.cold")
        case _:
            assert_never(protocol)
    if not len(heldout):
        raise ValueError(f"protocol {protocol!r} leaves no held-out item to look for")
    return train, heldout
