"""One question, one answer: who may be shown, in which order, and why.

Everything here is read-only but the profiles, so one engine serves all threads; a new model is a new
engine. The request path needs no torch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ranking.ask import Ask, Explanation, digest, shortfall_reason
from ranking.candidates import Candidates
from ranking.catalogue import Catalogue
from ranking.explain import Context, Explainer, has_path
from ranking.features import POPULARITY
from ranking.phrases import Language
from ranking.profiles import Profiles
from ranking.scorer import Scorer
from ranking.tokens import Cursor, Signer
from shopgraph.errors import BadRecord
from shopgraph.types import (
    PARTS,
    BoolVector,
    FloatVector,
    Histories,
    IntVector,
    ParsedQuery,
    RankedItem,
    Recommendation,
    Share,
)

__all__ = ["Ask", "Engine", "Explanation"]

_FEATURES = PARTS.index("features")


@dataclass(frozen=True, eq=False)
class _Shopper:
    """Whom an answer is for: `history` scores (it may be made up), `bought` is left out."""

    history: Histories
    bought: IntVector
    fallback_reason: str | None
    is_popular_list: bool


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Items in order with their weighted parts, shape (n, len(PARTS))."""

    item_idx: IntVector
    parts: NDArray[np.float64]


class Engine:
    """Answers from one trained hybrid."""

    def __init__(
        self,
        scorer: Scorer,
        catalogue: Catalogue,
        candidates: Candidates,
        profiles: Profiles,
        signer: Signer,
        model_version: str,
    ) -> None:
        self.catalogue, self.profiles, self.signer = catalogue, profiles, signer
        self.model_version = model_version
        self._scorer, self._candidates = scorer, candidates
        self._explainer = Explainer(catalogue, profiles.event_types)
        popularity = scorer.hybrid.features.columns[POPULARITY]
        self._popularity = (popularity - popularity.min(initial=0)).astype(np.float64)

    def answer(self, ask: Ask) -> Recommendation:
        """The list: exactly n items, or `shortfall_reason` says why not.

        Raises:
            NotFound: `similar_to` is not in the catalogue.
            BadRecord: the cursor is not one of ours, or not of this ask.
            ValueError: n < 1 or reasons < 0.
        """
        started = perf_counter()
        if ask.n < 1 or ask.reasons < 0:
            raise ValueError(f"n must be at least 1 and reasons at least 0, got {ask.n} and {ask.reasons}")
        here = self._place(ask)
        shopper = self._shopper(ask, here.now, here.n_live)
        eligible = self._eligible(ask, shopper)
        end = here.offset + ask.n
        ranked = self._ranked(ask, shopper, eligible, end)
        page = _Ranked(ranked.item_idx[here.offset : end], ranked.parts[here.offset : end])
        items = self._items(ask, shopper, page, here.offset + 1, ask.reasons)
        n_eligible = int(np.count_nonzero(eligible))
        further = Cursor(end, here.now, here.n_live, here.ask, here.model_version)
        return Recommendation(
            recommendation_id=self.signer.recommendation_id(self.model_version, here.now),
            user_id=ask.user_id,
            model_version=self.model_version,
            took_ms=round((perf_counter() - started) * 1_000, 3),
            now=here.now,
            items=items,
            fallback_reason=shopper.fallback_reason,
            shortfall_reason=None if len(items) == ask.n else shortfall_reason(ask, n_eligible),
            next_cursor=self.signer.cursor(further) if n_eligible > end else None,
            parsed=ask.parsed,
        )

    def explain(
        self,
        user_id: str | None,
        item_id: str,
        *,
        now: datetime,
        language: Language = "en",
        parsed: ParsedQuery | None = None,
        query_vector: FloatVector | None = None,
    ) -> Explanation:
        """Every share of one item's score, and its rank among all items that may be shown.

        Raises:
            NotFound: the item is not in the catalogue.
        """
        item_idx = self.catalogue.item_idx(item_id)
        ask = Ask(now=now, user_id=user_id, language=language, parsed=parsed, query_vector=query_vector)
        shopper = self._shopper(ask, now, None)
        eligible = self._eligible(ask, shopper)
        eligible[item_idx] = True  # one that was bought has its place too
        everything = np.flatnonzero(eligible).astype(np.int32)
        parts = self._parts(shopper, everything, query_vector)
        scores = parts.sum(axis=1)
        row = int(np.searchsorted(everything, item_idx))
        better = scores > scores[row]
        rank = 1 + int(np.count_nonzero(better) + np.count_nonzero(scores[:row] == scores[row]))
        one = _Ranked(everything[[row]], parts[[row]])
        (item,) = self._items(ask, shopper, one, rank, None)
        return Explanation(user_id, self.model_version, now, shopper.fallback_reason, len(everything), item)

    def _place(self, ask: Ask) -> Cursor:
        """Where the page starts; a later page sees the shopper as the first one did."""
        asked = digest(ask)
        if ask.cursor is None:
            n_live = 0 if ask.user_id is None else self.profiles.n_live(ask.user_id)
            return Cursor(0, ask.now, n_live, asked, self.model_version)
        cursor = self.signer.read_cursor(ask.cursor)
        if (cursor.ask, cursor.model_version) != (asked, self.model_version):
            raise BadRecord("cursor", "belongs to another question or an earlier model; ask again without it")
        return cursor

    def _shopper(self, ask: Ask, now: datetime, n_live: int | None) -> _Shopper:
        own = None if ask.user_id is None else self.profiles.history(ask.user_id, now, n_live)
        history = self.profiles.nobody(now) if own is None else own
        bought = self.profiles.bought(history)
        if ask.similar_to is not None:
            anchor = self.profiles.anchor(self.catalogue.item_idx(ask.similar_to), now)
            return _Shopper(anchor, bought, None, is_popular_list=False)
        searched = ask.query_vector is not None
        reason = None
        if own is None and not (searched and ask.user_id is None):
            reason = "unknown_user"
        elif not len(history.item_idx) and ask.user_id is not None:
            reason = "no_history"
        return _Shopper(history, bought, reason, not len(history.item_idx) and not searched)

    def _eligible(self, ask: Ask, shopper: _Shopper) -> BoolVector:
        kept = self.catalogue.mask(ask.filters)
        if ask.parsed is not None:
            kept &= self.catalogue.mask(self.catalogue.slot_filters(ask.parsed))
        if not ask.filters.include_bought:
            kept[shopper.bought] = False
        if ask.similar_to is not None:
            kept[shopper.history.item_idx] = False
        if ask.candidate_ids is not None:
            named = np.zeros_like(kept)
            named[self.catalogue.known_items(ask.candidate_ids)] = True
            kept &= named
        return kept

    def _ranked(self, ask: Ask, shopper: _Shopper, eligible: BoolVector, n: int) -> _Ranked:
        """The best n eligible items (or all): the candidates in order, then the others if needed."""
        ranked = _Ranked(np.zeros(0, np.int32), np.zeros((0, len(PARTS))))
        for pool in self._pools(ask, shopper, eligible):
            parts = self._parts(shopper, pool, ask.query_vector)
            order = _top(parts.sum(axis=1), n - len(ranked.item_idx))
            ranked = _Ranked(
                np.concatenate([ranked.item_idx, pool[order]]), np.concatenate([ranked.parts, parts[order]])
            )
            if len(ranked.item_idx) >= n:
                break
        return ranked

    def _pools(self, ask: Ask, shopper: _Shopper, eligible: BoolVector) -> Iterator[IntVector]:
        if ask.candidate_ids is not None or shopper.is_popular_list:
            yield np.flatnonzero(eligible).astype(np.int32)
            return
        candidates = self._candidates.gather(shopper.history, eligible, ask.query_vector)
        yield candidates
        others = eligible.copy()
        others[candidates] = False
        yield np.flatnonzero(others).astype(np.int32)

    def _parts(
        self, shopper: _Shopper, item_idx: IntVector, query_vector: FloatVector | None
    ) -> NDArray[np.float64]:
        """Weighted parts, shape (len(item_idx), len(PARTS))."""
        if shopper.is_popular_list:
            parts = np.zeros((len(item_idx), len(PARTS)))
            parts[:, _FEATURES] = self._popularity[item_idx]
            return parts
        found = self._scorer.parts_of_items(shopper.history, item_idx, query_vector)
        return np.stack([found[part] for part in PARTS], axis=1).astype(np.float64)

    def _items(
        self, ask: Ask, shopper: _Shopper, page: _Ranked, first_rank: int, n_reasons: int | None
    ) -> tuple[RankedItem, ...]:
        query = "" if ask.parsed is None else ask.parsed.text
        context = Context(shopper.history, ask.language, query, is_past=ask.similar_to is None)
        shares = None
        if n_reasons != 0:
            shares = self._shares(shopper, page.item_idx, ask.query_vector, n_reasons)
        items = []
        for row, (item_idx, parts) in enumerate(zip(page.item_idx, page.parts, strict=True)):
            item_id = self.catalogue.item_id(int(item_idx))
            own = [] if shares is None else shares[row]
            score_parts: Mapping[str, float] = dict(zip(PARTS, parts.tolist(), strict=True))
            items.append(
                RankedItem(
                    item_id=item_id,
                    title=self.catalogue.title(item_id, ask.language),
                    rank=first_rank + row,
                    score=sum(score_parts.values()),
                    score_parts=score_parts,
                    reasons=self._explainer.reasons(own, context, n_reasons),
                    no_path=shares is not None and not has_path(own),
                )
            )
        return tuple(items)

    def _shares(
        self, shopper: _Shopper, item_idx: IntVector, query_vector: FloatVector | None, top: int | None
    ) -> list[list[Share]]:
        if shopper.is_popular_list:
            popular = self._popularity[item_idx].tolist()
            return [[Share("feature", value, name=POPULARITY)] for value in popular]
        return self._scorer.shares_of_items(shopper.history, item_idx, query_vector, top)


def _top(scores: FloatVector | NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Places of the n largest scores, best first; of equal ones the earlier first, whatever n is."""
    if 0 < n < len(scores):
        threshold = np.partition(scores, len(scores) - n)[len(scores) - n]
        places = np.flatnonzero(scores >= threshold)
    else:
        places = np.arange(len(scores))
    return places[np.argsort(-scores[places], kind="stable")][:n]
