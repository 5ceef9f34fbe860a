"""A score taken apart as far as it goes: parts, their past items, and of these graph paths and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ranking.ask import Ask
from ranking.counterfactual import Standing
from ranking.engine import Engine
from ranking.explain import Context, merge_shares
from ranking.scorer import part_of
from shopgraph.types import ITEM, PARTS, NamedNode, NodeRef, Reason, Share


@dataclass(frozen=True)
class PastShare:
    """What one past item adds to a part: its reasons, largest first, sum to `value`."""

    item: NamedNode
    events: tuple[str, ...]
    value: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class PartShare:
    """One part of the score: what past items add, largest first, and what belongs to none of them."""

    part: str
    value: float
    past: tuple[PastShare, ...]
    others: tuple[Reason, ...]


@dataclass(frozen=True)
class Decomposition:
    """One item's score for one shopper, or words, as a tree.

    `sum_error` is how far the leaves' sum is from the score, which was computed without them.
    """

    user_id: str | None
    item_id: str
    title: str
    query: str | None
    model_version: str
    now: datetime
    standing: Standing
    parts: tuple[PartShare, ...]
    sum_error: float


def decompose(engine: Engine, ask: Ask, item_id: str) -> Decomposition:
    """Every summand of an item's score in its place.

    Raises:
        NotFound: the item is not in the catalogue.
    """
    found = engine.explain(ask, item_id, reasons=0)
    context, (shares,) = engine.shares(ask, [item_id])
    merged = merge_shares(shares, by_past=True)
    total = sum(share.value for share in merged)
    return Decomposition(
        ask.user_id,
        item_id,
        found.item.title,
        None if ask.parsed is None else ask.parsed.text,
        engine.model_version,
        ask.now,
        Standing.of(found),
        tuple(
            _part(engine, context, part, [share for share in merged if part_of(share) == part])
            for part in PARTS
        ),
        abs(total - found.item.score),
    )


def _part(engine: Engine, context: Context, part: str, shares: Sequence[Share]) -> PartShare:
    by_item: dict[int, list[Share]] = {}
    others = []
    for share in sorted(shares, key=lambda share: -abs(share.value)):
        if share.past_item_idx is None:
            others.append(engine.explainer.reason(share, context))
        else:
            by_item.setdefault(share.past_item_idx, []).append(share)
    past = [_past(engine, context, item_idx, own) for item_idx, own in by_item.items()]
    past.sort(key=lambda each: -abs(each.value))
    return PartShare(part, sum(share.value for share in shares), tuple(past), tuple(others))


def _past(engine: Engine, context: Context, item_idx: int, shares: Sequence[Share]) -> PastShare:
    history = context.history
    names = [event.name for event in engine.profiles.event_types]
    met = history.type_code[history.item_idx == item_idx].tolist()
    return PastShare(
        engine.catalogue.named(NodeRef(ITEM, item_idx), context.language),
        tuple(dict.fromkeys(names[code] for code in met)) if context.is_past else (),
        sum(share.value for share in shares),
        tuple(engine.explainer.reason(share, context) for share in shares),
    )
