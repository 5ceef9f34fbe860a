from nlu.dialogue.edits import Edit, SlotLists, Values, edited
from shopgraph.types import Excluded, ParsedQuery, Slot

ACME, BRIO = (Slot(name.lower(), "Brand", name, name, 1.0) for name in ("Acme", "Brio"))
MATTE = Slot("matte", "Attribute", "", "matte", 1.0)
QUERY = ParsedQuery("acme matte", "en", brand=(ACME,), attribute=(MATTE,), price_max=9.0, sort="rating")


def test_slots_are_removed_added_and_replaced() -> None:
    assert edited(QUERY, Edit(remove=SlotLists(brand=(ACME,)))).brand == ()
    assert edited(QUERY, Edit(add=SlotLists(brand=(BRIO,)))).brand == (ACME, BRIO)
    assert edited(QUERY, Edit(put=SlotLists(brand=(BRIO,)))).brand == (BRIO,)
    assert edited(QUERY, Edit(put=SlotLists(attribute=()))).attribute == ()


def test_a_slot_is_never_both_wanted_and_ruled_out() -> None:
    out = edited(QUERY, Edit(add_excluded=SlotLists(brand=(ACME,))))
    assert (out.brand, out.exclude) == ((), Excluded(brand=(ACME,)))
    back = edited(out, Edit(add=SlotLists(brand=(ACME,))))
    assert (back.brand, back.exclude) == ((ACME,), Excluded())


def test_values_that_are_given_are_set_or_cleared_and_others_stay() -> None:
    changed = edited(QUERY, Edit(values=Values(price_min=2.0, given=("price_min", "price_max"))))
    assert (changed.price_min, changed.price_max, changed.sort) == (2.0, None, "rating")
    assert changed.sources["price_min"] == "user"
    assert edited(QUERY, Edit()) == QUERY
