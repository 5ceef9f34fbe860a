"""A language model with what keeps it from doing harm: cache, budget, breaker, checked answers, counts."""

import hashlib
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from nlu.llm.config import LlmConfig
from nlu.llm.limits import Breaker, Budget, Clock
from nlu.llm.model import Completion, Filled, Form, LanguageModel, Message
from shopgraph.errors import LanguageModelFailed

OUTCOMES = ("answered", "cached", "failed", "over_budget", "breaker_open", "busy")
"""What can become of a question; only `answered` and `failed` reached the model."""

_BYTES_PER_TOKEN = 2
"""Fewer than any tokenizer needs for ordinary text, so that a reservation is rarely too small."""


@dataclass(frozen=True)
class LlmCounts:
    """What was asked since the start: questions by outcome, tokens by direction, seconds spent waiting."""

    outcomes: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class GuardedModel:
    """Asks a model as far as its limits allow, and takes no answer that is out of form.

    May be used from several threads at once.
    """

    def __init__(self, model: LanguageModel, config: LlmConfig, clock: Clock = time.monotonic) -> None:
        self._model = model
        self._clock = clock
        self._budget = Budget(
            config.calls_per_minute,
            config.calls_per_day,
            config.tokens_per_minute,
            config.tokens_per_day,
            clock,
        )
        self._breaker = Breaker(config.failures_to_open, config.open_s, clock)
        self._places = threading.BoundedSemaphore(config.max_parallel)
        self._cache = _LastUsed(config.cache_size)
        self._lock = threading.Lock()
        self._counter: Counter[str] = Counter()
        self._seconds = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the breaker holds questions back."""
        return self._breaker.is_open

    @property
    def counts(self) -> LlmCounts:
        with self._lock:
            outcomes = {outcome: self._counter[outcome] for outcome in OUTCOMES}
            prompt, completion = self._counter["prompt_tokens"], self._counter["completion_tokens"]
            return LlmCounts(outcomes, prompt, completion, self._seconds)

    def ask(self, messages: Sequence[Message], form: Form) -> Filled:
        """The form as the model filled it in, checked.

        Raises:
            LanguageModelFailed: the model can't be asked now, did not answer, or answered out of form.
        """
        key = _digest(self._model.name, messages, form)
        remembered = self._cache.get(key)
        if remembered is not None:
            self._count("cached")
            return remembered
        if not self._places.acquire(blocking=False):
            raise self._refused("busy", "it is busy with other questions")
        try:
            completion, filled = self._ask_now(messages, form)
        finally:
            self._places.release()
        self._cache.put(key, filled)
        self._count("answered", completion)
        return filled

    def close(self) -> None:
        """Closes the model."""
        self._model.close()

    def _ask_now(self, messages: Sequence[Message], form: Form) -> tuple[Completion, Filled]:
        if not self._breaker.admits():
            raise self._refused("breaker_open", "it failed too often of late")
        n_bytes = sum(len(message.content.encode()) for message in messages)
        reserved = self._budget.reserve(n_bytes // _BYTES_PER_TOKEN + self._model.max_answer_tokens)
        if reserved is None:
            raise self._refused("over_budget", "its budget is spent")
        started = self._clock()
        try:
            completion = self._model.complete(messages, form.schema())
            filled = form.read(completion.content)
        except LanguageModelFailed:
            self._breaker.note(succeeded=False)
            self._count("failed")
            raise
        finally:
            with self._lock:
                self._seconds += self._clock() - started
        self._breaker.note(succeeded=True)
        used = completion.prompt_tokens + completion.completion_tokens
        self._budget.settle(reserved, used or reserved.tokens)
        return completion, filled

    def _refused(self, outcome: str, why: str) -> LanguageModelFailed:
        self._count(outcome)
        return LanguageModelFailed(f"the language model was not asked: {why}")

    def _count(self, outcome: str, completion: Completion | None = None) -> None:
        with self._lock:
            self._counter[outcome] += 1
            if completion is not None:
                self._counter["prompt_tokens"] += completion.prompt_tokens
                self._counter["completion_tokens"] += completion.completion_tokens


class _LastUsed:
    """Answers by question; the one used longest ago goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._answers: OrderedDict[bytes, Filled] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Filled | None:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
            return self._answers.get(key)

    def put(self, key: bytes, answer: Filled) -> None:
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)


def _digest(name: str, messages: Sequence[Message], form: Form) -> bytes:
    said = [(message.role, message.content) for message in messages]
    return hashlib.sha256(orjson.dumps([name, said, form.schema()])).digest()
