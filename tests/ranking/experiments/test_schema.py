from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ranking.experiments.schema import Draft, Experiment
from tests.ranking.experiments.made import NOON, draft


def arms(*weights: float, **changes: Any) -> list[dict[str, Any]]:
    return [{"name": f"arm{n}", "weight": weight, **changes} for n, weight in enumerate(weights)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": arms(0.5, 0.4)}, "must sum to 1, they sum to 0.9"),
        ({"arms": arms(0.5, 0.5, name="same")}, "names of their own"),
        ({"arms": arms(1.0)}, "at least 2"),
        ({"arms": arms(1.5, -0.5)}, "less than or equal to 1"),
        ({"arms": arms(0.5, 0.5, colour="red")}, "Extra inputs"),
        ({"arms": arms(0.5, 0.5, change={"factors": {"graph": -1}})}, "greater than or equal to 0"),
        ({"arms": arms(0.5, 0.5, change={"factors": {"graph": float("nan")}})}, "finite"),
        ({"traffic": {"start": 0.5, "end": 0.5}}, "above traffic.start"),
        ({"start": NOON, "end": NOON}, "end must be after start"),
        ({"guardrails": [{"metric": "happiness", "max_drop": 0.1}]}, "Input should be"),
        ({"kind": "interleaving", "arms": arms(0.7, 0.3)}, "two arms of weight 0.5"),
        ({"kind": "interleaving", "guardrails": [{"metric": "ctr", "max_drop": 0.1}]}, "no guardrails"),
        ({"experiment_id": "A b"}, "should match pattern"),
        ({"name": "line\nbreak"}, "line breaks"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        draft(**changes)


def test_three_thirds_sum_to_one() -> None:
    assert len(draft(arms=arms(1 / 3, 1 / 3, 1 / 3)).arms) == 3


def kept(**changes: Any) -> Experiment:
    content = draft(**changes).model_dump()
    return Experiment.model_validate({**content, "version": 1, "created": NOON, "updated": NOON})


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ({}, {}, True),
        ({"traffic": {"end": 0.5}}, {"traffic": {"start": 0.5}}, False),
        ({"traffic": {"end": 0.6}}, {"traffic": {"start": 0.5}}, True),
        ({"audience": {"scenarios": ["search"]}}, {"audience": {"scenarios": ["similar"]}}, False),
        ({"audience": {"scenarios": ["search"]}}, {}, True),
        ({"audience": {"groups": ["cold"]}}, {"audience": {"groups": ["heavy", "warm"]}}, False),
        ({"audience": {"user_ids": ["a"]}}, {"audience": {"user_ids": ["b"]}}, False),
        ({"audience": {"user_ids": ["a"]}}, {"audience": {"groups": ["cold"]}}, True),
        ({"end": NOON}, {"start": NOON}, False),
    ],
)
def test_experiments_overlap_where_an_answer_could_be_of_both(
    first: dict[str, Any], second: dict[str, Any], meet: bool
) -> None:
    assert kept(**first).overlaps(kept(**second)) is meet
    assert kept(**second).overlaps(kept(**first)) is meet


def test_a_draft_is_a_value_and_its_salt_is_made_up() -> None:
    content = draft().model_dump(exclude={"salt"})
    assert Draft.model_validate(content).salt != Draft.model_validate(content).salt


def test_the_guides_example_is_an_experiment() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "experiments.md").read_text(encoding="utf-8")
    example = guide.split("```json\n")[1].split("```")[0]
    assert Draft.model_validate_json(example).control.name == "control"
