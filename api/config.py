"""Limits of the API."""

from pydantic import BaseModel, ConfigDict, Field

from ranking.clarify import ClarifyConfig


class ApiConfig(BaseModel):
    """What one request may ask for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    max_body_bytes: int = Field(default=1_000_000, ge=1, description="Largest request body, bytes.")
    max_events: int = Field(default=1_000, ge=1, description="Most events in one POST.")
    max_candidates: int = Field(default=1_000, ge=1, description="Most items in one POST /v1/rank.")
    max_query_chars: int = Field(default=10_000, ge=1, description="Longest search text, characters.")
    clarify: ClarifyConfig = Field(default=ClarifyConfig(), description="When a dialogue asks back.")
