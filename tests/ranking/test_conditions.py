"""ranking/conditions.py: what words ask for, and what is let go first; eight items worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from ranking.catalogue import ATTRIBUTE, BRAND, CATEGORY, HAS_ATTRIBUTE, IN_CATEGORY, MADE_BY, Catalogue
from ranking.conditions import Tiers, conditions_of, excluding, said_by_texts, tiers_of
from ranking.words import WordIndex
from shopgraph.types import Excluded, NodeTable, ParsedQuery, Slot
from tests.planted import edges, planted_snapshot


def catalogue() -> Catalogue:
    """Items 0–3 tea, 4–7 mugs; even ones of brand b000; price 1 to 8; 0, 1, 4 red, 2 blue; 0 for kids."""
    shop = planted_snapshot(n_users=4, n_items=8, n_tastes=2, n_events=2)
    nodes = {
        **shop.nodes,
        CATEGORY: NodeTable(("tea", "mugs"), ("Tea", "Mugs")),
        ATTRIBUTE: NodeTable(
            ("audience:kids", "colour:blue", "colour:red", "style:red"), ("kids", "blue", "red", "red")
        ),
    }
    relations = {
        MADE_BY: edges(range(8), [0, 1] * 4),
        IN_CATEGORY: edges(range(8), [0] * 4 + [1] * 4),
        HAS_ATTRIBUTE: edges([0, 2, 0, 1, 4, 3], [0, 1, 2, 2, 2, 3]),
    }
    items = replace(shop.items, price=np.arange(1, 9, dtype=np.float32))
    return Catalogue.from_snapshot(replace(shop, nodes=nodes, relations=relations, items=items))


SHOP = catalogue()
TEA = Slot("tea", CATEGORY, "tea", "Tea", 0.98)
B0 = Slot("b zero", BRAND, "b000", "B 0", 0.98)
RED = Slot("red", ATTRIBUTE, "colour:red", "red", 0.98)
RED_STYLE = Slot("red", ATTRIBUTE, "style:red", "red", 0.49)
BLUE = Slot("blue", ATTRIBUTE, "colour:blue", "blue", 0.98)
UNLINKED = Slot("matte", ATTRIBUTE, "", "matte", 0.98)


def tiers(parsed: ParsedQuery, n: int) -> tuple[list[list[int]], list[str]]:
    found: Tiers = tiers_of(conditions_of(parsed, SHOP), SHOP, np.ones(8, np.bool_), n)
    return [np.flatnonzero(mask).tolist() for mask in found.masks], [one.field for one in found.relaxed]


def asked(**fields: object) -> ParsedQuery:
    return ParsedQuery("words", "en", **fields)  # type: ignore[arg-type]  # test data


@pytest.mark.parametrize(
    ("parsed", "items"),
    [
        (asked(category=(TEA,)), [0, 1, 2, 3]),
        (asked(category=(TEA,), brand=(B0,)), [0, 2]),
        (asked(attribute=(RED,)), [0, 1, 4]),
        (asked(attribute=(RED, BLUE)), [0, 1, 2, 4]),  # one key: any of them
        (asked(attribute=(replace(RED, confidence=0.49), RED_STYLE)), [0, 1, 3, 4]),  # one word
        (asked(attribute=(UNLINKED,)), list(range(8))),
        (asked(price_min=2.0, price_max=4.0), [1, 2, 3]),
        (asked(audience="kids"), [0]),
        (asked(audience="women"), list(range(8))),
        (asked(intent="find_similar", brand=(B0,), category=(TEA,)), [0, 1, 2, 3]),
        (asked(intent="ask_about_item", brand=(B0,), attribute=(RED,)), [0, 2, 4, 6]),
        (asked(intent="service", category=(TEA,)), list(range(8))),
    ],
)
def test_words_keep(parsed: ParsedQuery, items: list[int]) -> None:
    assert tiers(parsed, 1) == ([items], [])


def test_enough_items_relax_nothing() -> None:
    assert tiers(asked(category=(TEA,), attribute=(RED,)), 2) == ([[0, 1]], [])


def test_attribute_goes_before_price_before_brand_before_category() -> None:
    parsed = asked(category=(TEA,), brand=(B0,), attribute=(RED,), price_max=1.5)
    assert tiers(parsed, 5) == (
        [[0], [0, 2], [0, 1, 2, 3], list(range(8))],
        ["attribute", "price", "brand", "category"],  # without the attribute alone there is none more
    )


def test_what_helps_nothing_stays_while_something_else_helps() -> None:
    parsed = asked(category=(TEA,), attribute=(RED,), price_min=7.0)
    assert tiers(parsed, 1) == ([[], [0, 1]], ["price"])


def test_several_weak_ones_go_before_what_is_strong() -> None:
    mugs = Slot("mug", CATEGORY, "mugs", "Mugs", 0.98)
    parsed = asked(
        category=(mugs,), attribute=(BLUE,), price_max=3.0
    )  # no mug is blue or so cheap, some tea is
    assert tiers(parsed, 1) == ([[], [4, 5, 6, 7]], ["attribute", "price"])


def test_unsure_slot_goes_first() -> None:
    unsure = replace(TEA, confidence=0.3)
    assert tiers(asked(category=(unsure,), attribute=(RED,)), 3)[1] == ["category"]


def test_what_is_ruled_out_is_a_filter_that_stays() -> None:
    parsed = asked(exclude=Excluded(brand=(B0,), attribute=(RED, UNLINKED)))
    assert np.flatnonzero(SHOP.mask(excluding(parsed))).tolist() == [3, 5, 7]
    assert conditions_of(parsed, SHOP) == ()


def test_item_whose_text_says_it_passes_for_what_was_named_but_not_for_its_price() -> None:
    conditions = conditions_of(asked(category=(TEA,), attribute=(RED,), price_max=6.0), SHOP)
    said = np.arange(8) >= 4  # of these 4 and 5 cost up to 6
    in_texts = {one: said for one in conditions if one.field != "price"}
    found = tiers_of(conditions, SHOP, np.ones(8, np.bool_), 1, in_texts)
    assert np.flatnonzero(found.masks[0]).tolist() == [0, 1, 4, 5]


TEXTS = WordIndex.fit(["red coat", "iron frying pan", "red skillet rack", "tea", "red frying pan"])
SKILLET = Slot("skillet", CATEGORY, "pans", "Frying Pans", 0.98)


@pytest.mark.parametrize(
    ("words", "slot", "items"),
    [
        ("red skillet", SKILLET, [2]),  # a red coat has much of the words, but none of the category's
        ("red frying pan", SKILLET, [1, 4]),  # what it is called in the shop says it too
        ("red skilet", replace(SKILLET, text="skilet", confidence=0.5), [2]),
        ("red coat", replace(SKILLET, text="coat", confidence=0.5), [0]),  # unsure: the whole is enough
        ("red coat", replace(SKILLET, text="tea"), []),  # it says tea, but not the search
    ],
)
def test_text_says_a_category_with_the_search_and_with_its_own_words(
    words: str, slot: Slot, items: list[int]
) -> None:
    texts = TEXTS.searched(words)
    (said,) = said_by_texts(conditions_of(asked(category=(slot,)), SHOP), texts).values()
    assert np.flatnonzero(said).tolist() == items
