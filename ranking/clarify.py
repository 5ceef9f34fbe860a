"""The one question whose answer would tell most about which item of a list is meant.

The information gain of a slot with values v over the candidates i, weighted w(i) = 1/log2(rank + 1), is
IG = P(has a value) · (H(V) − H(V | I)), in bits. Only the values that become options and "another" are told
apart, so that a hundred brands do not look like a good question. An item with k values has each by 1/k.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ranking.catalogue import ATTRIBUTE, BRAND, CATEGORY, Catalogue, Members
from ranking.conditions import conditions_of, excluding
from ranking.phrases import Language
from shopgraph.types import BoolVector, Filters, IntVector, NodeRef, ParsedQuery

_AUDIENCE = "audience"
_BANDS = 3

Values = Mapping[int, Sequence[str]]
"""What each candidate (its place, from 0) has of a slot; a candidate may be absent."""


class ClarifyConfig(BaseModel):
    """When a list is worth a question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_candidates: int = Field(default=100, ge=2, le=200)
    """How many of the list's first places are looked at."""
    min_candidates: int = Field(default=20, ge=2)
    """A shorter list is not asked about."""
    min_gain_bits: float = Field(default=1.0, ge=0)
    """Least information that the answer must bring, bits."""
    max_options: int = Field(default=5, ge=2, le=20)
    """Most options of a question."""


@dataclass(frozen=True)
class Option:
    """A possible answer: a node, or a band of prices, and how many of the candidates have it."""

    name: str
    count: int
    node_ids: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None


@dataclass(frozen=True)
class Question:
    """What to ask; `slot` is "category", "brand", "price" or an attribute's key."""

    slot: str
    field: Literal["category", "brand", "attribute", "price"]
    gain_bits: float
    options: tuple[Option, ...]


@dataclass(frozen=True)
class _Slot:
    name: str
    field: Literal["category", "brand", "attribute", "price"]
    values: Values
    bands: Mapping[str, tuple[float | None, float | None]] | None = None


def clarifying_question(
    item_idx: IntVector,
    parsed: ParsedQuery,
    catalogue: Catalogue,
    config: ClarifyConfig,
    language: Language,
    asked: Iterable[str] = (),
) -> Question | None:
    """The question of most information gain; None where none passes the threshold.

    Args:
        item_idx: the candidates, best first.
        parsed: what was said; what it states is not asked.
        catalogue: of the shop.
        config: the thresholds.
        language: of the options' names.
        asked: slots that were asked about before.
    """
    candidates = item_idx[_meeting(parsed, catalogue)[item_idx]][: config.n_candidates]
    if len(candidates) < config.min_candidates:
        return None
    weights = 1 / np.log2(np.arange(len(candidates)) + 2)
    slots = {slot.name: slot for slot in _open_slots(candidates, parsed, catalogue)}
    best, chosen = config.min_gain_bits, None
    for name in slots.keys() - set(asked):
        options = _options(slots[name].values, weights, config.max_options)
        gain = information_gain(slots[name].values, weights, options)
        if len(options) > 1 and (gain, name) >= (best, "" if chosen is None else chosen.name):
            best, chosen = gain, slots[name]
    if chosen is None:
        return None
    options = _options(chosen.values, weights, config.max_options)
    if chosen.bands:
        options = tuple(band for band in chosen.bands if band in options)
    counted = tuple(_option(chosen, value, catalogue, language) for value in options)
    return Question(chosen.name, chosen.field, round(best, 3), counted)


def information_gain(values: Values, weights: NDArray[np.float64], told_apart: Iterable[str]) -> float:
    """Bits that knowing the value brings about the candidate; values not told apart count as one."""
    kept = set(told_apart)
    mass: dict[str, float] = defaultdict(float)
    own = known = 0.0
    for place, several in values.items():
        weight = float(weights[place]) / len(several)
        shares: dict[str, float] = defaultdict(float)
        for value in several:
            shares[value if value in kept else ""] += weight
        for value, share in shares.items():
            mass[value] += share
        total = weight * len(several)
        own += total * _entropy([share / total for share in shares.values()])
        known += total
    if not known:
        return 0.0
    gain = _entropy([share / known for share in mass.values()]) - own / known
    return gain * known / float(weights.sum())


def _entropy(shares: Iterable[float]) -> float:
    return -sum(share * float(np.log2(share)) for share in shares if share > 0)


def _meeting(parsed: ParsedQuery, catalogue: Catalogue) -> BoolVector:
    """Who meets every word; a list that was too short goes on with others."""
    masks = (catalogue.mask_of_any(condition.filters) for condition in conditions_of(parsed, catalogue))
    return reduce(np.logical_and, masks, catalogue.mask(excluding(parsed)))


