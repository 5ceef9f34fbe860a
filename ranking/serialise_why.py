"""Decompositions, counterfactuals and contrasts as plain dicts, the same for the command line and the API."""

from typing import Any, assert_never

from ranking.contrast import Contrast, Difference
from ranking.counterfactual import (
    Counterfactual,
    Standing,
    Without,
    WithoutEdge,
    WithoutPast,
    WithoutRelation,
    WithoutWord,
)
from ranking.decomposition import Decomposition, PartShare
from ranking.serialise import reason_to_json
from ranking.smallest import SmallestSet


def decomposition_to_json(found: Decomposition) -> dict[str, Any]:
    """The score as a tree: parts, in them past items with their reasons, and what belongs to none."""
    return {
        "item_id": found.item_id,
        "title": found.title,
        "user_id": found.user_id,
        "query": found.query,
        "model_version": found.model_version,
        "now": found.now.isoformat(),
        **_standing(found.standing),
        "parts": [_part(part) for part in found.parts],
        "sum_error": found.sum_error,
    }


def counterfactual_to_json(found: Counterfactual) -> dict[str, Any]:
    """The item before and after, and the change by part."""
    return {
        "item_id": found.item_id,
        "title": found.title,
        "model_version": found.model_version,
        "query": found.query,
        "without": [without_to_json(each) for each in found.without],
        "before": _standing(found.before),
        "after": _standing(found.after),
        "change": found.after.score - found.before.score,
        "change_by_part": found.change_by_part,
        "kept_as_trained": list(found.kept_as_trained),
    }


def smallest_to_json(found: SmallestSet) -> dict[str, Any]:
    """The smallest set, and the item without it."""
    return {
        "n": found.n,
        "outcome": found.outcome,
        "method": found.method,
        "past_item_ids": list(found.past),
        "n_tried": found.n_tried,
        "counterfactual": None
        if found.counterfactual is None
        else counterfactual_to_json(found.counterfactual),
    }


def contrast_to_json(found: Contrast) -> dict[str, Any]:
    """Both items, and what differs, largest first."""
    above, below = (
        {"item_id": item_id, "title": title, **_standing(standing)}
        for item_id, title, standing in zip(found.item_ids, found.titles, found.standings, strict=True)
    )
    return {
        "model_version": found.model_version,
        "above": above,
        "below": below,
        "difference": found.difference,
        "differences": [_difference(each) for each in found.differences],
    }


def without_to_json(without: Without) -> dict[str, Any]:
    """What is taken out, as a request names it."""
    match without:
        case WithoutPast(item_id, event):
            return {"kind": "past", "item_id": item_id, "event": event}
        case WithoutRelation(relation):
            return {"kind": "relation", "relation": relation}
        case WithoutEdge(src, relation, dst):
            ends = ({"label": label, "id": node_id} for label, node_id in (src, dst))
            return {"kind": "edge", "src": next(ends), "relation": relation, "dst": next(ends)}
        case WithoutWord(word):
            return {"kind": "word", "word": word}
        case _:
            assert_never(without)


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "score": standing.score,
        "rank": standing.rank,
        "n_ranked": standing.n_ranked,
        "score_parts": dict(standing.score_parts),
        "fallback_reason": standing.fallback_reason,
    }


def _part(part: PartShare) -> dict[str, Any]:
    return {
        "part": part.part,
        "value": part.value,
        "past_items": [
            {
                "item_id": each.item.id,
                "title": each.item.name,
                "events": list(each.events),
                "value": each.value,
                "reasons": [reason_to_json(reason) for reason in each.reasons],
            }
            for each in part.past
        ],
        "others": [reason_to_json(reason) for reason in part.others],
    }


def _difference(each: Difference) -> dict[str, Any]:
    reason = reason_to_json(each.reason)
    return {
        "difference": each.value,
        "above": each.above,
        "below": each.below,
        "part": reason["part"],
        "path": reason["path"],
        "text": reason["text"],
    }
