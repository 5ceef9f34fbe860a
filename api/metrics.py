"""Prometheus metrics of one app: requests by route, events by outcome, the model in use."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nlu.llm.intent import IntentModel

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The app's own registry, so that two apps in one process do not share counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "shopgraph_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "shopgraph_request_seconds",
            "Time to answer, seconds.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._events = Counter("shopgraph_events", "Events received.", ("status",), registry=self.registry)
        self._fallbacks = Counter(
            "shopgraph_fallbacks", "Answers that were not personal.", ("reason",), registry=self.registry
        )
        self._model = Gauge(
            "shopgraph_model_info", "1 for the model in use.", ("model_version",), registry=self.registry
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def count_event(self, status: str) -> None:
        """Note the outcome of one posted event."""
        self._events.labels(status).inc()

    def count_fallback(self, reason: str | None) -> None:
        """Note an answer that fell back; None is no fallback."""
        if reason is not None:
            self._fallbacks.labels(reason).inc()

    def use_model(self, model_version: str) -> None:
        """Name the model in use; only one carries the 1."""
        self._model.clear()
        self._model.labels(model_version).set(1)

    def watch_language_model(self, model: Callable[[], IntentModel | None]) -> None:
        """Show what the language model in use was asked; nothing while there is none."""
        self.registry.register(_LanguageModelCounts(model))

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self.registry)


class _LanguageModelCounts(Collector):
    def __init__(self, model: Callable[[], IntentModel | None]) -> None:
        self._model = model

    def collect(self) -> Iterator[Metric]:
        model = self._model()
        if model is None:
            return
        counts = model.counts
        questions = CounterMetricFamily(
            "shopgraph_llm_questions", "Questions to the language model.", labels=("outcome",)
        )
        for outcome, number in counts.outcomes.items():
            questions.add_metric((outcome,), number)
        tokens = CounterMetricFamily(
            "shopgraph_llm_tokens", "Tokens of questions and answers.", labels=("direction",)
        )
        tokens.add_metric(("prompt",), counts.prompt_tokens)
        tokens.add_metric(("completion",), counts.completion_tokens)
        yield questions
        yield tokens
        yield CounterMetricFamily(
            "shopgraph_llm_seconds", "Time spent waiting for the language model.", value=counts.seconds
        )
        yield GaugeMetricFamily(
            "shopgraph_llm_breaker_open", "1 while the language model is left alone.", value=model.is_open
        )
