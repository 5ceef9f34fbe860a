"""shopgraph/benches/search.py: what is asked, and that the rows compare what they say."""

import numpy as np

from shopgraph.benches.search import OVER, Searches, Task, compare, known_items
from shopgraph.types import FloatMatrix, Heldout
from tests.planted import planted_snapshot
from tests.ranking.engines import item_item_hybrid, shop


class _TitleNumber:
    """Reads "003" as the text vector of item 3."""

    name, dim = "title number", 16

    def __init__(self, vectors: FloatMatrix) -> None:
        self._vectors = vectors

    def encode(self, texts: list[str], kind: str) -> FloatMatrix:
        return np.stack([self._vectors[int(text.split()[1])] for text in texts])


def test_known_items_are_words_of_held_out_titles_in_their_order() -> None:
    snapshot = planted_snapshot()
    heldout = Heldout(np.array([3, 5], np.int32), np.array([0, 1, 3]), np.array([7, 8, 9], np.int32))
    found = known_items(snapshot, heldout, 10, np.random.default_rng(0))
    wanted = dict(zip(found.user_idx.tolist(), found.item_idx.tolist(), strict=True))
    assert wanted[3] == 7
    assert wanted[5] in (8, 9)
    assert all(2 <= len(words.split()) <= 4 for words in found.words)


def test_rankers_that_read_numbers_find_the_item_and_gains_are_over_the_ranker_named() -> None:
    snapshot = shop()
    assert snapshot.text_vectors is not None
    words = [f"item {row:03d}" for row in range(12)]
    searches = Searches(np.arange(12, dtype=np.int32), words, np.arange(12, dtype=np.int32))
    task = Task("planted", snapshot, item_item_hybrid(snapshot), searches)
    rows = compare(task, _TitleNumber(snapshot.text_vectors))  # type: ignore[arg-type]  # lists are enough here
    by_name = {row["ranker"]: row for row in rows}
    assert list(by_name) == ["BM25", "encoder alone", "text only", "hybrid", "personal hybrid"]
    assert by_name["BM25"]["ndcg@10"] == by_name["encoder alone"]["ndcg@10"] == 1.0
    for name, row in by_name.items():
        over = by_name[OVER[name]]["ndcg@10"]
        assert abs(row["gain"] - (row["ndcg@10"] - over)) < 2e-4
        assert row["gain_ci95"][0] <= row["gain"] <= row["gain_ci95"][1]
