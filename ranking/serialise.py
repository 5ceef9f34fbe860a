"""Answers as plain dicts, the same for the command line and the API; orjson and json both take them."""

from dataclasses import asdict
from typing import Any

from nlu.flat import parsed_to_json
from ranking.engine import Explanation
from shopgraph.types import NamedNode, PathEdge, RankedItem, Reason, Recommendation


def to_json(recommendation: Recommendation) -> dict[str, Any]:
    """A list in the shape that DESIGN fixes; a search has `parsed` and `relaxed` beside it.

    One that more than the score put in order says so in `reranked`, one of an experiment in `experiment`.
    """
    body: dict[str, Any] = {
        "recommendation_id": recommendation.recommendation_id,
        "user_id": recommendation.user_id,
        "model_version": recommendation.model_version,
        "took_ms": recommendation.took_ms,
        "now": recommendation.now.isoformat(),
        "degraded": recommendation.degraded,
        "fallback_reason": recommendation.fallback_reason,
        "shortfall_reason": recommendation.shortfall_reason,
        "items": [_item(item) for item in recommendation.items],
        "next_cursor": recommendation.next_cursor,
    }
    if recommendation.parsed is not None:
        body["parsed"] = parsed_to_json(recommendation.parsed)
        body["relaxed"] = [asdict(relaxed) for relaxed in recommendation.relaxed]
    if recommendation.reranked is not None:
        body["reranked"] = asdict(recommendation.reranked)
    if recommendation.experiment is not None:
        body["experiment"] = asdict(recommendation.experiment)
    return body


def explanation_to_json(explanation: Explanation) -> dict[str, Any]:
    """One item's whole decomposition: the list's item and what it is measured against."""
    return {
        "user_id": explanation.user_id,
        "model_version": explanation.model_version,
        "now": explanation.now.isoformat(),
        "fallback_reason": explanation.fallback_reason,
        "n_ranked": explanation.n_ranked,
        **_item(explanation.item),
    }


def _item(item: RankedItem) -> dict[str, Any]:
    return {
        "item_id": item.item_id,
        "title": item.title,
        "rank": item.rank,
        "score": item.score,
        "score_parts": dict(item.score_parts),
        "reasons": [reason_to_json(reason) for reason in item.reasons],
        "no_path": item.no_path,
        "rules_applied": list(item.rules_applied),
    }


def reason_to_json(reason: Reason) -> dict[str, Any]:
    """One share: its part, its path and the sentence."""
    path = [_step(step) for step in reason.path]
    return {"part": reason.part, "share": reason.share, "path": path, "text": reason.text}


def _step(step: NamedNode | PathEdge) -> dict[str, Any]:
    if isinstance(step, PathEdge):
        return {"relation": step.relation, "forward": step.forward}
    return {"label": step.label, "id": step.id, "name": step.name}
