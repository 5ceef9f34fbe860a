import numpy as np
import pytest
import torch

from gnn.training.augment import cropped, kept_edges, kept_nodes


def test_kept_edges_keep_their_mean() -> None:
    kept = kept_edges(10_000, 0.2, torch.Generator().manual_seed(0))
    assert set(kept.tolist()) == {0.0, 1.25}
    assert kept.mean().item() == pytest.approx(1, abs=0.02)


def test_nodes_are_dropped_as_a_whole() -> None:
    kept = kept_nodes(1000, 0.5, torch.Generator().manual_seed(0))
    sent = torch.ones((1000, 3)) * kept
    assert ((sent == 0).all(dim=1) | (sent == 2).all(dim=1)).all()


def test_nothing_dropped_is_all_ones() -> None:
    assert kept_edges(5, 0.0, torch.Generator()).tolist() == [1] * 5


def test_a_crop_keeps_one_run_of_each_history_and_at_least_one_event() -> None:
    indptr = np.array([0, 10, 10, 11, 15])
    starts = set()
    for seed in range(50):
        kept = cropped(indptr, 0.3, np.random.default_rng(seed))
        rows = np.repeat(np.arange(4), np.diff(indptr))
        assert np.bincount(rows[kept], minlength=4).tolist() == [3, 0, 1, 2]
        first = np.flatnonzero(kept[:10])
        assert np.diff(first).tolist() == [1, 1]
        starts.add(int(first[0]))
    assert starts == set(range(8))


def test_a_crop_of_an_unordered_history_keeps_items_from_anywhere() -> None:
    indptr = np.array([0, 10, 10, 11, 15])
    counts = np.zeros(15)
    for seed in range(200):
        kept = cropped(indptr, 0.3, np.random.default_rng(seed), ordered=False)
        rows = np.repeat(np.arange(4), np.diff(indptr))
        assert np.bincount(rows[kept], minlength=4).tolist() == [3, 0, 1, 2]
        counts += kept
    np.testing.assert_allclose(counts[:10], 60, atol=30)
