"""The tree of a score: every level sums to the one above."""

import pytest

from ranking.ask import Ask
from ranking.decomposition import Decomposition, decompose
from ranking.profiles import LiveEvent
from shopgraph.types import PARTS
from tests.planted import NOW
from tests.ranking.engines import QUIET_USER, engine_of
from tests.ranking.test_counterfactual import SNAPSHOT, engine, understand


def taken_apart(item_id: str, user_id: str | None = "u001", words: str = "") -> Decomposition:
    parsed, vector = understand(words) if words else (None, None)
    return decompose(engine(), Ask(user_id=user_id, now=NOW, parsed=parsed, query_vector=vector), item_id)


@pytest.mark.parametrize(
    ("user_id", "words"),
    [("u001", ""), ("u001", "5 or 6"), (None, "5"), (QUIET_USER, ""), (None, ""), ("nobody", "")],
)
def test_every_level_sums_to_the_one_above(user_id: str | None, words: str) -> None:
    found = taken_apart("i005", user_id, words)
    assert tuple(part.part for part in found.parts) == PARTS
    assert sum(part.value for part in found.parts) == pytest.approx(found.standing.score, abs=1e-4)
    assert found.sum_error < 1e-4
    for part in found.parts:
        assert part.value == pytest.approx(found.standing.score_parts[part.part], abs=1e-4)
        leaves = sum(each.value for each in part.past) + sum(each.share for each in part.others)
        assert leaves == pytest.approx(part.value, abs=1e-6)
        for each in part.past:
            assert sum(reason.share for reason in each.reasons) == pytest.approx(each.value, abs=1e-6)


def test_each_past_item_has_its_paths_and_what_no_path_says() -> None:
    own = engine_of(engine().hybrid, SNAPSHOT)
    events = [LiveEvent("e1", "i001", "view_item", NOW), LiveEvent("e2", "i001", "purchase", NOW)]
    own.profiles.add("ida", [*events, LiveEvent("e3", "i002", "purchase", NOW)])
    graph, item_item, features, _, _ = decompose(own, Ask(user_id="ida", now=NOW), "i005").parts
    by_id = {each.item.id: each for each in graph.past}
    assert by_id.keys() == {"i001", "i002"}
    assert by_id["i001"].events == ("view_item", "purchase")
    assert {len(reason.path) for reason in by_id["i001"].reasons} >= {0, 5}  # latent, and over a node
    assert by_id["i001"].value > by_id["i002"].value
    assert {each.item.id for each in item_item.past} <= by_id.keys()
    assert graph.others == ()
    assert features.past == ()
    assert features.others


def test_a_search_without_a_shopper_has_a_text_part_alone() -> None:
    found = taken_apart("i005", None, "5")
    assert found.query == "5"
    assert not any(part.past for part in found.parts)
    (text,) = (part for part in found.parts if part.part == "text")
    assert text.value > 0
