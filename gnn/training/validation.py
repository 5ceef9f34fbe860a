"""NDCG@10 over held-out items, as training watches it."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from shopgraph.types import Heldout, Histories, iter_batches

_CUT_OFF = 10
_BATCH = 512


def summed_ndcg(
    scores: Callable[[Histories], Tensor], histories: Histories, heldout: Heldout, rank: int, n_ranks: int
) -> float:
    """Sum of NDCG@10 over the held-out users that are this process's share.

    All items are ranked that the user's history does not hold; the ideal list is cut at 10.

    Args:
        scores: of all items, for a batch of histories.
        histories: of every user, row = user_idx.
        heldout: what is to be found.
        rank: which process this is.
        n_ranks: of how many.
    """
    discounts = 1.0 / np.log2(np.arange(2, _CUT_OFF + 2))
    ideal = np.cumsum(discounts)
    total = 0.0
    for n, rows in enumerate(iter_batches(len(heldout), _BATCH)):
        if n % n_ranks != rank:
            continue
        known = histories.take(heldout.user_idx[rows])
        with torch.no_grad():
            found = scores(known).float()
        device = found.device
        places = (torch.from_numpy(known.owners()), torch.from_numpy(known.item_idx.astype(np.int64)))
        found[places[0].to(device), places[1].to(device)] = -torch.inf
        top = found.topk(min(_CUT_OFF, found.shape[1])).indices.cpu().numpy()
        bounds = heldout.indptr[rows.start : rows.stop + 1]
        n_relevant = np.diff(bounds)
        relevant = np.zeros(found.shape, np.bool_)
        owner = np.repeat(np.arange(len(n_relevant)), n_relevant)
        relevant[owner, heldout.item_idx[bounds[0] : bounds[-1]]] = True
        gains = np.take_along_axis(relevant, top, axis=1) @ discounts[: top.shape[1]]
        total += float((gains / ideal[np.minimum(n_relevant, _CUT_OFF) - 1]).sum())
    return total
