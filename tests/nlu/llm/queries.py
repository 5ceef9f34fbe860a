"""Drafts and candidates that the tests share."""

from nlu.llm.config import EndpointConfig, LlmConfig
from nlu.llm.endpoint import EndpointModel
from nlu.llm.intent import IntentModel
from shopgraph.types import ParsedQuery, Slot

TEXT = "waterproof eye pencil by maybeline"


def slot(label: str, node_id: str, name: str, text: str, confidence: float = 0.5) -> Slot:
    """A slot as the linker gives it: unsure unless told otherwise."""
    return Slot(text, label, node_id, name, confidence, "linker")


EYELINER = slot("Category", "c1", "Eyeliner", "eye pencil")
BROW_PENCIL = slot("Category", "c2", "Eyebrow Pencil", "eye pencil")
MAYBELLINE = slot("Brand", "b1", "Maybelline", "maybeline")
MAX_FACTOR = slot("Brand", "b2", "Max Factor", "maybeline")
WATERPROOF = slot("Attribute", "", "waterproof", "waterproof")
CANDIDATES = {
    "category": (EYELINER, BROW_PENCIL),
    "brand": (MAYBELLINE, MAX_FACTOR),
    "attribute": (WATERPROOF,),
}
NOTHING = {
    "intent": "find_items",
    "audience": "none",
    "sort": "none",
    "category": [],
    "exclude_category": [],
    "brand": [],
    "exclude_brand": [],
    "attribute": [],
    "exclude_attribute": [],
}
"""The form about CANDIDATES where the model chooses nothing."""


def draft(text: str = TEXT) -> ParsedQuery:
    """A draft in which all is still open."""
    return ParsedQuery(text, "en", rest=text)


def endpoint(
    url: str, timeout_s: float = 5.0, attempts: int = 1, api_key: str | None = None
) -> EndpointConfig:
    given = {} if api_key is None else {"api_key": api_key}
    return EndpointConfig.model_validate(
        {"url": url, "model": "m", "timeout_s": timeout_s, "attempts": attempts, **given}
    )


def intent_model(source: EndpointConfig, config: LlmConfig | None = None) -> IntentModel:
    return IntentModel(EndpointModel(source), config or LlmConfig(cache_size=0, failures_to_open=1000))
