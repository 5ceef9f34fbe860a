from collections.abc import Set as AbstractSet
from dataclasses import replace

import pytest

from nlu.dialogue.state import EMPTY, DialogueState, after_turn
from nlu.names import NodeNames
from shopgraph.types import Excluded, ParsedQuery, Slot


def category(name: str) -> Slot:
    return Slot(name.lower(), "Category", f"c-{name}", name, 1.0)


def brand(name: str) -> Slot:
    return Slot(name.lower(), "Brand", f"b-{name}", name, 1.0)


def attribute(name: str) -> Slot:
    return Slot(name, "Attribute", "", name, 1.0)


def colour_of(slot: Slot) -> str:
    return "colour" if slot.name in {"red", "blue"} else ""


LIPSTICK, MASCARA = category("Lipstick"), category("Mascara")
ACME, BRIO = brand("Acme"), brand("Brio")
RED, BLUE, MATTE = attribute("red"), attribute("blue"), attribute("matte")


def said(text: str, **fields: object) -> ParsedQuery:
    return replace(ParsedQuery(text, "en"), **fields)  # type: ignore[arg-type]  # fields of ParsedQuery


def after(*turns: ParsedQuery) -> ParsedQuery:
    state = EMPTY
    for turn in turns:
        state = after_turn(state, turn, colour_of)
    assert state.n_turns == len(turns)
    return state.query


FIRST = said(
    "red acme lipstick under 20", category=(LIPSTICK,), brand=(ACME,), attribute=(RED,), price_max=20.0
)


def test_what_is_not_mentioned_stays() -> None:
    found = after(FIRST, said("matte", attribute=(MATTE,)))
    assert found.category == (LIPSTICK,)
    assert found.brand == (ACME,)
    assert found.attribute == (RED, MATTE)
    assert found.price_max == 20


def test_a_category_takes_the_former_ones_place_unless_it_is_added() -> None:
    assert after(FIRST, said("mascara", category=(MASCARA,))).category == (MASCARA,)
    assert after(FIRST, said("and mascara too", category=(MASCARA,))).category == (LIPSTICK, MASCARA)
    assert after(FIRST, said("actually mascara too", category=(MASCARA,))).category == (MASCARA,)


def test_a_colour_takes_the_colours_place_and_nothing_elses() -> None:
    turns = (FIRST, said("matte", attribute=(MATTE,)), said("make it blue", attribute=(BLUE,)))
    assert after(*turns).attribute == (MATTE, BLUE)
    assert after(FIRST, said("also blue", attribute=(BLUE,))).attribute == (RED, BLUE)


def test_a_refused_brand_is_dropped_and_excluded_until_it_is_wanted_again() -> None:
    refused = after(FIRST, said("not acme", exclude=Excluded(brand=(ACME,))))
    assert refused.brand == ()
    assert refused.exclude.brand == (ACME,)
    turns = (FIRST, said("not acme", exclude=Excluded(brand=(ACME,))), said("acme is fine", brand=(ACME,)))
    assert after(*turns).exclude.brand == ()
    assert after(*turns).brand == (ACME,)


@pytest.mark.parametrize(
    ("text", "low", "high", "expected"),
    [
        ("under 10", None, 10.0, (None, 10.0)),
        ("over 5", 5.0, None, (5.0, 20.0)),
        ("actually over 5", 5.0, None, (5.0, None)),
        ("over 30", 30.0, None, (30.0, None)),
        ("5 to 8", 5.0, 8.0, (5.0, 8.0)),
        ("drop the under 20", None, 20.0, (None, None)),
    ],
)
def test_a_price_is_taken_whole_or_completed(
    text: str, low: float | None, high: float | None, expected: tuple[float | None, float | None]
) -> None:
    found = after(FIRST, said(text, price_min=low, price_max=high))
    assert (found.price_min, found.price_max) == expected


def test_one_end_of_a_range_leaves_the_other_where_it_fits() -> None:
    ranged = said("5 to 8", price_min=5.0, price_max=8.0)
    for high, expected in ((9.0, (5.0, 9.0)), (4.0, (None, 4.0))):
        found = after(ranged, said(f"up to {high:g}", price_max=high))
        assert (found.price_min, found.price_max) == expected


MAKEUP = category("Makeup")


class Shelf:
    """Lipstick and Mascara lie below Makeup; "glossy" tells Lipstick from it."""

    def above(self, node_id: str) -> frozenset[str]:
        return frozenset({MAKEUP.node_id}) if node_id in (LIPSTICK.node_id, MASCARA.node_id) else frozenset()

    def below(self, node_id: str, words: AbstractSet[str]) -> NodeNames | None:
        known = node_id == MAKEUP.node_id and "glossy" in words
        return NodeNames("Category", LIPSTICK.node_id, ("Lipstick",)) if known else None


@pytest.mark.parametrize(
    ("before", "text", "now", "expected"),
    [
        (MAKEUP, "lipstick", (LIPSTICK,), "Lipstick"),
        (LIPSTICK, "any makeup by acme", (MAKEUP,), "Lipstick"),
        (LIPSTICK, "makeup in general", (MAKEUP,), "Makeup"),
        (LIPSTICK, "other makeup instead", (MAKEUP,), "Makeup"),
        (MAKEUP, "and lipstick too", (LIPSTICK,), "Lipstick"),
        (MAKEUP, "glossy ones", (), "Lipstick"),
    ],
)
def test_the_narrower_category_is_meant(
    before: Slot, text: str, now: tuple[Slot, ...], expected: str
) -> None:
    state = after_turn(EMPTY, said("first", category=(before,)), tree=Shelf())
    found = after_turn(state, said(text, category=now), tree=Shelf()).query.category
    assert [slot.name for slot in found] == [expected]


def test_he_is_whoever_was_named() -> None:
    boy = said("for my nephew", audience="kids")
    assert after(boy, said("he likes trains", audience="men")).audience == "kids"
    assert after(boy, said("no, for my husband", audience="men")).audience == "men"


def test_what_is_waived_is_cleared() -> None:
    found = after(FIRST, said("any brand, price doesn't matter"))
    assert (found.brand, found.price_max, found.category) == ((), None, (LIPSTICK,))


def test_a_restart_forgets_all() -> None:
    found = after(FIRST, said("start over, mascara", category=(MASCARA,)))
    assert found == said("start over, mascara", category=(MASCARA,))


def test_small_talk_keeps_the_slots() -> None:
    found = after(FIRST, said("thanks!", intent="chitchat", rest="thanks"))
    assert found.intent == "chitchat"
    assert (found.category, found.brand, found.attribute) == ((LIPSTICK,), (ACME,), (RED,))
    assert (
        after(FIRST, said("thanks!", intent="chitchat"), said("matte", attribute=(MATTE,))).intent
        == "find_items"
    )


def test_the_second_one_is_the_item_shown_second() -> None:
    state = DialogueState(FIRST, shown=("i7", "i8", "i9"))
    asked = said("is the second one vegan?", intent="ask_about_item")
    (item,) = after_turn(state, asked).query.item
    assert item.node_id == "i8"
    (last,) = after_turn(state, said("the last one")).query.item
    assert last.node_id == "i9"
    assert after_turn(state, said("the 7th one")).query.item == ()
