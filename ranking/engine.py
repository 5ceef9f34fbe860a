"""One question, one answer: who may be shown, in which order, and why.

Everything here is read-only but the profiles, so one engine serves all threads; a new model is a new
engine. The request path needs no torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from time import perf_counter

import numpy as np

from ranking.ask import Ask, Explanation, digest, shortfall_reason
from ranking.candidates import Candidates
from ranking.catalogue import Catalogue
from ranking.conditions import Tiers, excluding
from ranking.diversity.config import DiversityConfig
from ranking.diversity.reranker import Reranker
from ranking.explain import Context, Explainer, has_path
from ranking.hybrid import Hybrid
from ranking.listing import Listed, Listing
from ranking.ordering import Ranked, place_of
from ranking.profiles import Profiles
from ranking.rules.banned import BannedScorers
from ranking.rules.house import House, RuleSource, groups_of
from ranking.rules.ruling import NO_RULES
from ranking.scorer import Scorer
from ranking.scoring import Scoring, unruled
from ranking.searching import NOBODY, Search, WordReasons, model_item, named_items, search_of, searched_words
from ranking.shopper import Shopper, shopper_of
from ranking.tokens import Cursor, Signer
from shopgraph.errors import BadRecord
from shopgraph.types import (
    PARTS,
    IntVector,
    RankedItem,
    Recommendation,
    Share,
)

__all__ = ["Ask", "Engine", "Explanation"]


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
        diversity: DiversityConfig | None = None,
    ) -> None:
        """`diversity` is what lists are put in order by where they do not say."""
        self.catalogue, self.profiles, self.signer = catalogue, profiles, signer
        self.model_version = model_version
        self._scoring, self._candidates = Scoring(scorer, BannedScorers(catalogue)), candidates
        self.explainer = Explainer(catalogue, profiles.event_types)
        self._reranker = Reranker.of(scorer.hybrid, catalogue, diversity or DiversityConfig())
        self._house: House | None = None

    def answer(self, ask: Ask) -> Recommendation:
        """The list: exactly n items, or `shortfall_reason` says why not.

        Raises:
            NotFound: `similar_to` is not in the catalogue.
            BadRecord: the cursor is not one of ours, or not of this ask.
            ValueError: n < 1, reasons < 0, or diversity or novelty not in [0, 1].
        """
        started = perf_counter()
        if ask.n < 1 or ask.reasons < 0:
            raise ValueError(f"n must be at least 1 and reasons at least 0, got {ask.n} and {ask.reasons}")
        if ask.parsed is not None and ask.similar_to is None:
            ask = replace(ask, similar_to=model_item(ask.parsed, self.catalogue))
        here = self._place(ask)
        shopper = self._shopper(ask, here.now, here.n_live)
        search = self._search(ask, shopper)
        end = here.offset + ask.n
        listed = self._listed(ask, shopper, search, end)
        page = listed.page(here.offset, end)
        words = WordReasons(self.catalogue, ask.parsed, search, ask.language) if ask.parsed else None
        items = self._items(ask, shopper, page, here.offset + 1, ask.reasons, words, listed.touched)
        is_full = len(items) == ask.n
        further = Cursor(end, here.now, here.n_live, here.ask, here.model_version)
        return Recommendation(
            recommendation_id=self.signer.recommendation_id(self.model_version, here.now),
            user_id=ask.user_id,
            model_version=self.model_version,
            took_ms=round((perf_counter() - started) * 1_000, 3),
            now=here.now,
            items=items,
            fallback_reason=shopper.fallback_reason,
            shortfall_reason=None if is_full else self._shortfall(ask, shopper, search, listed),
            next_cursor=self.signer.cursor(further) if is_full and search.n_eligible > end else None,
            parsed=ask.parsed,
            relaxed=() if words is None else words.relaxed(),
            reranked=listed.reranked,
        )

    def explain(self, ask: Ask, item_id: str, reasons: int | None = None) -> Explanation:
        """The shares of one item's score, and its rank in the whole list, in which every item is scored.

        An item that the list leaves out, as one that was bought, is ranked as if it did not. A pinned one
        has its pin's place; caps are not looked at.

        Args:
            ask: whose list, and the words searched for, if any.
            item_id: what is explained.
            reasons: how many; None: every share, 0: only score and rank.

        Raises:
            NotFound: the item is not in the catalogue.
        """
        item_idx = self.catalogue.item_idx(item_id)
        shopper = self._shopper(ask, ask.now, None)
        search = self._search(ask, shopper)
        n_ranked = search.n_eligible
        if not search.tiers.masks[-1][item_idx]:
            search.tiers.masks[0][item_idx], n_ranked = True, n_ranked + 1
        pools = self._pools(ask, shopper, search, all_scored=True)
        rank, one = place_of(item_idx, pools, lambda pool: self._scoring.parts(shopper, pool), search.sorting)
        touched = shopper.ruling.removing(item_idx)
        for place, pin in shopper.ruling.places(search.tiers.masks[0]).items():
            if pin.item_idx == item_idx and search.sorting is None and not touched:
                rank, touched = place + 1, [pin.rule.rule_id]
        words = WordReasons(self.catalogue, ask.parsed, search, ask.language) if ask.parsed else None
        (item,) = self._items(ask, shopper, one, rank, reasons, words, {item_idx: touched})
        return Explanation(ask.user_id, self.model_version, ask.now, shopper.fallback_reason, n_ranked, item)

    def shares(self, ask: Ask, item_ids: Sequence[str]) -> tuple[Context, list[list[Share]]]:
        """Every summand of the scores of some items, a list for each, and whose they are.

        Raises:
            NotFound: an item is not in the catalogue.
        """
        rows = np.array([self.catalogue.item_idx(item_id) for item_id in item_ids], np.int32)
        shopper = self._shopper(ask, ask.now, None)
        return _context(ask, shopper), self._scoring.shares(shopper, rows, None)

    @property
    def hybrid(self) -> Hybrid:
        """What scores."""
        return self._scoring.scorer.hybrid

    @property
    def scoring(self) -> Scoring:
        """How it scores."""
        return self._scoring

    def given(self, hybrid: Hybrid) -> "Engine":
        """The same engine with another hybrid; its lists are still made of the same candidates."""
        other = copy(self)
        other._scoring = Scoring(self._scoring.scorer.over(hybrid), BannedScorers(self.catalogue))
        return other

    def ruled_by(self, source: RuleSource) -> "Engine":
        """The same engine that follows the shop's rules."""
        known = self._house
        groups = known.groups if known else groups_of(self.hybrid, self.profiles.trained)
        other = copy(self)
        other._house = House(source, self.catalogue, groups)
        return other

    @property
    def house(self) -> House | None:
        """Which rules hold, None where it follows none."""
        return self._house

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

    def _shopper(self, ask: Ask, now: datetime, n_live: int | None) -> Shopper:
        shopper = shopper_of(ask, self.profiles, self.catalogue, self._scoring.scorer, now, n_live)
        if self._house is None:
            return shopper
        return replace(shopper, ruling=self._house.ruling(ask, shopper.past, now))

    def _search(self, ask: Ask, shopper: Shopper) -> Search:
        """Who may be shown, by the filters and by the words."""
        kept = self.catalogue.mask(ask.filters)
        if ask.parsed is not None:
            kept &= self.catalogue.mask(excluding(ask.parsed))
        named = NOBODY if ask.parsed is None else named_items(ask.parsed, self.catalogue)
        is_named = kept[named]
        if not ask.filters.include_bought:
            kept[shopper.bought] = False
        kept[named] = is_named  # who names what they have wants to see it
        if ask.similar_to is not None:
            kept[shopper.history.item_idx] = False
        if ask.candidate_ids is not None:
            allowed = np.zeros_like(kept)
            allowed[self.catalogue.known_items(ask.candidate_ids)] = True
            kept &= allowed
        if shopper.ruling.out is not None:
            kept &= ~shopper.ruling.out
        if ask.parsed is None:
            return Search(Tiers((kept,), ()))
        texts = self._scoring.scorer.searched(searched_words(ask.parsed))
        return search_of(ask.parsed, self.catalogue, kept, ask.n, self._scoring.popularity, named, texts)

    def _listed(self, ask: Ask, shopper: Shopper, search: Search, n: int) -> Listed:
        """The first n places (or all): the best of those named, then tier by tier, as rules arrange them."""
        arrangement = self._reranker.arrangement(ask)
        listing = Listing(shopper.ruling, search.sorting, search.tiers.masks[0], n, arrangement)
        for pool in self._pools(ask, shopper, search, also=listing.also):
            if listing.add(pool, self._scoring.parts(shopper, pool)):
                break
        return listing.listed()

    def _shortfall(self, ask: Ask, shopper: Shopper, search: Search, listed: Listed) -> str:
        """Why the list is too short; counted over all pages."""
        without = self._search(ask, replace(shopper, ruling=NO_RULES)).n_eligible
        if listed.short or without > search.n_eligible:
            return f"only_{len(listed.ranked.item_idx)}_items_left_by_rules"
        return shortfall_reason(ask, search.n_eligible, search.filters)

    def _pools(
        self,
        ask: Ask,
        shopper: Shopper,
        search: Search,
        *,
        all_scored: bool = False,
        also: IntVector = NOBODY,
    ) -> Iterator[IntVector]:
        """Whom to score, those first who come first: of each tier the candidates, then the others.

        With `all_scored` a tier is not parted: every item of it is a candidate. What rules boost is one
        whatever else speaks for it, and so are the items of `also`.
        """
        done = np.zeros(len(self.catalogue), np.bool_)
        if len(search.named):
            done[search.named] = True
            yield search.named
        all_scored |= ask.candidate_ids is not None or shopper.is_popular_list or search.sorting is not None
        for mask in search.tiers.masks:
            left = mask & ~done
            if not all_scored:
                candidates = self._candidates.gather(shopper.history, left, shopper.vector, shopper.letters)
                if len(wanted := np.concatenate([also, shopper.ruling.boosted])):
                    candidates = np.union1d(candidates, wanted[left[wanted]]).astype(np.int32)
                yield candidates
                left[candidates] = False
            yield np.flatnonzero(left).astype(np.int32)
            done |= mask

    def _items(
        self,
        ask: Ask,
        shopper: Shopper,
        page: Ranked,
        first_rank: int,
        n_reasons: int | None,
        words: WordReasons | None,
        touched: Mapping[int, list[str]],
    ) -> tuple[RankedItem, ...]:
        context = _context(ask, shopper)
        shares = None
        if n_reasons != 0:
            shares = self._scoring.shares(shopper, page.item_idx, n_reasons, unruled(page))
        rules = self._scoring.rules_of(shopper, page, touched)
        items = []
        for row, (item_idx, parts) in enumerate(zip(page.item_idx, page.parts, strict=True)):
            item_id = self.catalogue.item_id(int(item_idx))
            own = [] if shares is None else shares[row]
            stated = None if words is None or shares is None else words.of(int(item_idx))
            score_parts: Mapping[str, float] = dict(zip(PARTS, parts.tolist(), strict=True))
            items.append(
                RankedItem(
                    item_id=item_id,
                    title=self.catalogue.title(item_id, ask.language),
                    rank=first_rank + row,
                    score=sum(score_parts.values()),
                    score_parts=score_parts,
                    reasons=self.explainer.reasons(own, context, n_reasons, stated),
                    no_path=shares is not None and not has_path(own),
                    rules_applied=rules.get(int(item_idx), ()),
                )
            )
        return tuple(items)


def _context(ask: Ask, shopper: Shopper) -> Context:
    query = "" if ask.parsed is None else searched_words(ask.parsed)
    return Context(shopper.history, ask.language, query, is_past=ask.similar_to is None)
