import numpy as np
from numpy.typing import NDArray

from shopgraph.benches.compression import Asked, compare, int8_rows
from shopgraph.types import IntVector


def test_int8_rows_are_off_by_half_a_step_at_most() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    step = np.abs(vectors).max(axis=1, keepdims=True) / 127
    assert (np.abs(int8_rows(vectors) - vectors) <= step / 2 * 1.001).all()
    assert not int8_rows(np.zeros((1, 8), np.float32)).any()


def test_fewer_bytes_keep_what_lies_apart_and_the_loss_is_against_float32() -> None:
    vectors = (
        np.eye(16, dtype=np.float32)[np.arange(64) % 16] * np.linspace(1, 3, 64, dtype=np.float32)[:, None]
    )

    def first_is_last_row_of_its_axis(ranked: IntVector) -> NDArray[np.float64]:
        return np.asarray(ranked[:, 0] == 48 + np.arange(16), np.float64)

    asked = Asked("planted", vectors, np.eye(16, dtype=np.float32), value=first_is_last_row_of_its_axis)
    rows = {row["storage"]: row for row in compare(asked)}
    assert [row["ratio_to_float32_bytes"] for row in rows.values()] == [1, 0.5, 0.25, 0.312]  # (16 + 4) / 64
    assert all(row["ndcg@10"] == 1 and row["ndcg@10_lost"] == 0 for row in rows.values())
    assert rows["float32"]["neighbour_recall@10"] == 1


def test_a_storage_that_loses_says_how_much() -> None:
    # float16 knows 1 and 1.00098 but nothing between: the first row's lead of 0.0003 is lost.
    vectors = np.array([[1.0004, 0], [1, 1]], np.float32)

    def first_first(ranked: IntVector) -> NDArray[np.float64]:
        return np.asarray(ranked[:, 0] == 0, np.float64)

    asked = Asked("near", vectors, np.array([[1, 0.0001]], np.float32), depth=2, value=first_first)
    lost = {row["storage"]: row["ndcg@10_lost"] for row in compare(asked)}
    assert (lost["float32"], lost["float16"]) == (0, 1)
