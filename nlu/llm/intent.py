"""A query that the fast levels were unsure of, read again with the help of a language model."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from nlu.llm.config import EndpointConfig, LlmConfig, TransformersConfig
from nlu.llm.guarded import GuardedModel, LlmCounts
from nlu.llm.limits import Clock
from nlu.llm.model import Filled, LanguageModel
from nlu.llm.question import (
    EXCLUDABLE,
    FIELDS,
    UNSTATED,
    Question,
    ask_about,
    exclude_field,
    is_sure,
    opposite,
    option_of,
)
from shopgraph.errors import LanguageModelFailed
from shopgraph.types import Excluded, Intent, ParsedQuery, Slot, SlotSource, Sort

_log = logging.getLogger(__name__)


def open_intent_model(config: LlmConfig) -> "IntentModel | None":
    """The model that the settings name, ready to be asked; None where they name none.

    A server is not contacted yet: one that is down is an answer of None from `refine`, not an error here.

    Raises:
        BadSettings: the model's folder can't be used.
        DependencyMissing: a model in the process needs packages that are not installed.
    """
    match config.source:
        case None:
            return None
        case EndpointConfig() as source:
            from nlu.llm.endpoint import EndpointModel

            return IntentModel(EndpointModel(source), config)
        case TransformersConfig() as source:
            from nlu.llm.in_process import open_in_process

            return IntentModel(open_in_process(source), config)


class IntentModel:
    """Has a language model choose among candidates; it adds nothing that was not a candidate.

    May be used from several threads at once.
    """

    def __init__(self, model: LanguageModel, config: LlmConfig, clock: Clock = time.monotonic) -> None:
        self._guarded = GuardedModel(model, config, clock)
        self._config = config

    @property
    def counts(self) -> LlmCounts:
        """What was asked since the start, for metrics."""
        return self._guarded.counts

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open: the model failed of late and is left alone."""
        return self._guarded.is_open

    @property
    def sure_confidence(self) -> float:
        return self._config.sure_confidence

    def refine(
        self, text: str, draft: ParsedQuery, candidates: Mapping[str, Sequence[Slot]]
    ) -> ParsedQuery | None:
        """The draft with the model's choices; None where the model can't be asked or its answer is no use.

        The model decides the intent, which unsure slots of the draft stay, which candidates join them, and
        the audience and order where the draft has none. Sure slots and prices stay as they are.

        Args:
            text: the query as the draft was made of.
            draft: what the fast levels found.
            candidates: nodes that a span may mean, best first, by field: category, brand, attribute, item.

        Raises:
            ValueError: candidates for a field that has no slots.
        """
        if unknown := set(candidates) - set(FIELDS):
            raise ValueError(f"candidates for {min(unknown)!r}; only {', '.join(FIELDS)} have slots")
        started = time.perf_counter()
        question = ask_about(text, draft, candidates, self._config)
        try:
            filled = self._guarded.ask(question.messages, question.form)
        except LanguageModelFailed as exc:
            _log.info("query read without the language model: %s", exc)
            return None
        refined = _apply(draft, question, filled, self._config)
        return replace(refined, took_ms=draft.took_ms + (time.perf_counter() - started) * 1000)

    def close(self) -> None:
        """Closes the model; from then on the answer is None."""
        self._guarded.close()


def _apply(draft: ParsedQuery, question: Question, filled: Filled, config: LlmConfig) -> ParsedQuery:
    wanted = {field: _merged(getattr(draft, field), field, question, filled, config) for field in FIELDS}
    ruled_out = {
        field: _merged(getattr(draft.exclude, field), exclude_field(field), question, filled, config)
        for field in EXCLUDABLE
    }
    chosen = [slot for slots in (*wanted.values(), *ruled_out.values()) for slot in slots]
    taken = {slot.text for slot in chosen}
    spans = {slot.text for slot in chosen if slot.source == "llm" and slot.text}
    freed = (slot.text for slot in _slots_of(draft) if slot.text not in taken)
    return replace(
        _with_single_fields(draft, filled),
        category=wanted["category"],
        brand=wanted["brand"],
        attribute=wanted["attribute"],
        item=wanted["item"],
        exclude=Excluded(**ruled_out),
        missing=tuple(missing for missing in draft.missing if missing.text not in spans),
        rest=" ".join(filter(None, (_without(draft.rest, spans), *dict.fromkeys(freed)))),
    )


def _merged(
    drafted: tuple[Slot, ...], name: str, question: Question, filled: Filled, config: LlmConfig
) -> tuple[Slot, ...]:
    """The draft's slots that are sure or were chosen, as they were; then the candidates that were chosen.

    What the model both wants and rules out is left as the draft has it. A chosen candidate keeps its
    confidence: the linker's is calibrated, a language model has none to give.
    """
    chosen = filled.some.get(name, ())
    contradicted = set(chosen) & set(filled.some.get(opposite(name), ()))
    kept = tuple(
        slot
        for slot in drafted
        if is_sure(slot, config) or option_of(slot) in chosen or option_of(slot) in contradicted
    )
    known = {*map(option_of, kept), *contradicted}
    added = (question.slots[name][option] for option in chosen if option not in known)
    return (*kept, *(replace(slot, source="llm") for slot in added))


def _slots_of(parsed: ParsedQuery) -> tuple[Slot, ...]:
    ruled_out = parsed.exclude
    return (
        *(*parsed.category, *parsed.brand, *parsed.attribute, *parsed.item),
        *(*ruled_out.category, *ruled_out.brand, *ruled_out.attribute),
    )


def _with_single_fields(draft: ParsedQuery, filled: Filled) -> ParsedQuery:
    said: dict[str, str | None] = {name: None if v == UNSTATED else v for name, v in filled.one.items()}
    changed = {name for name, value in said.items() if value != getattr(draft, name)}
    by_model: dict[str, SlotSource] = dict.fromkeys(changed, "llm")
    return replace(
        draft,
        intent=cast(Intent, filled.one["intent"]),
        audience=said.get("audience", draft.audience),
        sort=cast("Sort | None", said.get("sort", draft.sort)),
        sources={**draft.sources, **by_model},
    )


def _without(rest: str, spans: set[str]) -> str:
    """What was not understood, less the spans that now are.

    A candidate may have been looked up by all of the rest, which then says more than its name: that stays.
    """
    for span in sorted(spans - {rest}, key=len, reverse=True):
        rest = rest.replace(span, " ", 1)
    return " ".join(rest.split())
