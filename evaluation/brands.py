"""Groups of brands: who sells the first, the second and the last third of all that is bought."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ranking.catalogue import BRAND, Catalogue
from ranking.diversity.config import ExposureGroup
from ranking.diversity.exposure import Limits
from ranking.holdout import bought
from shopgraph.types import GraphSnapshot, IntVector

THIRDS = ("big brands", "middle brands", "small brands")
_OTHERS = "all others"


@dataclass(frozen=True, eq=False)
class ItemGroups:
    """A partition of the items.

    Attributes:
        names: of the groups.
        codes: the group of each item, shape (n_items,).
        asked: groups with the shares that lists are to give them.
    """

    names: tuple[str, ...]
    codes: IntVector
    asked: tuple[ExposureGroup, ...]


def groups_of_shop(
    train: GraphSnapshot, catalogue: Catalogue, configured: Sequence[ExposureGroup], floor: float
) -> ItemGroups | None:
    """The groups that the settings name, else thirds of the brands; None where there is neither.

    Brands are taken by how many bought their items, most first, until a third of all purchases is reached,
    then the next third; the last third is asked to have `floor`.
    """
    limits = Limits.of(configured, catalogue, 1)
    if limits is not None:
        names = (*(group.name for group in configured), _OTHERS)
        return ItemGroups(names, limits.codes, tuple(configured))
    thirds = _thirds(train, catalogue)
    if thirds is None:
        return None
    asked = []
    for code, name in enumerate(THIRDS):
        brands = tuple(catalogue.nodes[BRAND].ids[brand] for brand in np.flatnonzero(thirds == code))
        if brands:
            share = floor if code == len(THIRDS) - 1 else 0.0
            asked.append(ExposureGroup(name=name, brands=brands, floor=share))
    limits = Limits.of(asked, catalogue, 1)
    assert limits is not None  # there is a brand
    return ItemGroups((*(group.name for group in asked), _OTHERS), limits.codes, tuple(asked))


def _thirds(train: GraphSnapshot, catalogue: Catalogue) -> IntVector | None:
    """Which third of the purchases each brand is of, shape (n_brands,); None without any."""
    members = catalogue.brand_items
    buyers = np.bincount(bought(train.histories, train).indices, minlength=train.n_items)
    brand_of = np.repeat(np.arange(len(members.indptr) - 1), np.diff(members.indptr))
    sold = np.bincount(brand_of, buyers[members.idx], len(members.indptr) - 1)
    if not sold.sum():
        return None
    order = np.argsort(-sold, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(sold[order])[:-1]]) / sold.sum()
    thirds = np.zeros(len(sold), np.int32)
    thirds[order] = np.minimum(len(THIRDS) * before, len(THIRDS) - 1)
    return thirds
