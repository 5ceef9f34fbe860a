"""ranking/searching.py: which of a search's words describe what is wanted."""

import pytest

from ranking.searching import searched_words
from shopgraph.types import ParsedQuery, Slot

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
    ],
)
def test_a_few_words_count_from_the_first_that_says_something(parsed: ParsedQuery, words: str) -> None:
    assert searched_words(parsed) == words
