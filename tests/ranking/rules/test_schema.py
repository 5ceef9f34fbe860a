from typing import Any

import pytest
from pydantic import ValidationError

from ranking.rules.exchange import BadRules, findings, rules_of_text, rules_to_text
from ranking.rules.schema import Draft
from tests.planted import NOW
from tests.ranking.rules.made import LATER, boost, cap, draft, hide, pin, rule

HOSTILE = [
    "<script>alert(1)</script>",
    "'; DROP TABLE entry; --",
    "{{ 7*7 }} ${x}",
    "\u202eevil",
    "折扣 🎁",
    "a/b?c#d%2F",
]


def wrong(**said: Any) -> list[tuple[str, str]]:
    body = {"name": "A rule", "author": "mia", "effect": hide("i1"), **said}
    with pytest.raises(ValidationError) as caught:
        Draft.model_validate(body)
    return findings(caught.value)


@pytest.mark.parametrize(
    ("said", "field", "reason"),
    [
        ({"priorty": 3}, "priorty", "Extra inputs"),
        ({"effect": {**hide("i1"), "untl": 1}}, "effect.untl", "Extra inputs"),
        ({"effect": {"type": "hide", "target": {"brand": ["b"]}}}, "effect.target.brand", "Extra inputs"),
        ({"effect": {"type": "hide", "target": {}}}, "effect.target", "must name items"),
        ({"effect": {"type": "remove"}}, "effect", "does not match any of the expected tags"),
        ({"effect": {"target": {"item_ids": ["i1"]}}}, "effect", "Unable to extract tag"),
        ({"effect": {**boost(2, item_ids=["i1"]), "factor": 0.5}}, "effect.factor", "greater than 1"),
        ({"effect": {**boost(0.5, item_ids=["i1"]), "factor": -1}}, "effect.factor", "greater than"),
        ({"effect": {**boost(2, item_ids=["i1"]), "factor": 1e300}}, "effect.factor", "less than"),
        ({"effect": pin("i1", 0)}, "effect.position", "greater than or equal to 1"),
        ({"effect": cap("colour", 2)}, "effect.by", "'brand' or 'category'"),
        ({"effect": {"type": "price_band"}}, "effect", "give price_min"),
        ({"effect": {"type": "price_band", "price_min": 9, "price_max": 3}}, "effect", "not be below"),
        ({"effect": {"type": "ban_relation", "relation": "a]->(n) DETACH DELETE n //"}}, "effect.relation",
         "match pattern"),
        ({"effect": {"type": "ban_entity", "label": "Item", "entity_id": "i1"}}, "effect", "no entity"),
        ({"effect": {"type": "ban_path", "path": []}}, "effect.path", "at least 1"),
        ({"effect": {"type": "campaign", "effects": [pin("i1", 1), {"type": "campaign", "effects": []}]}},
         "effect.effects.1", "does not match"),
        ({"start": NOW.isoformat(), "end": NOW.isoformat()}, "rule", "end must be after start"),
        ({"start": "2026-01-01T00:00:00"}, "start", "timezone"),
        ({"audience": {"groups": ["lukewarm"]}}, "audience.groups.0", "'cold', 'warm' or 'heavy'"),
        ({"name": "two\nlines"}, "name", "control characters"),
        ({"name": "  "}, "name", "blank"),
        ({"author": "\ud800"}, "author", "unicode"),
        ({"rule_id": "../../etc"}, "rule_id", "match pattern"),
    ],
)  # fmt: skip
def test_what_a_rule_may_not_say_is_named(said: dict[str, Any], field: str, reason: str) -> None:
    found = wrong(**said)
    assert any(place == field and reason in text for place, text in found), found


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_words(text: str) -> None:
    made = draft(
        hide(text), name=text, author=text, reason=text + "\nand more", audience={"user_ids": [text]}
    )
    (again,) = rules_of_text(rules_to_text([rule("r1", hide(text), name=text, author=text)]))
    assert (made.name, again.name, again.author) == (text, text, text)


def test_an_exported_rule_comes_back_as_it_was() -> None:
    rules = [
        rule("r1", {"type": "campaign", "effects": [pin("i1", 2), boost(1.5, brand_ids=["b"])]}, end=LATER),
        rule("r2", cap("brand", 2, within=5), audience={"groups": ["cold"]}, start=NOW, priority=-3),
    ]
    text = rules_to_text(rules)
    assert [*map(Draft.model_dump, rules_of_text(text))] == [one.draft().model_dump() for one in rules]
    assert len(text.splitlines()) == 4
    assert rules_of_text(rules_to_text([])) == []


def test_every_wrong_line_is_named_and_nothing_is_read() -> None:
    good = rules_to_text([rule("r1", hide("i1"), priority=7)]).splitlines()[1]
    bad = good.replace('"priority": 7', '"priority": 5000')
    with pytest.raises(BadRules) as caught:
        rules_of_text(f"[\n{good},\n{bad},\n{bad.replace('i1', '')}\n]")
    places = [place for place, _ in caught.value.errors]
    assert places == ["line 3: priority", "line 4: effect.target.item_ids.0", "line 4: priority"]
    with pytest.raises(BadRules, match="line 3: rule_id: stands in line 2 already"):
        rules_of_text(f"[\n{good},\n{good}\n]")


def test_a_text_of_any_length_or_depth_is_refused_soon() -> None:
    for text in ("[" * 200_000, "[" + "1," * 100_000, "1\n" * 100_000, '{"a":' * 100_000):
        with pytest.raises(BadRules) as caught:
            rules_of_text(text)
        assert len(caught.value.errors) <= 110
    assert rules_of_text("\ufeff[]\n") == []


@pytest.mark.parametrize("text", ["[\n{", "[1, 2", '[{"name"}]', "[] []", "nonsense", "[\n\n]]"])
def test_what_is_no_json_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(BadRules, match=r"line [123]"):
        rules_of_text(text)
