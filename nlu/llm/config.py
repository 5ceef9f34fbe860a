"""What can be set about the language model."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from nlu.llm.addresses import why_refused


class EndpointConfig(BaseModel):
    """A server that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp's, a vendor's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["endpoint"] = "endpoint"
    """Behind an address."""
    url: str
    """What stands before `/chat/completions`, such as `http://127.0.0.1:8080/v1`."""
    model: str = Field(min_length=1, max_length=200)
    """The server's name of the model."""
    api_key: SecretStr | None = None
    """Sent as a bearer token; over plain http to private addresses only. Best given by the environment."""
    allow_private: bool = True
    """Whether the address may be private or this machine. Link-local and cloud metadata never may."""
    timeout_s: float = Field(default=5.0, gt=0, le=120)
    """How long an answer may take in all, retries included, seconds."""
    attempts: int = Field(default=2, ge=1, le=5)
    """Tries where the connection breaks or the server is busy; slowness gets no second one."""
    max_answer_tokens: int = Field(default=300, ge=16, le=4096)
    """Longest answer, tokens."""

    @field_validator("url")
    @classmethod
    def _plain_http_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http:// or https:// URL")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("holds a user, password, query or fragment; a key belongs in api_key")
        _ = parts.port  # raises ValueError where it is no port
        return url.rstrip("/")

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, api_key: SecretStr | None) -> SecretStr | None:
        key = "" if api_key is None else api_key.get_secret_value()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ValueError("holds characters that no key has")
        return api_key if key else None

    @model_validator(mode="after")
    def _address_allowed(self) -> "EndpointConfig":
        reason = why_refused(urlsplit(self.url).hostname or "", self.allow_private)
        if reason is not None:
            raise ValueError(f"url: {reason}")
        return self


class TransformersConfig(BaseModel):
    """A model that `transformers` runs in this process, its answers held to the schema by xgrammar."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["transformers"] = "transformers"
    """In this process."""
    model: str = Field(min_length=1)
    """Hub id or folder of a causal language model."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs."""
    timeout_s: float = Field(default=5.0, gt=0, le=120)
    """How long an answer may take, seconds."""
    max_prompt_tokens: int = Field(default=2048, ge=64)
    """Longer prompts are refused."""
    max_answer_tokens: int = Field(default=300, ge=16, le=4096)
    """Longest answer, tokens."""


class LlmConfig(BaseModel):
    """Which language model helps to read queries, and how much of it; none unless `source` is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[EndpointConfig | TransformersConfig, Field(discriminator="kind")] | None = None
    """The model; nothing: queries are read without one."""
    max_parallel: int = Field(default=4, ge=1, le=256)
    """Questions asked at once; one more is not asked."""
    calls_per_minute: int = Field(default=60, ge=0)
    """Calls of the model in a minute, in this process."""
    calls_per_day: int = Field(default=10_000, ge=0)
    """Calls of the model in 24 hours, in this process."""
    tokens_per_minute: int = Field(default=60_000, ge=0)
    """Tokens, of prompts and answers, in a minute, in this process."""
    tokens_per_day: int = Field(default=5_000_000, ge=0)
    """Tokens, of prompts and answers, in 24 hours, in this process."""
    failures_to_open: int = Field(default=3, ge=1)
    """Failures in a row after which the model is left alone."""
    open_s: float = Field(default=30.0, gt=0)
    """How long it is left alone before one question tries again, seconds."""
    cache_size: int = Field(default=2048, ge=0)
    """Answers remembered."""
    max_text_chars: int = Field(default=500, ge=1)
    """Characters of a query that the model is shown."""
    max_name_chars: int = Field(default=80, ge=1)
    """Characters of a candidate's name that the model is shown."""
    max_options: int = Field(default=20, ge=1, le=100)
    """Candidates of one slot that the model chooses from."""
    max_picks: int = Field(default=5, ge=1, le=20)
    """Candidates of one slot that the model may choose."""
    sure_confidence: float = Field(default=0.6, ge=0, le=1)
    """A slot that was found with less makes the model asked, and is the model's to change; no other is."""
