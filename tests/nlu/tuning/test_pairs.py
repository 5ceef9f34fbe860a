import numpy as np

from nlu.tuning.pairs import Positives, TextPairs
from shopgraph.types import IntVector

ITEMS = ("teapot", "cup", "tent", "boots")


def column(*values: int) -> IntVector:
    return np.array(values, np.int32)


def rows(pairs: TextPairs) -> list[tuple[int, int]]:
    return list(zip(pairs.anchor_idx.tolist(), pairs.item_idx.tolist(), strict=True))


def test_nothing_that_is_kept_knows_a_held_out_item() -> None:
    pairs = TextPairs("co-bought", "passage", ITEMS, column(0, 0, 1, 2, 3), column(1, 3, 0, 3, 2))
    kept, out = pairs.with_items(np.array([False, False, False, True]))
    assert rows(kept) == [(0, 1), (1, 0)]
    assert rows(out) == [(0, 3), (2, 3)]


def test_a_search_is_held_out_by_its_item_alone() -> None:
    pairs = TextPairs("search", "query", ("tea", "camp"), column(0, 1, 1), column(0, 2, 3))
    kept, out = pairs.with_items(np.array([True, True, False, False]))
    assert rows(kept) == [(1, 2), (1, 3)]
    assert rows(out) == [(0, 0)]


def test_known_positives_are_no_negatives() -> None:
    pairs = TextPairs("search", "query", ("tea", "camp"), column(0, 0, 1), column(0, 1, 2))
    among = Positives(pairs, len(ITEMS)).among(column(0, 1), column(1, 2))
    assert among.tolist() == [[True, False], [False, True]]


def test_an_item_is_no_negative_to_itself() -> None:
    pairs = TextPairs("co-bought", "passage", ITEMS, column(0, 2), column(1, 0))
    among = Positives(pairs, len(ITEMS)).among(column(0, 2), column(1, 0))
    assert among.tolist() == [[True, True], [False, True]]
