"""Examples and error answers for the OpenAPI page."""

from typing import Any

from api.models import Problem
from api.problems import PROBLEM_JSON

_NODE = {"label": "Item", "id": "SKU-17", "name": "Trail running shoe"}

RANKED_ITEM: dict[str, Any] = {
    "item_id": "SKU-42",
    "title": "Light running jacket",
    "rank": 1,
    "score": 1.284,
    "score_parts": {"graph": 0.612, "item_item": 0.401, "features": 0.271, "text": 0.0, "rules": 0.0},
    "reasons": [
        {
            "part": "graph",
            "share": 0.233,
            "path": [
                _NODE,
                {"relation": "MADE_BY", "forward": True},
                {"label": "Brand", "id": "Fjellrev", "name": "Fjellrev"},
                {"relation": "MADE_BY", "forward": False},
                {"label": "Item", "id": "SKU-42", "name": "Light running jacket"},
            ],
            "text": "You bought “Trail running shoe”, which is also made by Fjellrev.",
        }
    ],
    "no_path": False,
    "rules_applied": [],
}

RECOMMENDATION: dict[str, Any] = {
    "recommendation_id": "eyJtIjoiMjAyNi4uLiJ9.c2lnbmF0dXJl",
    "user_id": "alice",
    "model_version": "20260131T120000Z-1f0c9a",
    "took_ms": 2.4,
    "now": "2026-01-31T12:00:00+00:00",
    "degraded": False,
    "fallback_reason": None,
    "shortfall_reason": None,
    "items": [RANKED_ITEM],
    "next_cursor": None,
}

PARSED: dict[str, Any] = {
    "text": "red lipstick under $10, no glitter",
    "language": "en",
    "intent": "find_items",
    "category": [
        {
            "text": "lipstick",
            "label": "Category",
            "node_id": "Lipstick",
            "name": "Lipstick",
            "confidence": 0.98,
            "source": "grammar",
        }
    ],
    "brand": [],
    "attribute": [
        {
            "text": "red",
            "label": "Attribute",
            "node_id": "",
            "name": "red",
            "confidence": 0.98,
            "source": "grammar",
        }
    ],
    "item": [],
    "price_min": None,
    "price_max": 10.0,
    "currency": "USD",
    "audience": None,
    "exclude": {
        "category": [],
        "brand": [],
        "attribute": [
            {
                "text": "glitter",
                "label": "Attribute",
                "node_id": "",
                "name": "glitter",
                "confidence": 0.98,
                "source": "grammar",
            }
        ],
    },
    "sort": None,
    "missing": [],
    "rest": "",
    "sources": {"price_max": "grammar", "currency": "grammar", "intent": "grammar"},
    "took_ms": 0.3,
    "flat": {
        "intent": "find_items",
        "category": ["Lipstick"],
        "brand": [],
        "attribute": ["red"],
        "price_min": None,
        "price_max": 10.0,
        "audience": None,
        "exclude": {"brand": [], "category": [], "attribute": ["glitter"]},
        "sort": None,
    },
}

SEARCH: dict[str, Any] = {
    **RECOMMENDATION,
    "parsed": PARSED,
    "relaxed": [
        {
            "field": "price",
            "text": "",
            "names": ["up to 10"],
            "sentence": "Too few items meet price up to 10, so others are listed too.",
        }
    ],
}

_EMPTY: dict[str, Any] = {
    **PARSED,
    "category": [],
    "attribute": [],
    "text": "",
    "price_max": None,
    "currency": None,
    "exclude": {"category": [], "brand": [], "attribute": []},
    "sources": {},
    "took_ms": 0.0,
    "flat": {
        **PARSED["flat"],
        "category": [],
        "attribute": [],
        "price_max": None,
        "exclude": {"brand": [], "category": [], "attribute": []},
    },
}

DIALOGUE: dict[str, Any] = {
    "dialogue_id": "b5uY0m6Tn3xqk1VdYw8Rj2Lc",
    "user_id": "alice",
    "turn": 0,
    "parsed": _EMPTY,
    "narrowed": {"below": None, "above": None, "similar_to": None},
    "shown": [],
    "question": None,
}

TURN: dict[str, Any] = {
    **DIALOGUE,
    "turn": 1,
    "parsed": PARSED,
    "shown": ["SKU-42"],
    "question": {
        "slot": "brand",
        "field": "brand",
        "text": "Which brand would you like? Fjellrev (21), Kestrel (14)",
        "gain_bits": 1.31,
        "options": [
            {"name": "Fjellrev", "count": 21, "node_ids": ["Fjellrev"], "price_min": None, "price_max": None},
            {"name": "Kestrel", "count": 14, "node_ids": ["Kestrel"], "price_min": None, "price_max": None},
        ],
    },
    "changed": ["category", "attribute", "price_max", "exclude"],
    "answer": "Here is 1 item.",
    "list": RECOMMENDATION,
}

EXPLANATION: dict[str, Any] = {
    **RANKED_ITEM,
    "user_id": "alice",
    "model_version": RECOMMENDATION["model_version"],
    "n_ranked": 3200,
}


def answers(example: object, status: int = 200, *errors: int) -> dict[int | str, dict[str, Any]]:
    """A route's `responses`: its example, and problem+json for each error status."""
    shown = {"content": {"application/json": {"example": example}}}
    listed: dict[int | str, dict[str, Any]] = {status: shown}
    for code in (*errors, 422):
        schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
        listed[code] = {"model": Problem, "content": {PROBLEM_JSON: schema}}
    return listed
