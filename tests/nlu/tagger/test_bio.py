import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.tagger.bio import BioSpan, best_path, legal_steps, n_tags, spans_of, strict_f1, tags_of

B0, I0, B1, I1 = 1, 2, 3, 4


def test_spans_become_tags_and_come_back() -> None:
    spans = [BioSpan(0, 2, 0), BioSpan(2, 3, 0), BioSpan(4, 6, 1)]
    tags = tags_of(spans, 7)
    assert tags.tolist() == [B0, I0, B0, 0, B1, I1, 0]
    assert spans_of(tags) == spans


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ([], []),
        ([0, 0], []),
        ([I0, I0], []),  # nothing began
        ([B0, I1], [(0, 1, 0)]),  # another label's I ends the span and begins none
        ([B0, B0], [(0, 1, 0), (1, 2, 0)]),
        ([B0, I0, 0, I0], [(0, 2, 0)]),
    ],
)
def test_iob2_is_read_strictly(tags: list[int], spans: list[tuple[int, int, int]]) -> None:
    assert spans_of(tags) == spans


@given(st.lists(st.integers(0, 8), max_size=12))
def test_what_is_read_is_written_again_the_same(tags: list[int]) -> None:
    spans = spans_of(tags)
    assert spans_of(tags_of(spans, len(tags))) == spans


def test_inside_follows_only_its_own_label() -> None:
    legal = legal_steps(2)
    assert legal[:, I0].tolist() == [False, True, True, False, False]
    assert legal[:, [0, B0, B1]].all()


def test_best_path_is_the_best_of_all_legal_ones() -> None:
    rng = np.random.default_rng(0)
    steps = np.where(legal_steps(2), rng.normal(size=(5, 5)), -np.inf)
    for n_tokens in (1, 2, 4):
        scores = rng.normal(size=(n_tokens, n_tags(2)))

        def total(path: tuple[int, ...], scores: np.ndarray = scores) -> float:
            if path[0] in (I0, I1):
                return -np.inf
            own = sum(scores[place, tag] for place, tag in enumerate(path))
            return float(own + sum(steps[pair] for pair in itertools.pairwise(path)))

        slow = max(itertools.product(range(5), repeat=n_tokens), key=total)
        assert tuple(best_path(scores, steps)) == slow
    assert best_path(np.zeros((0, 5)), steps).tolist() == []


def test_strict_f1_by_hand() -> None:
    wanted = [[(0, 2, 0), (3, 4, 1)], [(0, 1, 1)], []]
    # right; right ends but another label; one too many; nothing where something was wanted
    found = [[(0, 2, 0), (3, 4, 0)], [], [(2, 3, 0)]]
    # 1 right of 3 wanted and 3 found
    assert strict_f1(wanted, found) == pytest.approx(1 / 3)
    assert strict_f1(wanted, wanted) == 1
    assert strict_f1([[(0, 2, 0)]], [[(0, 1, 0)]]) == 0
    assert strict_f1([[]], [[]]) == 1
