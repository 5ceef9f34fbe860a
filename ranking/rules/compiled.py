"""Rules as arrays over one catalogue and one model."""

from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from gnn.linear.bans import Bans
from ranking.catalogue import Catalogue, Members
from ranking.rules.ruling import Capped, Factor, Pinned, Removed
from ranking.rules.schema import (
    BanEntity,
    BanPath,
    BanRelation,
    Boost,
    Bury,
    Cap,
    Hide,
    InStock,
    Pin,
    PriceBand,
    Rule,
    Single,
    Target,
)
from shopgraph.types import BoolVector, Filters, IntVector, NodeRef, PathEdge


@dataclass
class Compiled:
    """What one rule does, by what it does it to; `bans` are those whose node the shop has."""

    removed: list[Removed] = field(default_factory=list)
    factors: list[Factor] = field(default_factory=list)
    pins: list[Pinned] = field(default_factory=list)
    caps: list[Capped] = field(default_factory=list)
    bans: Bans = field(default_factory=Bans)


def compiled(rule: Rule, catalogue: Catalogue) -> Compiled:
    """The rule over a catalogue; what the shop does not have (any more) is left out."""
    found = Compiled()
    for effect in rule.effects:
        _add(found, rule, effect, catalogue)
    return found


def mask_of(target: Target, catalogue: Catalogue) -> BoolVector:
    """Which items a target means, shape (n_items,)."""
    filters = Filters(
        category_ids=frozenset(target.category_ids),
        brand_ids=frozenset(target.brand_ids),
        attribute_ids=frozenset(target.attribute_ids),
        price_min=target.price_min,
        price_max=target.price_max,
    )
    mask = catalogue.mask(filters)
    if target.item_ids:
        named = np.zeros(len(catalogue), np.bool_)
        named[catalogue.known_items(target.item_ids)] = True
        mask &= named
    if target.in_stock is not None:
        mask &= catalogue.items.in_stock == target.in_stock
    return mask


def _add(found: Compiled, rule: Rule, effect: Single, catalogue: Catalogue) -> None:
    match effect:
        case Pin():
            rows = catalogue.known_items([effect.item_id]).tolist()
            found.pins += [Pinned(rule, row, effect.position - 1) for row in rows]
        case Boost() | Bury():
            found.factors.append(Factor(rule, mask_of(effect.target, catalogue), effect.factor))
        case Hide():
            found.removed.append(Removed(rule, mask_of(effect.target, catalogue)))
        case InStock():
            mask = mask_of(effect.target, catalogue) & ~catalogue.items.in_stock
            found.removed.append(Removed(rule, mask))
        case PriceBand():
            mask = mask_of(effect.target, catalogue) & _outside(effect, catalogue)
            found.removed.append(Removed(rule, mask))
        case Cap():
            found.caps.append(Capped(rule, effect.most, effect.within, *_groups(effect, catalogue)))
        case BanRelation() | BanEntity() | BanPath():
            found.bans |= bans_of(effect, catalogue)
        case _:
            assert_never(effect)


def bans_of(effect: BanRelation | BanEntity | BanPath, catalogue: Catalogue) -> Bans:
    """What an effect bans."""
    match effect:
        case BanRelation():
            return Bans(relations=frozenset({effect.relation}))
        case BanPath():
            steps = tuple(PathEdge(step.relation, step.forward) for step in effect.path)
            return Bans(path_types=frozenset({steps}))
        case BanEntity():
            table = catalogue.nodes.get(effect.label)
            idx = None if table is None else table.index.get(effect.entity_id)
            return Bans() if idx is None else Bans(entities=frozenset({NodeRef(effect.label, idx)}))
        case _:
            assert_never(effect)


def _outside(band: PriceBand, catalogue: Catalogue) -> BoolVector:
    price = catalogue.items.price
    with np.errstate(invalid="ignore"):  # an unknown price compares with nothing
        below = price < (0.0 if band.price_min is None else band.price_min)
        above = price > (np.inf if band.price_max is None else band.price_max)
    outside: BoolVector = below | above | (np.isnan(price) & (not band.keep_unknown))
    return outside


def _groups(cap: Cap, catalogue: Catalogue) -> tuple[NDArray[np.int64], IntVector]:
    """Each item's groups: (where they begin, which they are)."""
    if cap.ids:
        masks = [_mask_of_group(cap, group_id, catalogue) for group_id in cap.ids]
        items, groups = np.nonzero(np.stack(masks, axis=1))
    else:
        members: Members = catalogue.brand_items if cap.by == "brand" else catalogue.category_items
        groups = np.repeat(np.arange(len(members.indptr) - 1), np.diff(members.indptr))
        items = members.idx.astype(np.intp)
    order = np.lexsort((groups, items))
    indptr = np.searchsorted(items[order], np.arange(len(catalogue) + 1)).astype(np.int64)
    return indptr, groups[order].astype(np.int32)


def _mask_of_group(cap: Cap, group_id: str, catalogue: Catalogue) -> BoolVector:
    ids = frozenset({group_id})
    return catalogue.mask(Filters(brand_ids=ids) if cap.by == "brand" else Filters(category_ids=ids))
