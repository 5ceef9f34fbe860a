"""The scores of one answer: the scorer's parts, what is popular for who is unknown, the part of the rules."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ranking.features import POPULARITY
from ranking.ordering import Ranked
from ranking.rules.banned import BannedScorers
from ranking.rules.ruling import NO_RULES, Ruling
from ranking.scorer import Scorer
from ranking.shopper import Shopper
from shopgraph.types import PARTS, IntVector, Share

_FEATURES, _RULES = PARTS.index("features"), PARTS.index("rules")
_SAME = 1e-6


class Scoring:
    """Scores items for shoppers as the rules that hold for them say."""

    def __init__(self, scorer: Scorer, banned: BannedScorers) -> None:
        """`banned` makes the scorers that rules with bans need."""
        self.scorer = scorer
        self._banned = banned
        popularity = scorer.hybrid.features.columns[POPULARITY]
        self.popularity = (popularity - popularity.min(initial=0)).astype(np.float64)

    def scorer_for(self, ruling: Ruling) -> Scorer:
        """The scorer without what a ruling bans."""
        return self._banned.of(self.scorer, ruling.bans) if ruling.bans else self.scorer

    def parts(self, shopper: Shopper, item_idx: IntVector) -> NDArray[np.float64]:
        """Weighted parts, shape (len(item_idx), len(PARTS))."""
        parts = self._parts(shopper, item_idx, self.scorer_for(shopper.ruling))
        if shopper.ruling.factors:
            parts[:, _RULES] = shopper.ruling.adjustment(item_idx, parts.sum(axis=1))
        return parts

    def shares(
        self,
        shopper: Shopper,
        item_idx: IntVector,
        most: int | None,
        scores: NDArray[np.float64] | None = None,
    ) -> list[list[Share]]:
        """The summands of some items' scores, a list for each; `most` as the scorer's `top`.

        `scores`, where they are known: the sum of all parts but that of the rules.
        """
        if shopper.is_popular_list:
            popular = self.popularity[item_idx].tolist()
            shares = [[Share("feature", value, name=POPULARITY)] for value in popular]
        else:
            said = shopper.vector, most, shopper.letters
            shares = self.scorer_for(shopper.ruling).shares_of_items(shopper.history, item_idx, *said)
        if shopper.ruling.factors:
            if scores is None:
                scores = self._parts(shopper, item_idx, self.scorer_for(shopper.ruling)).sum(axis=1)
            for own, idx, score in zip(shares, item_idx.tolist(), scores.tolist(), strict=True):
                own += shopper.ruling.shares(idx, score)
        return shares

    def rules_of(
        self, shopper: Shopper, page: Ranked, placed: Mapping[int, list[str]]
    ) -> Mapping[int, tuple[str, ...]]:
        """By item the ids of the rules that touch it: its score or, as `placed` says, its place."""
        ruling = shopper.ruling
        if ruling is NO_RULES:
            return {}
        scores = unruled(page)
        changed = np.zeros(len(scores), np.bool_)
        if ruling.bans:
            before = self._parts(shopper, page.item_idx, self.scorer).sum(axis=1)
            changed = np.abs(before - scores) > _SAME
        found = {}
        for item_idx, score, is_changed in zip(page.item_idx.tolist(), scores, changed, strict=True):
            banning = [rule.rule_id for rule in ruling.banning] if is_changed else []
            ids = [*banning, *ruling.weighing(item_idx, score), *placed.get(item_idx, [])]
            found[item_idx] = tuple(dict.fromkeys(ids))
        return found

    def _parts(self, shopper: Shopper, item_idx: IntVector, scorer: Scorer) -> NDArray[np.float64]:
        """The parts without that of the rules."""
        if shopper.is_popular_list:
            parts = np.zeros((len(item_idx), len(PARTS)))
            parts[:, _FEATURES] = self.popularity[item_idx]
            return parts
        found = scorer.parts_of_items(shopper.history, item_idx, shopper.vector, shopper.letters)
        return np.stack([found[part] for part in PARTS], axis=1).astype(np.float64)


def unruled(page: Ranked) -> NDArray[np.float64]:
    """The items' scores without the part of the rules."""
    scores: NDArray[np.float64] = page.parts.sum(axis=1) - page.parts[:, _RULES]
    return scores
