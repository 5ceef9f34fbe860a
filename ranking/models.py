"""Which part of the score a model belongs to, and what the models of a hybrid are called."""

from shopgraph.types import Exactness, Recommender

GRAPH, ITEM_ITEM = "graph", "item_item"
"""The parts of the score that are sums of models."""

LINEAR, EASE = "linear", "ease"
"""Names of the two models that a hybrid always has by default."""

SEQUENCE, NEAR = "sequence", "near"
"""Names of the models that a hybrid has by default where they fit the data and it ranks better with them."""


def part_of_model(model: Recommender) -> str:
    """The part that a model belongs to: exact per past item is `item_item`, all else `graph`."""
    return ITEM_ITEM if model.exactness is Exactness.PAST_ITEM else GRAPH
