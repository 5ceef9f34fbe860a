"""The one scorer: evaluation, serving and explanation all sum the same parts.

score(u, j | q) = α·graph + δ·item_item + β·features + γ·text + rules, each part standardised by a
constant of the artefact, so that a weight says how far its part spreads the items; the text part is
measured from the mean text, as the graph part is from the mean item. Rules are added by
whoever knows them; here their part is 0.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ranking.groups import GROUPS, count_past_items
from ranking.hybrid import Hybrid
from ranking.mix import Mix
from ranking.models import ITEM_ITEM
from ranking.words import SearchedTexts
from shopgraph.types import (
    PARTS,
    FloatMatrix,
    FloatVector,
    FusionWeights,
    Histories,
    IntVector,
    Share,
)

_GATHERING_COSTS = 4
"""Times that an item costs more when it is picked out than when all are scored in a row."""

QUERY_SHARE, LETTERS_SHARE = "query", "letters"
"""Names of the text part's shares: likeness in meaning, and in letters."""


class Scorer:
    """Scores items for histories; holds no state but the fitted hybrid and its weights."""

    def __init__(self, hybrid: Hybrid, weights: FusionWeights | None = None) -> None:
        """By default the weights that were learned with the hybrid, of each group its own."""
        self.hybrid, self._given = hybrid, weights
        self.weights = weights or hybrid.weights
        self._groups = hybrid.groups if weights is None and hybrid.group_weights else None
        self._mixes = [Mix.of(hybrid, self.weights)]
        if self._groups is not None:
            own = [hybrid.group_weights.get(name, hybrid.weights) for name in GROUPS]
            self._mixes = [Mix.of(hybrid, weights) for weights in own]
        self._nobody = None if weights is not None or hybrid.nobody is None else len(self._mixes)
        if hybrid.nobody is not None:
            self._mixes.append(Mix.of(hybrid, hybrid.nobody))

    def over(self, hybrid: Hybrid) -> "Scorer":
        """A scorer by the same weights of another hybrid; learned ones are that hybrid's own."""
        return Scorer(hybrid, self._given)

    def letters(self, words: str, history: Histories) -> FloatVector | None:
        """How far the letters of `words` are in each item's texts, weighted, shape (n_items,).

        None where the model has no index of them, or they weigh nothing. `history` is a batch of one.
        """
        index = self.hybrid.words
        factor = self._mixes[int(self._codes(history, searched=True)[0])].words
        if index is None or not factor or not words:
            return None
        weighted: FloatVector = index.scores(words) * factor
        return weighted

    def searched(self, words: str) -> SearchedTexts | None:
        """Which items' texts have the words; None as for `letters`."""
        index = self.hybrid.words
        return None if index is None else index.searched(words)

    def score(
        self,
        histories: Histories,
        query_vectors: FloatMatrix | None = None,
        letters: FloatMatrix | None = None,
    ) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items); `letters` as in `parts`."""
        parts = self.parts(histories, query_vectors, letters)
        total: FloatMatrix = np.sum([parts[part] for part in PARTS], axis=0)
        return total

    def parts(
        self,
        histories: Histories,
        query_vectors: FloatMatrix | None = None,
        letters: FloatMatrix | None = None,
    ) -> dict[str, FloatMatrix]:
        """The weighted parts by name (PARTS, in order), each shape (len(histories), n_items).

        Args:
            histories: a batch; five matrices of its size are held at once.
            query_vectors: one unit vector per history, shape (len(histories), dim_text).
            letters: what `letters` gives for each history's words, shape (len(histories), n_items).
        """
        parts = _empty(len(histories), self.hybrid.n_items)
        codes = self._codes(histories, query_vectors is not None or letters is not None)
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            mine = histories if len(rows) == len(histories) else histories.take(rows)
            for term in self._mixes[code].terms:
                parts[term.part][rows] += term.model.score(mine) * term.factor
            self._add_features(parts, mine, None, code, rows)
            if query_vectors is not None:
                parts["text"][rows] += self._meaning(query_vectors[rows], None, code)
        if letters is not None:
            parts["text"] += letters
        return parts

    def parts_of_items(
        self,
        history: Histories,
        item_idx: IntVector,
        query_vector: FloatVector | None = None,
        letters: FloatVector | None = None,
    ) -> dict[str, FloatVector]:
        """The weighted parts of some items for one history (batch of one), each shape (len(item_idx),)."""
        parts = _empty(1, len(item_idx))
        code = int(self._codes(history, query_vector is not None or letters is not None)[0])
        few = len(item_idx) * _GATHERING_COSTS < self.hybrid.n_items
        for term in self._mixes[code].terms:
            model = term.model
            scores = model.score_items(history, item_idx) if few else model.score(history)[0, item_idx]
            parts[term.part][0] += scores * term.factor
        self._add_features(parts, history, item_idx, code, slice(None))
        if query_vector is not None:
            parts["text"] += self._meaning(query_vector[None, :], item_idx, code)
        if letters is not None:
            parts["text"] += letters[item_idx]
        return {part: matrix[0] for part, matrix in parts.items()}

    def item_item(self, history: Histories) -> FloatVector | None:
        """The weighted item–item part of all items for one history; None where no such model counts."""
        terms = self._mixes[int(self._codes(history)[0])].terms_of(ITEM_ITEM)
        scores = [term.model.score(history)[0] * term.factor for term in terms]
        total: FloatVector | None = np.sum(scores, axis=0) if scores else None
        return total

    def shares(
        self, history: Histories, item_idx: int, query_vector: FloatVector | None = None
    ) -> list[Share]:
        """The weighted summands of one item's score, which they sum to within 1e-4."""
        return self.shares_of_items(history, np.array([item_idx], np.int32), query_vector)[0]

    def shares_of_items(
        self,
        history: Histories,
        item_idx: IntVector,
        query_vector: FloatVector | None = None,
        top: int | None = None,
        letters: FloatVector | None = None,
    ) -> list[list[Share]]:
        """The `shares` of several items, a list for each; much faster than one by one.

        With `top` only the so many largest of kind `path` and `item_item` are there, and all others.
        """
        code = int(self._codes(history, query_vector is not None or letters is not None)[0])
        mix = self._mixes[code]
        shares = mix.model_shares(history, item_idx, top)
        for name, values in self.hybrid.features.values(history, item_idx, mix.features):
            for row, value in enumerate(values[0] * np.float32(mix.features[name])):
                shares[row].append(Share("feature", float(value), name=name))
        if query_vector is not None:
            for row, value in enumerate(self._meaning(query_vector[None, :], item_idx, code)[0]):
                shares[row].append(Share("text", float(value), name=QUERY_SHARE))
        if letters is not None:
            for row, value in enumerate(letters[item_idx].tolist()):
                shares[row].append(Share("text", value, name=LETTERS_SHARE))
        return shares

    def _codes(self, histories: Histories, searched: bool = False) -> NDArray[np.intp]:
        """Which mix each history is scored by; a search by nobody has its own."""
        codes = np.zeros(len(histories), np.intp)
        if self._groups is not None:
            codes = self._groups.codes(count_past_items(histories))
        if searched and self._nobody is not None:
            codes[np.diff(histories.indptr) == 0] = self._nobody
        return codes

    def _add_features(
        self,
        parts: dict[str, FloatMatrix],
        histories: Histories,
        item_idx: IntVector | None,
        code: int,
        rows: NDArray[np.intp] | slice,
    ) -> None:
        weights = self._mixes[code].features
        for name, values in self.hybrid.features.values(histories, item_idx, weights):
            parts["features"][rows] += values * np.float32(weights[name])

    def _meaning(self, query_vectors: FloatMatrix, item_idx: IntVector | None, code: int) -> FloatMatrix:
        """The weighted likeness in meaning, shape (len(query_vectors), n_items or len(item_idx))."""
        likeness: FloatMatrix = self.hybrid.features.likeness(query_vectors, item_idx)
        likeness *= self._mixes[code].text
        return likeness


def _empty(n_rows: int, n_columns: int) -> dict[str, FloatMatrix]:
    return {part: np.zeros((n_rows, n_columns), np.float32) for part in PARTS}


def part_of(share: Share) -> str:
    """The part of the score that a share belongs to."""
    return _PART_OF_KIND[share.kind]


def sum_by_part(shares: Sequence[Share]) -> Mapping[str, float]:
    """Sum of the shares' values by part, every part present."""
    totals = dict.fromkeys(PARTS, 0.0)
    for share in shares:
        totals[part_of(share)] += share.value
    return totals


_PART_OF_KIND: Mapping[str, str] = {
    "path": "graph",
    "latent": "graph",
    "item_item": "item_item",
    "feature": "features",
    "text": "text",
    "rule": "rules",
}
