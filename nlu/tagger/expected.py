"""The spans of the highest expected F1 instead of those of the single most probable tag sequence.

Where a text can be cut in many ways, the best path may hold spans that are improbable one by one, though
strict F1 counts spans. A span of probability p belongs into the answer where p > F*/2, F* being the F1 that
is reached (Lipton et al. 2014, for labels decided one by one); here the spans may not overlap either.
"""

import numpy as np
from numpy.typing import NDArray

from nlu.tagger.bio import BioSpan, Scores

SpanProbabilities = NDArray[np.float64]


def span_probabilities(scores: Scores, steps: Scores) -> SpanProbabilities:
    """P(words start..end, end excluded, are one span of a label), shape (n_words, n_words + 1, n_labels).

    The sum over all paths of the CRF that hold the span, by the forward-backward algorithm.

    Args:
        scores: of each word's tags, as `nlu.tagger.bio` numbers them, shape (n_words, n_tags).
        steps: added for each pair of neighbours (from, to), shape (n_tags, n_tags); very low forbids.
    """
    n_words, n_tags = scores.shape
    begins = np.arange(1, n_tags, 2)
    upto, beyond = _forward(scores, steps), _backward(scores, steps)
    whole = np.logaddexp.reduce(upto[-1])
    probabilities = np.zeros((n_words, n_words + 1, len(begins)))
    for start in range(n_words):
        inside, tags = upto[start, begins], begins
        for end in range(start + 1, n_words + 1):
            if end == n_words:
                probabilities[start, end] = np.exp(inside - whole)
                break
            onward = steps[tags] + scores[end] + beyond[end]
            onward[np.arange(len(begins)), begins + 1] = -np.inf  # the span would go on
            probabilities[start, end] = np.exp(inside + np.logaddexp.reduce(onward, axis=1) - whole)
            inside = inside + steps[tags, begins + 1] + scores[end, begins + 1]
            tags = begins + 1
    return probabilities


def expected_spans(probabilities: SpanProbabilities, threshold: float) -> list[BioSpan]:
    """The spans, in order and without overlap, whose sum of (probability − threshold) is highest."""
    n_words = len(probabilities)
    labels, worth = probabilities.argmax(axis=2), probabilities.max(axis=2) - threshold
    best = np.zeros(n_words + 1)
    start_of = np.full(n_words + 1, -1)
    for end in range(1, n_words + 1):
        through = best[:end] + worth[:end, end]
        start = int(through.argmax())
        if through[start] > best[end - 1]:
            best[end], start_of[end] = through[start], start
        else:
            best[end] = best[end - 1]
    spans: list[BioSpan] = []
    end = n_words
    while end > 0:
        start = int(start_of[end])
        if start < 0:
            end -= 1
            continue
        spans.append(BioSpan(start, end, int(labels[start, end])))
        end = start
    return spans[::-1]


def _forward(scores: Scores, steps: Scores) -> NDArray[np.float64]:
    """Log sums over the paths up to each word and tag; no path starts with an I."""
    upto = np.empty(scores.shape)
    upto[0] = scores[0]
    upto[0, 2::2] = -np.inf
    for place in range(1, len(scores)):
        upto[place] = np.logaddexp.reduce(upto[place - 1][:, None] + steps, axis=0) + scores[place]
    return upto


def _backward(scores: Scores, steps: Scores) -> NDArray[np.float64]:
    """Log sums over the paths from behind each word and tag to the end."""
    beyond = np.zeros(scores.shape)
    for place in range(len(scores) - 2, -1, -1):
        beyond[place] = np.logaddexp.reduce(steps + scores[place + 1] + beyond[place + 1], axis=1)
    return beyond
