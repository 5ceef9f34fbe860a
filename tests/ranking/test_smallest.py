"""The smallest set of past items, held against trying every set."""

from dataclasses import replace
from itertools import combinations

import pytest

from ranking.ask import Ask
from ranking.counterfactual import WithoutPast, counterfactual
from ranking.engine import Engine
from ranking.profiles import LiveEvent
from ranking.smallest import smallest_set
from shopgraph.errors import BadRecord
from shopgraph.types import Filters
from tests.planted import NOW
from tests.ranking.engines import engine_of
from tests.ranking.test_counterfactual import SNAPSHOT, understand
from tests.ranking.test_counterfactual import engine as trained

PAST = ("i001", "i005", "i002", "i009")
"""Three items of one taste, one of another."""
TARGET = "i013"


@pytest.fixture
def engine() -> Engine:
    own = engine_of(trained().hybrid, SNAPSHOT)
    own.profiles.add("ida", [LiveEvent(f"e{n}", item, "purchase", NOW) for n, item in enumerate(PAST)])
    return own


def rank_without(engine: Engine, gone: tuple[str, ...]) -> int:
    """The rank by another shopper's past, who has only the others, among what is not taken out."""
    name = "-".join(("without", *gone))
    left = [item for item in PAST if item not in gone]
    engine.profiles.introduce(name)
    engine.profiles.add(name, [LiveEvent(f"{name}{item}", item, "purchase", NOW) for item in left])
    ask = Ask(user_id=name, now=NOW, filters=Filters(exclude_item_ids=frozenset(gone)))
    return engine.explain(ask, TARGET, reasons=0).item.rank


@pytest.mark.parametrize("most_tried", [200, 0])
def test_the_set_drops_the_item_and_no_smaller_one_does(engine: Engine, most_tried: int) -> None:
    ask = Ask(user_id="ida", now=NOW)
    n = engine.explain(ask, TARGET, reasons=0).item.rank + 3
    found = smallest_set(engine, ask, TARGET, n, most_tried)
    assert found.outcome == "found"
    assert rank_without(engine, found.past) > n
    sizes = [
        size
        for size in range(len(PAST) + 1)
        if any(rank_without(engine, gone) > n for gone in combinations(PAST, size))
    ]
    if most_tried:
        assert (found.method, len(found.past)) == ("exact", min(sizes))
    for kept in found.past:
        others = tuple(item for item in found.past if item != kept)
        assert rank_without(engine, others) <= n
    assert found.counterfactual == counterfactual(
        engine, ask, TARGET, [WithoutPast(item) for item in found.past], understand
    )


def test_an_item_that_is_not_listed_needs_nothing_taken_out(engine: Engine) -> None:
    found = smallest_set(engine, Ask(user_id="ida", now=NOW), "i003", 1)
    assert (found.outcome, found.past, found.n_tried) == ("not_listed", (), 1)


def test_an_item_that_stays_whatever_is_taken_out_is_said_to(engine: Engine) -> None:
    found = smallest_set(engine, Ask(user_id="ida", now=NOW), TARGET, SNAPSHOT.n_items)
    assert (found.outcome, found.method, found.counterfactual) == ("stays", "exact", None)
    assert found.n_tried == 2 ** len(PAST)
    greedy = smallest_set(engine, Ask(user_id="ida", now=NOW), TARGET, SNAPSHOT.n_items, most_tried=3)
    assert (greedy.outcome, greedy.method) == ("stays", "greedy")


def test_a_search_by_nobody_has_no_past_to_take_out(engine: Engine) -> None:
    parsed, vector = understand("13")
    ask = Ask(now=NOW, parsed=parsed, query_vector=vector)
    assert smallest_set(engine, ask, TARGET, 5).outcome == "stays"


def test_there_is_no_list_of_no_places(engine: Engine) -> None:
    with pytest.raises(BadRecord, match="at least 1"):
        smallest_set(engine, replace(Ask(now=NOW), user_id="ida"), TARGET, 0)
