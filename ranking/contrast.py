"""Why one item stands above another: the shares that differ, which sum to the difference of the scores."""

from dataclasses import dataclass

from ranking.ask import Ask
from ranking.counterfactual import Standing
from ranking.engine import Engine
from ranking.explain import merge_shares
from ranking.scorer import part_of
from shopgraph.errors import BadRecord
from shopgraph.types import NodeRef, Reason, Share


@dataclass(frozen=True)
class Difference:
    """What is said of both items in the same way, or of one alone.

    `value` is `above − below`, and either is 0 where nothing of the kind speaks for or against that item.
    The reason is the one of the item that it says more of.
    """

    value: float
    above: float
    below: float
    reason: Reason


@dataclass(frozen=True)
class Contrast:
    """Two items of one list; the differences, largest first, sum to the difference of their scores."""

    item_ids: tuple[str, str]
    titles: tuple[str, str]
    model_version: str
    standings: tuple[Standing, Standing]
    differences: tuple[Difference, ...]

    @property
    def difference(self) -> float:
        """By how much the first one's score is above the second one's; negative where it is below."""
        first, second = self.standings
        return first.score - second.score


def contrast(engine: Engine, ask: Ask, item_id: str, versus: str) -> Contrast:
    """How an item compares with another one in an ask's list.

    A path from a past item over a node is the same for both where both are reached from that node by the
    same relation.

    Raises:
        NotFound: an item is not in the catalogue.
        BadRecord: both are the same item.
    """
    if item_id == versus:
        raise BadRecord("versus", f"must be another item than {item_id!r}")
    ids = (item_id, versus)
    found = [engine.explain(ask, each, reasons=0) for each in ids]
    context, shares = engine.shares(ask, ids)
    above, below = ({_comparable(share): share for share in merge_shares(own)} for own in shares)
    differences = []
    for key in {**above, **below}:
        one, other = above.get(key), below.get(key)
        values = (0.0 if one is None else one.value), (0.0 if other is None else other.value)
        shown = max((share for share in (one, other) if share), key=lambda share: abs(share.value))
        reason = engine.explainer.reason(shown, context)
        differences.append(Difference(values[0] - values[1], *values, reason))
    differences.sort(key=lambda each: -abs(each.value))
    first, second = found
    return Contrast(
        ids,
        (first.item.title, second.item.title),
        engine.model_version,
        (Standing.of(first), Standing.of(second)),
        tuple(each for each in differences if each.value),
    )


def _comparable(share: Share) -> tuple[object, ...]:
    """What two items' shares have in common that say the same of both."""
    way = tuple(step for step in share.path if not isinstance(step, NodeRef)), share.path[:-1]
    return (
        part_of(share),
        share.kind,
        share.name if share.kind != "item_item" else "",
        share.past_item_idx,
        way,
    )
