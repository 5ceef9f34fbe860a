"""Examples of explanations for the OpenAPI page."""

from typing import Any

from api.examples import RANKED_ITEM, RECOMMENDATION

_REASON = RANKED_ITEM["reasons"][0]
_BEFORE = {
    "score": 1.284,
    "rank": 1,
    "n_ranked": 3200,
    "score_parts": RANKED_ITEM["score_parts"],
    "fallback_reason": None,
}
_AFTER = {
    "score": 0.803,
    "rank": 19,
    "n_ranked": 3201,
    "score_parts": {"graph": 0.331, "item_item": 0.22, "features": 0.252, "text": 0.0, "rules": 0.0},
    "fallback_reason": None,
}
_VERSION = RECOMMENDATION["model_version"]

DECOMPOSITION: dict[str, Any] = {
    "item_id": "SKU-42",
    "title": "Light running jacket",
    "user_id": "alice",
    "query": None,
    "model_version": _VERSION,
    "now": RECOMMENDATION["now"],
    **_BEFORE,
    "parts": [
        {
            "part": "graph",
            "value": 0.612,
            "past_items": [
                {
                    "item_id": "SKU-17",
                    "title": "Trail running shoe",
                    "events": ["view_item", "purchase"],
                    "value": 0.233,
                    "reasons": [_REASON],
                }
            ],
            "others": [],
        }
    ],
    "sum_error": 1.1e-7,
}

COUNTERFACTUAL: dict[str, Any] = {
    "item_id": "SKU-42",
    "title": "Light running jacket",
    "model_version": _VERSION,
    "query": None,
    "without": [{"kind": "past", "item_id": "SKU-17", "event": None}],
    "before": _BEFORE,
    "after": _AFTER,
    "change": -0.481,
    "change_by_part": {"graph": -0.281, "item_item": -0.181, "features": -0.019, "text": 0.0, "rules": 0.0},
    "kept_as_trained": [],
}

SMALLEST: dict[str, Any] = {
    "n": 10,
    "outcome": "found",
    "method": "exact",
    "past_item_ids": ["SKU-17"],
    "n_tried": 2,
    "counterfactual": COUNTERFACTUAL,
}

CONTRAST: dict[str, Any] = {
    "model_version": _VERSION,
    "above": {"item_id": "SKU-42", "title": "Light running jacket", **_BEFORE},
    "below": {"item_id": "SKU-58", "title": "Rain jacket", **_AFTER},
    "difference": 0.481,
    "differences": [
        {
            "difference": 0.233,
            "above": 0.233,
            "below": 0.0,
            "part": "graph",
            "path": _REASON["path"],
            "text": _REASON["text"],
        }
    ],
}
