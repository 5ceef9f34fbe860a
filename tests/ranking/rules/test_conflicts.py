from datetime import timedelta

import pytest

from ranking.rules.conflicts import Checker, Finding
from ranking.rules.schema import Rule
from tests.planted import NOW
from tests.ranking.rules.made import LATER, ban_path, boost, cap, hide, pin, rule
from tests.ranking.rules.test_ruled_engine import ENGINE, IDS

CHECKER = Checker(ENGINE.catalogue, ENGINE.hybrid)


def findings(*rules: Rule) -> list[Finding]:
    return CHECKER.findings(rules, NOW)


def kinds(*rules: Rule) -> list[tuple[str, tuple[str, ...]]]:
    return [(found.kind, found.rule_ids) for found in findings(*rules)]


def test_rules_that_agree_have_no_conflict() -> None:
    assert not findings(
        rule("r1", pin("i001", 1)),
        rule("r2", pin("i002", 2)),
        rule("r3", hide("i003")),
        rule("r4", boost(2, brand_ids=["b001"])),
        rule("r5", cap("brand", 2)),
    )


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (pin("i001", 1), pin("i002", 1), "same_place"),
        (pin("i001", 1), pin("i001", 4), "pinned_twice"),
        (pin("i001", 1), hide("i001"), "pin_not_listed"),
        (pin("i000", 1), {"type": "in_stock"}, "pin_not_listed"),
        (hide("i001"), boost(3, item_ids=["i001", "i002"]), "weighed_not_listed"),
        (boost(3, brand_ids=["b001"]), boost(0.5, item_ids=["i001"]), "boost_and_bury"),
    ],
)
def test_two_rules_at_odds_are_found_either_way_round(
    one: dict[str, object], other: dict[str, object], kind: str
) -> None:
    assert kinds(rule("r1", one), rule("r2", other)) == [(kind, ("r1", "r2"))]
    assert kinds(rule("r1", other), rule("r2", one)) == [(kind, ("r1", "r2"))]
    assert kinds(rule("c", {"type": "campaign", "effects": [one, other]})) == [(kind, ("c",))]
    elsewhere = rule("r2", other, audience={"scenarios": ["similar"]})
    assert not kinds(rule("r1", one, audience={"scenarios": ["search"]}), elsewhere)
    assert not kinds(rule("r1", one, end=LATER), rule("r2", other, start=LATER))
    assert not kinds(
        rule("r1", one, audience={"user_ids": ["a"]}), rule("r2", other, audience={"user_ids": ["b"]})
    )
    assert not kinds(rule("r1", one, enabled=False), rule("r2", other))
    assert kinds(
        rule("r1", one, audience={"user_ids": ["a"]}), rule("r2", other, audience={"groups": ["cold"]})
    )


def test_more_pins_than_a_cap_allows_are_found() -> None:
    pins = {"type": "campaign", "effects": [pin("i001", 1), pin("i005", 2), pin("i002", 3)]}
    (found,) = findings(rule("r1", pins), rule("r2", cap("brand", 1)))
    assert (found.kind, found.item_ids, found.n_items) == ("pins_over_cap", ("i001", "i005"), 2)


def test_rules_that_leave_nothing_are_found_with_whom_and_when() -> None:
    cheap = rule("r1", {"type": "price_band", "price_max": 20})
    dear = rule("r2", {"type": "price_band", "price_min": 30}, start=LATER, audience={"groups": ["warm"]})
    (found,) = findings(cheap, dear)
    assert (found.kind, found.rule_ids) == ("empties_lists", ("r1", "r2"))
    assert "warm" in found.sentence
    assert not findings(cheap.model_copy(update={"end": LATER}), dear)


def test_what_shop_and_model_lack_is_found() -> None:
    hidden = rule("r1", hide("i001", "no such", *[f"x{n}" for n in range(9)]))
    (found,) = findings(hidden)
    assert found.kind == "unknown_to_shop"
    assert "Item 'no such'" in found.sentence
    assert kinds(rule("r2", hide("gone"))) == [("unknown_to_shop", ("r2",)), ("matches_nothing", ("r2",))]
    over = rule("r3", hide(IDS[0]), end=NOW - timedelta(days=1))
    assert kinds(over) == [("over", ("r3",))]
    ban = rule("r4", ban_path(("WORN_BY", True)))
    assert kinds(ban) == [("unknown_to_model", ("r4",)), ("ban_not_reaching", ("r4",))]
    known = rule("r5", ban_path(("MADE_BY", True), ("MADE_BY", False)))
    (limit,) = findings(known)
    assert limit.kind == "ban_not_reaching"
    assert "ease" in limit.sentence
