from pathlib import Path

import faiss
import numpy as np
import pytest

from gnn.index import CompactIndex, ExactIndex, Storage, build_index, load_index
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


COMPACT: tuple[Storage, ...] = ("float16", "sq8")
STORAGES: tuple[Storage, ...] = ("float32", *COMPACT)


@pytest.mark.parametrize(("storage", "row_bytes"), [("float32", 64), ("float16", 32), ("sq8", 16)])
def test_a_row_takes_the_bytes_of_its_storage(storage: Storage, row_bytes: int, tmp_path: Path) -> None:
    index = build_index(np.eye(16, dtype=np.float32), storage)
    assert index.row_bytes == row_bytes
    index.save(tmp_path / "items.faiss")
    assert load_index(tmp_path / "items.faiss").row_bytes == row_bytes


@pytest.mark.parametrize("storage", COMPACT)
def test_compact_rows_score_as_what_they_decode_to(storage: Storage) -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    queries = np.random.default_rng(1).normal(size=(5, 16)).astype(np.float32)
    scores, rows = build_index(vectors, storage).search(queries, 200)
    found = np.empty_like(scores)
    np.put_along_axis(found, rows, scores, 1)
    spans = vectors.max(axis=0) - vectors.min(axis=0)
    # sq8: no value is further off than half a step of its dimension; float16: 11 bits of precision.
    step = spans / 255 / 2 if storage == "sq8" else np.abs(vectors).max(axis=0) / 2**11
    assert (np.abs(found - queries @ vectors.T) <= np.abs(queries) @ step[:, None] * 1.02 + 1e-4).all()


@pytest.mark.parametrize("storage", COMPACT)
def test_compact_index_keeps_neighbours_that_lie_apart(storage: Storage) -> None:
    index = build_index(np.array([[1, 0], [0, 1], [2, 2]], np.float32), storage)
    assert index.search(np.array([[1, 0], [-1, 3]], np.float32), 3)[1].tolist() == [[2, 0, 1], [2, 1, 0]]


@pytest.mark.parametrize("storage", STORAGES)
def test_any_storage_survives_the_file(storage: Storage, tmp_path: Path) -> None:
    index = build_index(np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32), storage)
    index.save(tmp_path / "items.faiss")
    queries = np.ones((1, 4), np.float32)
    for before, after in zip(
        index.search(queries, 5), load_index(tmp_path / "items.faiss").search(queries, 5), strict=True
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("storage", STORAGES)
def test_any_storage_may_be_empty(storage: Storage) -> None:
    _, rows = build_index(np.zeros((0, 2), np.float32), storage).search(np.ones((1, 2), np.float32), 1)
    assert rows.tolist() == [[-1]]


@pytest.mark.parametrize("storage", COMPACT)
@pytest.mark.parametrize("kept", [0, 10, -1])
def test_cut_compact_file_is_refused(storage: Storage, kept: int, tmp_path: Path) -> None:
    path = tmp_path / "items.faiss"
    build_index(np.eye(4, dtype=np.float32), storage).save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ArtefactDamaged, match=r"items\.faiss"):
        load_index(path)


def test_exact_and_compact_are_not_taken_for_each_other(tmp_path: Path) -> None:
    vectors = np.eye(4, dtype=np.float32)
    CompactIndex(vectors, "sq8").save(tmp_path / "sq8.faiss")
    ExactIndex(vectors).save(tmp_path / "exact.faiss")
    with pytest.raises(ArtefactDamaged, match="another kind"):
        ExactIndex.load(tmp_path / "sq8.faiss")
    with pytest.raises(ArtefactDamaged, match="another kind"):
        CompactIndex.load(tmp_path / "exact.faiss")


def test_compact_index_of_distances_is_refused(tmp_path: Path) -> None:
    index = faiss.IndexScalarQuantizer(4, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2)
    faiss.write_index(index, str(tmp_path / "items.faiss"))
    with pytest.raises(ArtefactDamaged, match="another kind"):
        load_index(tmp_path / "items.faiss")
