"""ranking/candidates.py: the sources name who is scored, and filters come before the cut."""

import numpy as np
import pytest

from ranking.candidates import CandidateConfig
from ranking.features import POPULARITY
from shopgraph.types import Histories, IntVector
from tests.ranking.engines import candidates_of, item_item_hybrid, shop

SNAPSHOT = shop()
HYBRID = item_item_hybrid(SNAPSHOT)
NOBODY = SNAPSHOT.histories.row(60)
USER_1 = SNAPSHOT.histories.row(1)
EVERYTHING = np.ones(SNAPSHOT.n_items, np.bool_)
OFF = {"score_all_below": 0, "graph": 0, "item_item": 0, "text": 0, "popular": 0, "trending": 0}


def gathered(history: Histories, eligible: IntVector | None = None, **k: int) -> list[int]:
    """What the sources with a `k` find, among `eligible` items."""
    mask = EVERYTHING
    if eligible is not None:
        mask = np.zeros_like(EVERYTHING)
        mask[eligible] = True
    candidates = candidates_of(HYBRID, SNAPSHOT, CandidateConfig.model_validate({**OFF, **k}))
    query = None if SNAPSHOT.text_vectors is None else SNAPSHOT.text_vectors[13]
    return [int(idx) for idx in candidates.gather(history, mask, query)]


def test_few_eligible_items_are_all_scored() -> None:
    assert gathered(USER_1, np.array([3, 9, 5], np.int32), score_all_below=3) == [3, 5, 9]
    assert gathered(USER_1, np.array([3, 9, 5], np.int32), score_all_below=2) == []


def test_popular_are_those_with_most_events() -> None:
    column = HYBRID.features.columns[POPULARITY]
    found = gathered(NOBODY, popular=4)
    assert len(found) == 4
    assert column[found].min() >= np.sort(column)[-4]


def test_item_item_finds_the_users_taste_and_nothing_for_nobody() -> None:
    assert {idx % 4 for idx in gathered(USER_1, item_item=5)} == {1}
    assert gathered(NOBODY, item_item=5) == []


def test_text_finds_what_is_nearest_to_the_words() -> None:
    found = gathered(NOBODY, text=5)
    assert 13 in found
    assert {idx % 4 for idx in found} == {1}


def test_own_items_are_those_met_last_that_may_be_shown() -> None:
    latest_first = list(dict.fromkeys(USER_1.item_idx[::-1].tolist()))
    assert gathered(USER_1, own=2) == sorted(latest_first[:2])
    assert gathered(USER_1, np.array(latest_first[2:], np.int32), own=1) == [latest_first[2]]
    assert gathered(NOBODY, own=2) == []


@pytest.mark.parametrize("source", ["item_item", "text", "popular", "trending"])
def test_filters_come_before_the_cut(source: str) -> None:
    eligible = np.array([1, 5, 9], np.int32)
    found = gathered(USER_1, eligible, **{source: 2})
    assert len(found) == 2
    assert set(found) <= {1, 5, 9}


def test_sources_are_united_without_repeats() -> None:
    one_by_one = (
        set(gathered(USER_1, text=4)) | set(gathered(USER_1, popular=6)) | set(gathered(USER_1, item_item=4))
    )
    together = gathered(USER_1, text=4, popular=6, item_item=4)
    assert together == sorted(one_by_one)
