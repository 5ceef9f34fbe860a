"""The test part that a public data set brings with it."""

from dataclasses import dataclass

import numpy as np

from shopgraph.errors import BadSource
from shopgraph.types import ITEM, USER, GraphSnapshot, Heldout


@dataclass(frozen=True)
class HeldoutPairs:
    """The purchases held out for testing: pair n is (`user_ids[n]`, `item_ids[n]`)."""

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.user_ids)

    def in_snapshot(self, snapshot: GraphSnapshot) -> Heldout:
        """The pairs by row number, users in the snapshot's order.

        Raises:
            BadSource: the snapshot was made from other data, it lacks a user or an item.
        """
        try:
            users = np.array([snapshot.nodes[USER].index[u] for u in self.user_ids], np.int32)
            items = np.array([snapshot.nodes[ITEM].index[i] for i in self.item_ids], np.int32)
        except KeyError as exc:
            raise BadSource(f"the held-out {exc} is not in the graph; ingest the same source first") from exc
        order = np.lexsort((items, users))
        user_idx, counts = np.unique(users, return_counts=True)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Heldout(user_idx, indptr, items[order])
