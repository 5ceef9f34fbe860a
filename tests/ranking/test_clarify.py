from dataclasses import replace

import numpy as np
import pytest

from ranking.catalogue import ATTRIBUTE, CATEGORY, CHILD_OF, HAS_ATTRIBUTE, IN_CATEGORY, MADE_BY, Catalogue
from ranking.clarify import ClarifyConfig, clarifying_question, information_gain
from shopgraph.types import NodeTable, ParsedQuery, Slot
from tests.planted import edges, planted_snapshot

CONFIG = ClarifyConfig(n_candidates=50, min_candidates=4, min_gain_bits=0.85, max_options=3)
NOTHING = ParsedQuery("", "en")


@pytest.mark.parametrize(
    ("values", "told_apart", "bits"),
    [
        ({0: ["a"], 1: ["b"]}, "ab", 1.0),  # halves
        ({0: ["a"], 1: ["a"]}, "a", 0.0),  # all alike
        ({0: ["a"], 1: ["b"], 2: ["c"], 3: ["d"]}, "a", 0.8112781),  # one quarter against the rest
        ({0: ["a", "b"], 1: ["a", "b"]}, "ab", 0.0),  # everyone has everything: the answer tells nothing
        ({}, "ab", 0.0),
    ],
)
def test_information_gain(values: dict[int, list[str]], told_apart: str, bits: float) -> None:
    weights = np.ones(max(len(values), 1))
    assert information_gain(values, weights, told_apart) == pytest.approx(bits)


def test_items_without_a_value_lessen_the_gain() -> None:
    assert information_gain({0: ["a"], 1: ["b"]}, np.ones(4), "ab") == pytest.approx(0.5)


def shop() -> Catalogue:
    """Eight items of one brand, red and blue by turns; c000 ⊃ c001 (0–3), c002 (4–6); 7 in c003."""
    small = planted_snapshot(n_users=4, n_items=8, n_tastes=2, n_events=2)
    items = replace(small.items, price=np.full(8, 5, np.float32))
    nodes = {
        **small.nodes,
        CATEGORY: NodeTable(("c000", "c001", "c002", "c003"), ("Clothes", "Shoes", "Coats", "Toys")),
        ATTRIBUTE: NodeTable(("colour:red", "colour:blue"), ("red", "blue"), ("红色", "蓝色")),
    }
    relations = {
        MADE_BY: edges(range(8), [0] * 8),
        IN_CATEGORY: edges(range(8), [1, 1, 1, 1, 2, 2, 2, 3]),
        CHILD_OF: edges([1, 2], [0, 0]),
        HAS_ATTRIBUTE: edges(range(8), [0, 1] * 4),
    }
    return Catalogue.from_snapshot(replace(small, items=items, nodes=nodes, relations=relations))


SHOP = shop()
EVERYTHING = np.arange(8, dtype=np.int32)
CLOTHES = Slot("clothes", "Category", "c000", "Clothes", 1.0)


def test_the_slot_that_splits_best_is_asked_about_with_counts() -> None:
    question = clarifying_question(EVERYTHING, NOTHING, SHOP, CONFIG, "zh")
    assert question is not None
    assert (question.slot, question.field) == ("colour", "attribute")
    assert [(option.name, option.count) for option in question.options] == [("红色", 4), ("蓝色", 4)]
    assert question.gain_bits == pytest.approx(1.0, abs=0.05)


def test_a_stated_category_is_split_into_its_children() -> None:
    asked = clarifying_question(
        EVERYTHING, replace(NOTHING, category=(CLOTHES,)), SHOP, CONFIG, "en", {"colour"}
    )
    assert asked is not None
    assert [(option.name, option.count) for option in asked.options] == [("Shoes", 4), ("Coats", 3)]
    assert asked.options[0].node_ids == ("c001",)


@pytest.mark.parametrize(
    ("parsed", "config", "asked"),
    [
        (NOTHING, CONFIG.model_copy(update={"min_candidates": 9}), ()),  # a short list
        (NOTHING, CONFIG.model_copy(update={"min_gain_bits": 1.5}), ()),  # nothing splits it well enough
        (NOTHING, CONFIG, ("colour", "category")),  # asked before; one brand and one price split nothing
    ],
)
def test_no_question(parsed: ParsedQuery, config: ClarifyConfig, asked: tuple[str, ...]) -> None:
    assert clarifying_question(EVERYTHING, parsed, SHOP, config, "en", asked) is None
