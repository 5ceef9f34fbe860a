"""What the parser asks of the levels above the grammar; each may be absent."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from shopgraph.types import FloatVector, Intent, ParsedQuery, Slot


class Tag(Protocol):
    """Characters start..end of the tidy text say one thing."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...

    @property
    def label(self) -> str: ...

    @property
    def confidence(self) -> float: ...

    @property
    def excluded(self) -> bool: ...


class Tags(Protocol):
    """What one encoder pass says of a query; `vector` is its unit vector for search."""

    @property
    def vector(self) -> FloatVector: ...

    @property
    def intent(self) -> Intent: ...

    @property
    def intent_probs(self) -> Mapping[Intent, float]: ...

    @property
    def spans(self) -> Sequence[Tag]: ...


class QueryTagger(Protocol):
    """L1: intent, spans and vector from one encoder pass."""

    def tag(self, texts: Sequence[str]) -> Sequence[Tags]:
        """What each tidy text says."""
        ...


class QueryRefiner(Protocol):
    """L3: chooses among candidates where the faster levels are unsure."""

    @property
    def sure_confidence(self) -> float:
        """A slot found with less is open: it makes the parser ask, and the answer may change it."""
        ...

    def refine(
        self, text: str, draft: ParsedQuery, candidates: Mapping[str, Sequence[Slot]]
    ) -> ParsedQuery | None:
        """The draft with its choices; None where it can't be asked."""
        ...