def _open_slots(items: IntVector, parsed: ParsedQuery, catalogue: Catalogue) -> Iterable[_Slot]:
    if not parsed.brand:
        made_by = _nodes_of(catalogue.brand_items, items)
        yield _Slot("brand", "brand", _ids(made_by, catalogue, BRAND))
    yield _Slot("category", "category", _branches(items, parsed, catalogue))
    stated = {slot.node_id.partition(":")[0] for slot in parsed.attribute}
    stated |= {_AUDIENCE} if parsed.audience is not None else set()
    by_key: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    attributes = _ids(_nodes_of(catalogue.attribute_items, items), catalogue, ATTRIBUTE)
    for place, node_ids in attributes.items():
        for node_id in node_ids:
            key, colon, _ = node_id.partition(":")
            if colon and key not in stated:
                by_key[key][place].append(node_id)
    for key, values in by_key.items():
        yield _Slot(key, "attribute", values)
    if parsed.price_min is None and parsed.price_max is None:
        yield _price_bands(items, catalogue)


def _branches(items: IntVector, parsed: ParsedQuery, catalogue: Catalogue) -> Values:
    """The children of the stated category that an item lies under; without one, of the tops of the tree.

    A top that has no sibling is passed over: it splits nothing.
    """
    table = catalogue.nodes.get(CATEGORY)
    if table is None:
        return {}
    children = catalogue.children
    below = {
        node: children.idx[children.indptr[node] : children.indptr[node + 1]].tolist()
        for node in range(len(table))
    }
    stated = [table.index[slot.node_id] for slot in parsed.category if slot.node_id in table.index]
    if stated:
        level = [child for node in stated for child in below[node]]
    else:
        level = sorted(set(range(len(table))) - {child for many in below.values() for child in many})
        while len(level) == 1:
            level = below[level[0]]
    found: dict[int, list[str]] = defaultdict(list)
    for node in dict.fromkeys(level):
        under = catalogue.mask_of_any(Filters(category_ids=frozenset({table.ids[node]})))
        for place in np.flatnonzero(under[items]).tolist():
            found[place].append(table.ids[node])
    return found


def _price_bands(items: IntVector, catalogue: Catalogue) -> _Slot:
    """Three bands with about as many items each, their limits rounded to two digits."""
    prices = catalogue.items.price[items]
    known = np.flatnonzero(np.isfinite(prices))
    if not len(known):
        return _Slot("price", "price", {})
    limits = sorted({_rounded(float(limit)) for limit in np.quantile(prices[known], [1 / 3, 2 / 3])})
    edges: list[float | None] = [None, *limits, None]
    bands: dict[str, tuple[float | None, float | None]] = {}
    values: dict[int, list[str]] = defaultdict(list)
    for low, high in pairwise(edges):
        name = f"{low or 0:g}–{high:g}" if high is not None else f"{low:g}+"
        inside = (prices >= (low or 0)) & (prices <= (np.inf if high is None else high))  # as a filter has it
        bands[name] = (low, high)
        for place in np.flatnonzero(inside).tolist():
            values[place].append(name)
    return _Slot("price", "price", values, bands)


def _rounded(price: float) -> float:
    return float(f"{price:.2g}")


def _options(values: Values, weights: NDArray[np.float64], most: int) -> tuple[str, ...]:
    """The values that weigh most, the heaviest first."""
    mass: dict[str, float] = defaultdict(float)
    for place, several in values.items():
        for value in several:
            mass[value] += float(weights[place]) / len(several)
    return tuple(sorted(mass, key=lambda value: (-mass[value], value))[:most])


def _option(slot: _Slot, value: str, catalogue: Catalogue, language: Language) -> Option:
    count = sum(value in several for several in slot.values.values())
    if slot.bands is not None:
        low, high = slot.bands[value]
        return Option(value, count, (), low, high)
    label = {"brand": BRAND, "category": CATEGORY, "attribute": ATTRIBUTE}[slot.field]
    idx = catalogue.nodes[label].index[value]
    return Option(catalogue.named(NodeRef(label, idx), language).name, count, (value,))


def nodes_of_item(item_idx: int, label: str, catalogue: Catalogue, language: Language) -> list[str]:
    """The names of an item's nodes of a label."""
    members = {BRAND: catalogue.brand_items, ATTRIBUTE: catalogue.attribute_items}.get(
        label, catalogue.category_items
    )
    found = _nodes_of(members, np.array([item_idx], np.int32)).get(0, [])
    return [catalogue.named(NodeRef(label, node), language).name for node in found]


def _nodes_of(members: Members, items: IntVector) -> dict[int, list[int]]:
    """The nodes of each item, by the item's place."""
    place_of = np.full(members.n_members, -1, np.int64)
    place_of[items] = np.arange(len(items))
    places = place_of[members.idx]
    found: dict[int, list[int]] = defaultdict(list)
    for edge in np.flatnonzero(places >= 0).tolist():
        node = int(np.searchsorted(members.indptr, edge, side="right")) - 1
        found[int(places[edge])].append(node)
    return found


def _ids(nodes: Mapping[int, Sequence[int]], catalogue: Catalogue, label: str) -> dict[int, list[str]]:
    return {place: [catalogue.nodes[label].ids[node] for node in several] for place, several in nodes.items()}
