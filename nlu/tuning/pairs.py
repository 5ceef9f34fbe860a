"""Pairs of texts that belong together, and their cut by item."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nlu.batching import Kind
from shopgraph.types import BoolVector, IntVector


@dataclass(frozen=True, eq=False)
class TextPairs:
    """Anchor n of the pairs is `anchors[anchor_idx[n]]`, what belongs to it the item `item_idx[n]`.

    `kind` says how anchors are read: "query" for searches; "passage" for items, whose `anchors` are then
    the items' texts and `anchor_idx` an item_idx. Both columns have shape (n_pairs,); pairs may repeat.
    """

    name: str
    kind: Kind
    anchors: Sequence[str]
    anchor_idx: IntVector
    item_idx: IntVector

    def __len__(self) -> int:
        return len(self.item_idx)

    def take(self, rows: BoolVector | IntVector) -> "TextPairs":
        """Those pairs, in that order."""
        return replace(self, anchor_idx=self.anchor_idx[rows], item_idx=self.item_idx[rows])

    def with_items(self, items: BoolVector) -> tuple["TextPairs", "TextPairs"]:
        """(pairs that know nothing of `items`, pairs that lead from elsewhere to one of them)."""
        to_them = items[self.item_idx]
        from_them = items[self.anchor_idx] if self.kind == "passage" else np.zeros(len(self), np.bool_)
        return self.take(~to_them & ~from_them), self.take(to_them & ~from_them)


class Positives:
    """Which items belong to which anchors: they are no negatives, nor is an item to itself."""

    def __init__(self, pairs: TextPairs, n_items: int) -> None:
        self._n_items = n_items
        keys = pairs.anchor_idx.astype(np.int64) * n_items + pairs.item_idx
        if pairs.kind == "passage":
            keys = np.concatenate([keys, np.arange(n_items, dtype=np.int64) * (n_items + 1)])
        self._keys = np.unique(keys)

    def among(self, anchor_idx: IntVector, item_idx: IntVector) -> BoolVector:
        """Whether each item belongs to each anchor, shape (len(anchor_idx), len(item_idx))."""
        keys = anchor_idx.astype(np.int64)[:, None] * self._n_items + item_idx[None, :]
        return np.isin(keys, self._keys)
