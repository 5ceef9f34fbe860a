"""Spans of the highest expected F1, against counting every path."""

import itertools

import numpy as np
import pytest

from nlu.tagger.bio import BioSpan, legal_steps, spans_of
from nlu.tagger.expected import expected_spans, span_probabilities


def test_span_probabilities_are_what_counting_every_path_says() -> None:
    rng = np.random.default_rng(0)
    scores, steps = rng.normal(size=(4, 5)), np.where(legal_steps(2), rng.normal(size=(5, 5)), -1e4)
    wanted, whole = np.zeros((4, 5, 2)), 0.0
    for path in itertools.product(range(5), repeat=4):
        if path[0] in (2, 4):
            continue
        own = sum(scores[place, tag] for place, tag in enumerate(path))
        weight = np.exp(own + sum(steps[pair] for pair in itertools.pairwise(path)))
        whole += weight
        for span in spans_of(path):
            wanted[span] += weight
    np.testing.assert_allclose(span_probabilities(scores, steps), wanted / whole, atol=1e-12)


def test_one_word_alone_has_the_softmax_of_its_beginnings() -> None:
    scores = np.log(np.array([[0.5, 0.3, 9.0, 0.2, 9.0]]))  # an I can't stand first
    assert span_probabilities(scores, np.zeros((5, 5)))[0, 1] == pytest.approx([0.3, 0.2])


def test_two_probable_spans_win_over_the_longer_one_and_an_improbable_one_is_left_out() -> None:
    probabilities = np.zeros((3, 4, 2))
    probabilities[0, 2, 0] = 0.5  # words 0 and 1 as one
    probabilities[0, 1, 1] = probabilities[1, 2, 0] = 0.45  # or one by one
    probabilities[2, 3, 0] = 0.25
    assert expected_spans(probabilities, 0.3) == [BioSpan(0, 1, 1), BioSpan(1, 2, 0)]  # 0.15 + 0.15 > 0.2
    assert expected_spans(probabilities, 0.4) == [BioSpan(0, 2, 0)]  # 0.05 + 0.05 ≤ 0.1
    assert expected_spans(probabilities, 0.2)[-1] == BioSpan(2, 3, 0)
    assert expected_spans(probabilities, 0.6) == []
