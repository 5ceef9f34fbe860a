"""shopgraph/benches/search.py: what is asked, and that the rows compare what they say."""

import numpy as np

from ranking.search_lessons import Searches
from shopgraph.benches.search import OVER, Task, compare
from shopgraph.types import FloatMatrix
from tests.ranking.engines import item_item_hybrid, shop


class _TitleNumber:
    """Reads "003" as the text vector of item 3."""

    name, dim = "title number", 16

    def __init__(self, vectors: FloatMatrix) -> None:
        self._vectors = vectors

    def encode(self, texts: list[str], kind: str) -> FloatMatrix:
        return np.stack([self._vectors[int(text.split()[1])] for text in texts])


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
