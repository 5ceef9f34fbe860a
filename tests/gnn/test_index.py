from pathlib import Path

import faiss
import numpy as np
import pytest

from gnn.index import ExactIndex
from shopgraph.errors import ArtefactDamaged


def test_nearest_rows_come_best_first() -> None:
    index = ExactIndex(np.array([[1, 0], [0, 1], [2, 2]], np.float32))
    scores, rows = index.search(np.array([[1, 0], [-1, 3]], np.float32), 3)
    assert rows.tolist() == [[2, 0, 1], [2, 1, 0]]
    np.testing.assert_array_equal(scores, [[2, 1, 0], [4, 3, -1]])
    assert rows.dtype == np.int32


def test_equals_brute_force() -> None:
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(500, 16)), rng.normal(size=(20, 16))
    scores, rows = ExactIndex(vectors.astype(np.float32)).search(queries.astype(np.float32), 10)
    expected = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(scores, np.take_along_axis(queries @ vectors.T, expected, 1), rtol=1e-4)


def test_places_past_the_last_row_are_marked() -> None:
    scores, rows = ExactIndex(np.eye(2, dtype=np.float32)).search(np.ones((1, 2), np.float32), 4)
    assert rows[0, 2:].tolist() == [-1, -1]
    assert np.isneginf(scores[0, 2:]).all()


def test_empty_index_finds_nothing() -> None:
    _, rows = ExactIndex(np.zeros((0, 2), np.float32)).search(np.ones((1, 2), np.float32), 1)
    assert rows.tolist() == [[-1]]


def test_saved_index_answers_the_same(tmp_path: Path) -> None:
    index = ExactIndex(np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32))
    index.save(tmp_path / "items.faiss")
    loaded = ExactIndex.load(tmp_path / "items.faiss")
    queries = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(loaded.search(queries, 5)[1], index.search(queries, 5)[1])
    assert (len(loaded), loaded.dim) == (50, 4)


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "items.faiss"
    ExactIndex(np.eye(4, dtype=np.float32)).save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ArtefactDamaged, match=r"items\.faiss"):
        ExactIndex.load(path)


def test_index_of_another_kind_is_refused(tmp_path: Path) -> None:
    faiss.write_index(faiss.IndexFlatL2(4), str(tmp_path / "items.faiss"))
    with pytest.raises(ArtefactDamaged, match="another kind"):
        ExactIndex.load(tmp_path / "items.faiss")


@pytest.mark.parametrize(("shape", "k", "named"), [((1, 3), 1, "shape"), ((1, 2), 0, "k must")])
def test_wrong_query_is_named(shape: tuple[int, int], k: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ExactIndex(np.eye(2, dtype=np.float32)).search(np.ones(shape, np.float32), k)
