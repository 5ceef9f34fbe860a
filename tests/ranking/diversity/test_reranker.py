from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.ask import Ask
from ranking.catalogue import Catalogue
from ranking.diversity.config import DiversityConfig, ExposureGroup
from ranking.diversity.reranker import Arrangement, Reranker
from ranking.ordering import top
from shopgraph.types import Reranked
from tests.planted import NOW
from tests.ranking.engines import item_item_hybrid, shop

SNAPSHOT = shop()  # item i has the taste, the brand and a text of i % 4
CATALOGUE = Catalogue.from_snapshot(SNAPSHOT)
HYBRID = item_item_hybrid(SNAPSHOT)
EVERYTHING = np.arange(40, dtype=np.int32)
FALLING = -np.arange(40, dtype=np.float64)
ONE_TASTE_FIRST = np.where(EVERYTHING % 4 == 1, 100.0, 0.0) + FALLING


def reranker(config: DiversityConfig) -> Reranker:
    return Reranker.of(HYBRID, CATALOGUE, config)


def asking(diversity: float | None = None, novelty: float | None = None) -> Ask:
    return Ask(now=NOW, diversity=diversity, novelty=novelty)


def arranged(
    config: DiversityConfig, diversity: float | None = None, novelty: float | None = None
) -> Arrangement:
    found = reranker(config).arrangement(asking(diversity, novelty))
    assert found is not None
    return found


BRANDS = (ExposureGroup(name="b2", brands=("b002",), floor=0.3, ceiling=0.4),)


def test_nothing_is_arranged_where_nothing_is_asked_for() -> None:
    assert reranker(DiversityConfig()).arrangement(asking()) is None
    assert reranker(DiversityConfig(amount=0.5)).arrangement(asking(0.0)) is None


def test_the_settings_hold_where_a_list_does_not_say() -> None:
    config = DiversityConfig(amount=0.4, novelty=0.2, method="mmr")
    assert arranged(config).said(EVERYTHING) == Reranked("mmr", 0.4, 0.2)
    assert arranged(config, 0.0).said(EVERYTHING) == Reranked("score", 0.0, 0.2)


def test_amounts_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        reranker(DiversityConfig()).arrangement(asking(1.5))


@pytest.mark.parametrize("method", ["mmr", "dpp"])
def test_more_diversity_brings_other_tastes(method: str) -> None:
    config = DiversityConfig.model_validate({"method": method})

    def tastes(diversity: float) -> list[int]:
        places = arranged(config, diversity, 1e-9).places(EVERYTHING, ONE_TASTE_FIRST, 4)
        return [int(place) % 4 for place in places]

    assert tastes(0.0) == [1, 1, 1, 1]
    assert tastes(0.8)[0] == 1  # the best stays first
    assert len(set(tastes(0.8))) == 4


def test_novelty_brings_what_few_have_bought() -> None:
    popularity = HYBRID.features.columns["popularity"]
    places = arranged(DiversityConfig(), novelty=1.0).places(EVERYTHING, np.zeros(40), 40)
    np.testing.assert_array_equal(places, np.argsort(popularity, kind="stable"))


@pytest.mark.parametrize("config", [DiversityConfig(window=5), DiversityConfig(window=5, exposure=BRANDS)])
@pytest.mark.parametrize("diversity", [0.0, 0.5, 1.0])
def test_pages_are_parts_of_one_list(config: DiversityConfig, diversity: float) -> None:
    def places(n: int) -> list[int]:
        return list(map(int, arranged(config, diversity, 0.1).places(EVERYTHING, ONE_TASTE_FIRST, n)))

    whole = places(40)
    assert sorted(whole) == list(range(40))
    for n in (1, 4, 5, 6, 20):
        assert places(n) == whole[:n]


def test_behind_the_window_the_score_orders() -> None:
    places = arranged(DiversityConfig(window=3), 1.0).places(EVERYTHING, FALLING, 8)
    assert sorted(places[:3].tolist()) == [0, 1, 2]
    assert places[3:].tolist() == [3, 4, 5, 6, 7]


def test_a_group_is_found_behind_the_window() -> None:
    group = (ExposureGroup(name="b3", brands=("b003",), floor=0.5),)
    config = DiversityConfig(window=4, exposure=group)
    asked = arranged(config)
    places = asked.places(EVERYTHING, ONE_TASTE_FIRST, 4)
    assert (places % 4).tolist() == [1, 3, 1, 3]
    (said,) = asked.said(EVERYTHING[places]).exposure
    assert (said.group, said.share, said.reason) == ("b3", 0.5, None)


def test_a_small_pool_is_listed_whole_and_says_what_it_lacks() -> None:
    asked = arranged(DiversityConfig(exposure=BRANDS))
    pool = np.array([1, 5, 9, 13, 2], np.int32)
    places = asked.places(pool, np.arange(5.0, 0, -1), 10)
    assert pool[places].tolist() == [1, 5, 9, 2, 13]
    (said,) = asked.said(pool[places]).exposure
    assert said.reason is None
    long = np.array([*range(1, 40, 4), 2], np.int32)
    asked = arranged(DiversityConfig(exposure=BRANDS))
    places = asked.places(long, np.arange(11.0, 0, -1), 11)
    (said,) = asked.said(long[places]).exposure
    assert (said.missed_at, said.reason) == (7, "only_1_items_of_the_group")


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
    st.sampled_from(["mmr", "dpp"]),
    st.integers(1, 30),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
)
def test_any_list_has_its_shares_in_every_beginning(
    seed: int, diversity: float, method: str, n: int, first: float, second: float
) -> None:
    # ten items of each of four brands: 30 places can always hold what a half and a half ask for, up to 20
    groups = (
        ExposureGroup(name="b0", brands=("b000",), floor=first, ceiling=min(1.0, first + 0.1)),
        ExposureGroup(name="b1", brands=("b001",), floor=second),
    )
    config = DiversityConfig.model_validate({"method": method, "exposure": groups})
    asked = arranged(config, diversity)
    scores = np.random.default_rng(seed).normal(size=40)
    places = asked.places(EVERYTHING, scores, n)
    assert len(set(places.tolist())) == n
    for exposure, share in zip(asked.said(EVERYTHING[places]).exposure, (first, second), strict=True):
        assert exposure.reason is None or int(share * (exposure.missed_at or 0) + 1e-9) > 10


def without_shares(config: DiversityConfig) -> DiversityConfig:
    """The same groups without a floor or a ceiling."""
    free = tuple(group.model_copy(update={"floor": 0.0, "ceiling": 1.0}) for group in config.exposure)
    return config.model_copy(update={"exposure": free})


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_groups_without_shares_leave_the_order_of_the_score(seed: int, n: int) -> None:
    config = without_shares(DiversityConfig(exposure=BRANDS))
    scores = np.random.default_rng(seed).normal(size=40)
    np.testing.assert_array_equal(arranged(config).places(EVERYTHING, scores, n), top(scores, n))


def test_two_lists_of_one_reranker_do_not_know_each_other() -> None:
    shared = reranker(DiversityConfig(exposure=BRANDS))
    first, second = shared.arrangement(asking()), shared.arrangement(asking())
    assert first is not None
    assert second is not None
    first.places(EVERYTHING, FALLING, 40)
    np.testing.assert_array_equal(second.places(EVERYTHING[:2], FALLING[:2], 2), [0, 1])
    (said,) = second.said(EVERYTHING[:2]).exposure
    assert said == replace(said, share=0.0, missed_at=None)
