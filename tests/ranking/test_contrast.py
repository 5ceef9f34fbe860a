"""Two items compared: what differs sums to the difference, and what is alike is no difference."""

import pytest

from ranking.ask import Ask
from ranking.contrast import Contrast, contrast
from ranking.profiles import LiveEvent
from shopgraph.errors import BadRecord, NotFound
from shopgraph.types import NamedNode
from tests.planted import NOW
from tests.ranking.engines import engine_of
from tests.ranking.test_counterfactual import SNAPSHOT, engine, understand


def compared(first: str, second: str, user_id: str | None = "u001", words: str = "") -> Contrast:
    parsed, vector = understand(words) if words else (None, None)
    return contrast(
        engine(), Ask(user_id=user_id, now=NOW, parsed=parsed, query_vector=vector), first, second
    )


@pytest.mark.parametrize("words", ["", "5 or 6"])
def test_differences_sum_to_the_difference_of_the_scores_largest_first(words: str) -> None:
    found = compared("i005", "i006", words=words)
    assert sum(each.value for each in found.differences) == pytest.approx(found.difference, abs=1e-4)
    for each in found.differences:
        assert each.value == pytest.approx(each.above - each.below, abs=1e-9)
    sizes = [abs(each.value) for each in found.differences]
    assert sizes == sorted(sizes, reverse=True)
    assert found.standings[0].rank < found.standings[1].rank


def test_the_other_way_round_every_difference_turns_its_sign() -> None:
    there, back = compared("i005", "i006"), compared("i006", "i005")
    assert there.difference == pytest.approx(-back.difference)
    assert sorted(each.value for each in there.differences) == pytest.approx(
        sorted(-each.value for each in back.differences)
    )


def test_the_same_path_to_both_is_one_difference() -> None:
    own = engine_of(engine().hybrid, SNAPSHOT)
    own.profiles.add("ida", [LiveEvent("e1", "i001", "purchase", NOW)])
    found = contrast(own, Ask(user_id="ida", now=NOW), "i005", "i009")
    over_brand = [
        each
        for each in found.differences
        if any(isinstance(step, NamedNode) and step.label == "Brand" for step in each.reason.path)
    ]
    assert len(over_brand) == 1  # both are of the past item's brand
    assert over_brand[0].above > 0
    assert over_brand[0].below > 0


def test_an_item_is_not_compared_with_itself() -> None:
    with pytest.raises(BadRecord, match="another item"):
        compared("i005", "i005")


def test_an_unknown_item_is_said() -> None:
    with pytest.raises(NotFound, match="zzz"):
        compared("i005", "zzz")
