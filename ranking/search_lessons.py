"""Learning what a search's words weigh: from what was chosen after searches, else from known items.

Where a shop has no searches yet, they are made: somebody who wants what was held out of the training types
two to four words of its title, every second time with a wrong letter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nlu.tagger.noise import misspell
from ranking.features import POPULARITY
from ranking.hybrid import TEXT, WORDS, Hybrid
from ranking.query_weight import QUERY_LABEL, SearchPairs, learn_query_weights, search_pairs
from shopgraph.types import FloatMatrix, FusionWeights, GraphSnapshot, Heldout, Histories, IntVector

_WORDS_OF_A_TITLE = (2, 5)
_LEAST_POPULARITY = 1e-3
"""Of all weights' sum: enough to order what the words leave equal."""

Likeness = Callable[[IntVector], tuple[FloatMatrix, ...]]


@dataclass(frozen=True, eq=False)
class Searches:
    """Who searched for what and wanted which item; all of one length."""

    user_idx: IntVector
    words: Sequence[str]
    item_idx: IntVector

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class QueryWeights:
    """What the words weigh beside a shopper's taste, and all weights of a search by nobody."""

    meaning: float
    letters: float
    nobody: FusionWeights | None = None

    def of(self, weights: FusionWeights) -> FusionWeights:
        """The same weights with those of the words."""
        return replace(weights, text=self.meaning, words=self.letters)


def past_searches(snapshot: GraphSnapshot, since_s: float, most: int, rng: np.random.Generator) -> Searches:
    """Searches from `since_s` on (unix seconds) that ended in a selection."""
    pairs = search_pairs(snapshot, since_s).sample(most, rng)
    words = [snapshot.nodes[QUERY_LABEL].names[query] for query in pairs.query_idx]
    return Searches(pairs.user_idx, words, pairs.item_idx)


def known_items(snapshot: GraphSnapshot, heldout: Heldout, most: int, rng: np.random.Generator) -> Searches:
    """For some users one held-out item each, and two to four words of its title, every second misspelt."""
    rows = rng.permutation(len(heldout))[:most]
    picked = heldout.indptr[rows] + (rng.random(len(rows)) * np.diff(heldout.indptr)[rows]).astype(np.int64)
    items = heldout.item_idx[picked]
    words = [_recalled(snapshot.items.title[item], rng) for item in items]
    return Searches(heldout.user_idx[rows], words, items)


def learn_from_searches(
    draft: Hybrid, weights: FusionWeights, histories: Histories, searches: Searches, vectors: FloatMatrix
) -> QueryWeights | None:
    """The most likely weights of likeness in meaning and in letters; None of too few searches.

    Who has a past weighs them beside their taste as `weights` has it. For nobody the columns that are the
    same for everybody are weighed anew, as nothing else speaks beside the words.

    Args:
        draft: fitted without what was chosen after the searches.
        weights: of the personal parts.
        histories: of all users, as the draft knows them.
        searches: to learn from.
        vectors: of their words, unit length, shape (len(searches), dim_text).
    """
    index = draft.words
    if index is None or draft.features.text is None:
        return None
    none = np.zeros(len(searches), np.int32)
    pairs = SearchPairs(searches.user_idx, none, searches.item_idx)

    def likeness(rows: IntVector) -> tuple[FloatMatrix, ...]:
        letters = index.score_many([searches.words[row] for row in rows])
        meaning = draft.features.likeness(vectors[rows])
        return meaning / np.float32(draft.scales[TEXT]), letters / np.float32(draft.scales[WORDS])

    found = learn_query_weights(lambda users: draft.weighted(histories.take(users), weights), pairs, likeness)
    if found is None:
        return None
    meaning, letters = found
    shared = [name for name in draft.features.columns if name in weights.features]
    return QueryWeights(meaning, letters, _of_nobody(draft, shared, pairs, likeness))


def _of_nobody(
    draft: Hybrid, names: Sequence[str], pairs: SearchPairs, likeness: Likeness
) -> FusionWeights | None:
    """Weights of the features that are the same for everybody, and of the words."""
    features = draft.features
    columns = [features.columns[name] / np.float32(features.scales[name]) for name in names]

    def summands(rows: IntVector) -> tuple[FloatMatrix, ...]:
        return (*(np.tile(column, (len(rows), 1)) for column in columns), *likeness(rows))

    def nothing(users: IntVector) -> FloatMatrix:
        return np.zeros((len(users), draft.n_items), np.float32)

    found = learn_query_weights(nothing, pairs, summands)
    if found is None:
        return None
    *betas, meaning, letters = found
    weights = dict(zip(names, betas, strict=True))
    if POPULARITY in weights:
        weights[POPULARITY] = max(weights[POPULARITY], _LEAST_POPULARITY * sum(found))
    return FusionWeights({}, meaning, weights, letters)


def _recalled(title: str, rng: np.random.Generator) -> str:
    words = title.split()
    kept = np.sort(rng.permutation(len(words))[: rng.integers(*_WORDS_OF_A_TITLE)])
    query = " ".join(words[place] for place in kept)
    return misspell(query, rng) if rng.random() < 0.5 else query
