"""What may be asked of the engine, and what an explanation holds."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from ranking.phrases import Language
from shopgraph.types import Filters, FloatVector, Histories, ParsedQuery, RankedItem

MOST_ITEMS = 200
"""Items that one answer may hold; the rest is on further pages."""

_ANYTHING = Filters()


@dataclass(frozen=True, kw_only=True, eq=False)
class Ask:
    """What is asked for. Nothing but `now` is needed: that is the shop's popular list.

    Attributes:
        now: recency is measured from here (aware, UTC).
        user_id: the shopper, if known.
        n: how many items, >= 1.
        filters: what may be shown.
        reasons: how many reasons an item at most; 0 leaves them out, and `no_path` unanswered (false).
        language: of sentences and names.
        parsed: a search; its linked slots, its prices and what it rules out filter.
        query_vector: unit vector of the search's words.
        candidate_ids: rank these alone; ids that the model does not know are left out.
        past: score by this past, a batch of one, instead of the shopper's own: to ask "what if".
        similar_to: rank by closeness to this item instead of by the shopper's past.
        diversity: in [0, 1], how far unlikeness counts beside the score; None: as in the settings. An order
            that the words ask for, and the caller's own candidates, are left as they are.
        novelty: the same of what few have bought.
        cursor: `next_cursor` of the page before, for the same ask.
    """

    now: datetime
    user_id: str | None = None
    n: int = 10
    filters: Filters = _ANYTHING
    reasons: int = 3
    language: Language = "en"
    parsed: ParsedQuery | None = None
    query_vector: FloatVector | None = None
    candidate_ids: tuple[str, ...] | None = None
    past: Histories | None = None
    similar_to: str | None = None
    diversity: float | None = None
    novelty: float | None = None
    cursor: str | None = None


@dataclass(frozen=True)
class Explanation:
    """One item's whole score: all shares are reasons of `item`, its rank is among `n_ranked` items."""

    user_id: str | None
    model_version: str
    now: datetime
    fallback_reason: str | None
    n_ranked: int
    item: RankedItem


def shortfall_reason(ask: Ask, n_eligible: int, asks_for_something: bool) -> str:
    """Why there are fewer items than asked for, counted over all pages.

    `asks_for_something`: the words still filter, after what was let go.
    """
    if ask.candidate_ids is not None:
        return f"only_{n_eligible}_candidates_can_be_shown"
    if asks_for_something:
        return f"only_{n_eligible}_items_match_query"
    if ask.filters != Filters(include_bought=ask.filters.include_bought):
        return f"only_{n_eligible}_items_match_filters"
    return f"only_{n_eligible}_items_left"


def digest(ask: Ask) -> str:
    """What must be the same on every page of a list."""
    parsed = None if ask.parsed is None else repr(replace(ask.parsed, took_ms=0.0, sources={}))
    filters = [
        sorted(value) if isinstance(value, frozenset) else value for value in vars(ask.filters).values()
    ]
    fields = (ask.user_id, filters, parsed, ask.candidate_ids, ask.similar_to, ask.diversity, ask.novelty)
    return hashlib.blake2b(repr(fields).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
