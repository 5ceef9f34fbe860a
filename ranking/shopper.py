"""Whom an answer is for: their past as it scores, and what was said."""

from dataclasses import dataclass
from datetime import datetime

from ranking.ask import Ask
from ranking.catalogue import Catalogue
from ranking.profiles import Profiles
from ranking.rules.ruling import NO_RULES, Ruling
from ranking.scorer import Scorer
from ranking.searching import searched_words
from shopgraph.types import FloatVector, Histories, IntVector


@dataclass(frozen=True, eq=False)
class Shopper:
    """Whom an answer is for: `history` scores (it may be made up), `bought` is left out.

    `past` is their own, `vector` and `letters` are what was said, as the scorer takes it, `ruling` what the
    shop's rules do.
    """

    history: Histories
    past: Histories
    bought: IntVector
    fallback_reason: str | None
    is_popular_list: bool
    vector: FloatVector | None = None
    letters: FloatVector | None = None
    ruling: Ruling = NO_RULES


def shopper_of(
    ask: Ask,
    profiles: Profiles,
    catalogue: Catalogue,
    scorer: Scorer,
    now: datetime,
    n_live: int | None,
) -> Shopper:
    """Who asks; `n_live` as in `Profiles.history`."""
    own = ask.past
    if own is None and ask.user_id is not None:
        own = profiles.history(ask.user_id, now, n_live)
    history = past = profiles.nobody(now) if own is None else own
    bought = profiles.bought(history)
    if ask.similar_to is not None:
        history = profiles.anchor(catalogue.item_idx(ask.similar_to), now)
    letters = None if ask.parsed is None else scorer.letters(searched_words(ask.parsed), history)
    said = (ask.query_vector, letters)
    if ask.similar_to is not None:
        return Shopper(history, past, bought, None, False, *said)
    searched = ask.query_vector is not None or letters is not None
    reason = None
    if own is None and not (searched and ask.user_id is None):
        reason = "unknown_user"
    elif not len(history.item_idx) and ask.user_id is not None:
        reason = "no_history"
    return Shopper(history, past, bought, reason, not len(history.item_idx) and not searched, *said)
