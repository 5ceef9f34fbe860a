"""ranking/searching.py: which of a search's words describe what is wanted, and what they change."""

import numpy as np
import pytest

from ranking.catalogue import BRAND
from ranking.searching import NOBODY, Search, WordReasons, search_of, searched_words
from ranking.words import WordIndex
from shopgraph.types import ParsedQuery, Slot
from tests.ranking.test_conditions import B0, SHOP, TEA

B1 = Slot("b one", BRAND, "b001", "B 1", 0.98)
LIPSTICK = Slot("lipstick", "Category", "lipstick", "Lipstick", 0.98)


@pytest.mark.parametrize(
    ("parsed", "words"),
    [
        (ParsedQuery("kiss me", "en", rest="kiss"), "kiss me"),
        (ParsedQuery("lipstick by the", "en", category=(LIPSTICK,)), "lipstick by the"),
        (ParsedQuery("show me lipstick", "en", category=(LIPSTICK,)), "lipstick"),
        (ParsedQuery("by for men", "en"), "by for men"),
        (ParsedQuery("lipstick under 10", "en", category=(LIPSTICK,), price_max=10.0), "lipstick"),
        (ParsedQuery("lipstick for the next summer", "en", category=(LIPSTICK,)), "lipstick"),
        (ParsedQuery("", "en"), ""),
        (
            ParsedQuery("cheaper", "en", category=(LIPSTICK,), rest="cheaper"),
            "lipstick cheaper",
        ),  # a later turn
    ],
)
def test_a_few_words_count_from_the_first_that_says_something(parsed: ParsedQuery, words: str) -> None:
    assert searched_words(parsed) == words


TEXTS = WordIndex.fit(
    ["red tea", "blue tea", "tea", "tea", "red mug, not tea", "mug", "mug", "mug of tea"]
)  # items 0-3 are tea, 4-7 mugs


def applied(parsed: ParsedQuery, n: int = 8) -> Search:
    everything = np.ones(8, np.bool_)
    texts = TEXTS.searched(searched_words(parsed))
    return search_of(parsed, SHOP, everything, n, np.zeros(8, np.float32), NOBODY, texts)


def reasons(parsed: ParsedQuery) -> WordReasons:
    return WordReasons(SHOP, parsed, applied(parsed), "en")


def test_brands_that_are_compared_take_turns() -> None:
    parsed = ParsedQuery("b one or b zero tea", "en", intent="compare", brand=(B1, B0), category=(TEA,))
    sorting = applied(parsed).sorting
    assert sorting is not None
    scores = np.array([0.1, 0.2, 0.5, 0.9, 0.8], np.float32)
    items = np.array([0, 2, 4, 1, 3], np.int32)  # even ones of b zero, odd ones of b one
    assert items[sorting.places(items, scores)].tolist() == [1, 4, 3, 2, 0]


def test_one_thing_to_compare_is_in_order_of_score() -> None:
    assert applied(ParsedQuery("compare tea", "en", intent="compare", category=(TEA,))).sorting is None


def test_sides_of_a_comparison_are_told_apart_in_the_reason() -> None:
    parsed = ParsedQuery("b one or b zero", "en", intent="compare", brand=(B1, B0))
    first, second = (reasons(parsed).of(item_idx) for item_idx in (1, 2))
    assert first is not None
    assert second is not None
    assert (first.text, second.text) == ("‘b one’ → brand B 1", "‘b zero’ → brand B 0")


def test_what_only_its_text_calls_so_is_said_and_is_not_the_cheapest() -> None:
    by_score, sorted_ones = (
        ParsedQuery("tea", "en", category=(TEA,), sort=sort) for sort in (None, "price_asc")
    )
    assert np.flatnonzero(applied(by_score, 1).tiers.masks[0]).tolist() == [0, 1, 2, 3, 4, 7]
    assert np.flatnonzero(applied(sorted_ones, 1).tiers.masks[0]).tolist() == [0, 1, 2, 3]
    told = [reasons(by_score).of(item_idx) for item_idx in (0, 7, 5)]
    assert [one and one.text for one in told] == [
        "‘tea’ → category Tea",
        "‘tea’ in its text",
        "not met: ‘tea’ → category Tea",
    ]


@pytest.mark.parametrize(("words", "unheard"), [("xyzzy", True), ("blue", False), ("xyzzy tea", False)])
def test_words_that_mean_nothing_here_are_said_to(words: str, unheard: bool) -> None:
    told = reasons(ParsedQuery(words, "en", rest=words)).relaxed()
    expected = [f"No item's text has “{words}”; what comes nearest is listed."] if unheard else []
    assert [one.sentence for one in told] == expected
