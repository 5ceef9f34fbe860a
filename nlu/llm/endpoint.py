"""A language model behind an address that speaks OpenAI's chat completions."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from urllib.parse import urlsplit

import httpx2
import orjson
import stamina
from pydantic import BaseModel, Field, ValidationError

from nlu.llm.addresses import is_private, resolve_allowed
from nlu.llm.config import EndpointConfig
from nlu.llm.model import Completion, Message
from shopgraph.errors import LanguageModelFailed

MAX_REPLY_BYTES = 262_144
"""A longer reply is given up; the longest answer that the settings allow is far shorter."""

_BUSY = frozenset({429, 502, 503, 504})
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 1.0


class EndpointModel:
    """One server and one of its models.

    All requests run in one event loop on a thread of its own: only so does a deadline hold for an answer as a
    whole, also where a server sends a byte now and then. No redirect is followed and no proxy used, and
    connections are made to the addresses that were checked.
    """

    def __init__(self, config: EndpointConfig) -> None:
        self.name = f"{config.model} at {config.url}"
        self.max_answer_tokens = config.max_answer_tokens
        self._config = config
        self._parts = urlsplit(config.url)
        headers = {"Accept-Encoding": "identity", "Host": self._parts.netloc}
        if config.api_key is not None:
            headers["Authorization"] = f"Bearer {config.api_key.get_secret_value()}"
        connect_s = config.timeout_s / 2  # leaves time for a host's second address
        self._client = httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(None, connect=connect_s),
            follow_redirects=False,
            trust_env=False,
        )
        self._closing = threading.Lock()
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="language-model", daemon=True)
        self._thread.start()

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object]) -> Completion:
        body = {
            "model": self._config.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": 0,
            "max_tokens": self.max_answer_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "form", "strict": True, "schema": schema},
            },
        }
        with self._closing:
            if self._closed:
                raise LanguageModelFailed("the language model was closed")
            answer = asyncio.run_coroutine_threadsafe(self._answer(orjson.dumps(body)), self._loop)
        try:
            return _read_reply(answer.result())
        except CancelledError as exc:
            raise LanguageModelFailed("the language model was closed before it answered") from exc

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_all(self) -> None:
        asked = asyncio.all_tasks() - {asyncio.current_task()}
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await self._client.aclose()

    async def _answer(self, body: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._config.timeout_s):
                return await self._with_retries(body)
        except (TimeoutError, httpx2.TimeoutException) as exc:
            raise LanguageModelFailed(
                f"the language model did not answer within {self._config.timeout_s} s"
            ) from exc
        except _BadStatus as exc:
            raise LanguageModelFailed(f"the language model's server answered {exc.status}") from exc
        except (
            httpx2.HTTPError,
            httpx2.InvalidURL,
        ) as exc:  # their texts may quote a header: only the kind is told
            raise LanguageModelFailed(
                f"the connection to the language model broke: {type(exc).__name__}"
            ) from exc

    async def _with_retries(self, body: bytes) -> bytes:
        reply = b""
        async for attempt in stamina.retry_context(
            on=_worth_another_try,
            attempts=self._config.attempts,
            timeout=None,  # the deadline around all of this is stricter
            wait_initial=_FIRST_WAIT_S,
            wait_max=_LONGEST_WAIT_S,
            wait_jitter=_FIRST_WAIT_S,
        ):
            with attempt:
                reply = await self._post(body)
        return reply

    async def _post(self, body: bytes) -> bytes:
        host = self._parts.hostname or ""
        port = self._parts.port or (443 if self._parts.scheme == "https" else 80)
        *others, last = await resolve_allowed(host, port, self._config.allow_private)
        addresses = [*others, last]
        if (
            self._config.api_key is not None
            and self._parts.scheme == "http"
            and not all(map(is_private, addresses))
        ):
            raise LanguageModelFailed(f"no key is sent to {host} over plain http; use https")
        for address in others:
            try:
                return await self._post_to(address, host, port, body)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue  # localhost is two addresses, and most servers listen on one
        return await self._post_to(last, host, port, body)

    async def _post_to(self, address: str, host: str, port: int, body: bytes) -> bytes:
        place = f"[{address}]" if ":" in address else address
        url = f"{self._parts.scheme}://{place}:{port}{self._parts.path}/chat/completions"
        headers = {"Content-Type": "application/json"}
        extensions = {"sni_hostname": host}
        stream = self._client.stream("POST", url, content=body, headers=headers, extensions=extensions)
        async with stream as response:
            if response.status_code != httpx2.codes.OK:
                raise _BadStatus(response.status_code, response.headers.get("Retry-After", ""))
            reply = bytearray()
            async for piece in response.aiter_raw():
                reply += piece
                if len(reply) > MAX_REPLY_BYTES:
                    raise LanguageModelFailed(
                        f"the language model's reply is longer than {MAX_REPLY_BYTES} bytes"
                    )
            return bytes(reply)


class _BadStatus(Exception):
    def __init__(self, status: int, retry_after: str) -> None:
        super().__init__(status)
        self.status = status
        self.retry_after = retry_after


def _worth_another_try(exc: Exception) -> bool | float:
    """Whether to ask again, or after how many seconds; slowness is no reason to."""
    if isinstance(exc, _BadStatus):
        if exc.status in _BUSY and exc.retry_after.isdecimal():
            return float(exc.retry_after)
        return exc.status in _BUSY
    return isinstance(exc, httpx2.TransportError) and not isinstance(exc, httpx2.TimeoutException)


class _ReplyMessage(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _ReplyMessage
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class _Reply(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def _read_reply(reply: bytes) -> Completion:
    try:
        parsed = _Reply.model_validate_json(reply)
        content = orjson.loads(parsed.choices[0].message.content)
    except ValidationError as exc:
        raise LanguageModelFailed("the language model's server sent no chat completion") from exc
    except orjson.JSONDecodeError as exc:
        cut = parsed.choices[0].finish_reason == "length"
        raise LanguageModelFailed(
            "the language model's answer was cut off" if cut else "the language model's answer is no JSON"
        ) from exc
    if not isinstance(content, dict):
        raise LanguageModelFailed("the language model's answer is no JSON object")
    usage = parsed.usage or _Usage()
    return Completion(content, usage.prompt_tokens, usage.completion_tokens)
