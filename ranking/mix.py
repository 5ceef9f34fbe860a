"""What one group's scores are summed from, and the models' shares of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from gnn.item_item.past import PastItemModel, past_item_shares
from gnn.registry import SavedModel
from ranking.hybrid import TEXT, WORDS, Hybrid
from ranking.models import GRAPH, ITEM_ITEM, part_of_model
from shopgraph.types import FloatMatrix, FusionWeights, Histories, IntVector, Share


@dataclass(frozen=True, eq=False)
class Term:
    """A model as a summand: `factor` is its weight divided by its scale."""

    part: str
    name: str
    model: SavedModel
    factor: np.float32


@dataclass(frozen=True, eq=False)
class Mix:
    """The summands that have a weight: models, and the features' weights by name.

    `text` and `words` are the weights of likeness in meaning and in letters, divided by their scales.
    """

    terms: Sequence[Term]
    features: Mapping[str, float]
    text: np.float32
    words: np.float32

    @classmethod
    def of(cls, hybrid: Hybrid, weights: FusionWeights) -> Self:
        """The hybrid's summands by these weights."""
        terms = [
            Term(part_of_model(model), name, model, np.float32(weight / hybrid.scales[name]))
            for name, model in hybrid.models.items()
            if (weight := weights.models.get(name))
        ]
        betas = {name: weight for name, weight in weights.features.items() if weight}
        text = np.float32(weights.text / hybrid.scales[TEXT])
        return cls(terms, betas, text, np.float32(weights.words / hybrid.scales.get(WORDS, 1.0)))

    def terms_of(self, part: str) -> list[Term]:
        """The models of a part."""
        return [term for term in self.terms if term.part == part]

    def model_shares(self, history: Histories, item_idx: IntVector, top: int | None) -> list[list[Share]]:
        """The weighted shares of all models for some items of one history (batch of one), a list for each.

        With `top` models that are sums over past items are added up first: the largest of their sums. Of
        several graph models each names more paths, since the largest of all may be second in each.
        """
        wide = None if top is None else top * max(len(self.terms_of(GRAPH)), 1)
        alone: list[Term] = []
        sums: list[tuple[str, IntVector, FloatMatrix]] = []
        for term in self.terms:
            if top is None or term.part != ITEM_ITEM or not isinstance(term.model, PastItemModel):
                alone.append(term)
            else:
                past, values = term.model.contributions(history, item_idx)
                sums.append((term.name, past, values * term.factor))
        shares: list[list[Share]] = [[] for _ in item_idx]
        for term in alone:
            for row, own in enumerate(term.model.shares_of_items(history, item_idx, wide)):
                shares[row] += [_weighted(share, term) for share in own]
        if sums:
            for row, own in enumerate(_added_up(sums, top)):
                shares[row] += own
        return shares


def _added_up(sums: Sequence[tuple[str, IntVector, FloatMatrix]], top: int | None) -> list[list[Share]]:
    """Shares of the sums, past item by past item; their name is all models' names."""
    name = "+".join(name for name, _, _ in sums)
    _, past, total = sums[0]
    if len(sums) > 1:
        past = np.unique(np.concatenate([items for _, items, _ in sums])).astype(np.int32)
        total = np.zeros((len(past), total.shape[1]), np.float32)
        for _, items, values in sums:
            total[np.searchsorted(past, items)] += values
    return past_item_shares(past, total, top, name)


def _weighted(share: Share, term: Term) -> Share:
    """The share as a summand of the score; it carries its model's name where it has none of its own.

    What a graph model puts down to a past item without a path is latent; what a model of past items puts
    down to the shopper alone is still item–item.
    """
    kind = share.kind
    if term.part == GRAPH and kind == "item_item":
        kind = "latent"
    elif term.part == ITEM_ITEM and kind == "latent":
        kind = "item_item"
    value = share.value * float(term.factor)
    return Share(kind, value, share.past_item_idx, share.path, share.name or term.name)
