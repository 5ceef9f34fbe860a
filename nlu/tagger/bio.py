"""BIO tags: spans ↔ tags, the best legal path, and strict F1 of spans.

Tag 0 is O, tags 2n + 1 and 2n + 2 are B and I of label n.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OUTSIDE = 0

TagVector = NDArray[np.int64]
Scores = NDArray[np.float32] | NDArray[np.float64]


class BioSpan(NamedTuple):
    """Tokens start..end (end excluded) carry label number `label`."""

    start: int
    end: int
    label: int


def n_tags(n_labels: int) -> int:
    """O, and B and I of each label."""
    return 2 * n_labels + 1


def tags_of(spans: Iterable[BioSpan], n_tokens: int) -> TagVector:
    """One tag a token, shape (n_tokens,); where spans overlap the later one writes over the earlier."""
    tags = np.full(n_tokens, OUTSIDE, np.int64)
    for start, end, label in spans:
        tags[start] = 2 * label + 1
        tags[start + 1 : end] = 2 * label + 2
    return tags


def spans_of(tags: Iterable[int]) -> list[BioSpan]:
    """The spans, in order, read strictly (IOB2): an I that continues nothing is no span."""
    spans: list[BioSpan] = []
    start, label = -1, -1
    row = [*tags, OUTSIDE]
    for place, tag in enumerate(row):
        if start >= 0 and tag != 2 * label + 2:
            spans.append(BioSpan(start, place, label))
            start = -1
        if tag % 2:
            start, label = place, (tag - 1) // 2
    return spans


def legal_steps(n_labels: int) -> NDArray[np.bool_]:
    """Whether tag `to` may follow tag `from`, shape (n_tags, n_tags): I only after B or I of its label."""
    tags = np.arange(n_tags(n_labels))
    inside = (tags > 0) & (tags % 2 == 0)
    same = (tags[:, None] + 1) // 2 == (tags[None, :] + 1) // 2
    legal: NDArray[np.bool_] = ~inside[None, :] | same
    return legal


def best_path(scores: Scores, steps: Scores) -> TagVector:
    """The tags of the highest sum (Viterbi), shape (n_tokens,); the first is never an I.

    Args:
        scores: of each token's tags, shape (n_tokens, n_tags).
        steps: added for each pair of neighbours (from, to), shape (n_tags, n_tags); -inf forbids.
    """
    n_tokens = len(scores)
    if n_tokens == 0:
        return np.zeros(0, np.int64)
    best = scores[0].astype(np.float64)
    best[2::2] = -np.inf
    before = np.zeros(scores.shape, np.int64)
    for place in range(1, n_tokens):
        through = best[:, None] + steps
        before[place] = through.argmax(axis=0)
        best = through[before[place], np.arange(len(best))] + scores[place]
    path = np.empty(n_tokens, np.int64)
    path[-1] = best.argmax()
    for place in range(n_tokens - 1, 0, -1):
        path[place - 1] = before[place, path[place]]
    return path


def strict_f1(
    wanted: Sequence[Iterable[tuple[int, int, int | str]]],
    found: Sequence[Iterable[tuple[int, int, int | str]]],
) -> float:
    """Micro F1 over all texts of spans that agree in both ends and the label, as seqeval's strict IOB2.

    Row n of both belongs to text n. 1 where there is nothing to find and nothing was found.
    """
    n_wanted = n_found = n_right = 0
    for one_wanted, one_found in zip(wanted, found, strict=True):
        right, mine = set(one_wanted), set(one_found)
        n_wanted += len(right)
        n_found += len(mine)
        n_right += len(right & mine)
    return 2 * n_right / (n_wanted + n_found) if n_wanted + n_found else 1.0
