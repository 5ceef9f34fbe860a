from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from evaluation.calibration import (
    Reliability,
    reliability,
    shown_probabilities,
    write_reliability_plot,
)
from ranking.holdout import bought, hold_out
from shopgraph.types import FloatMatrix, Histories
from tests.planted import planted_snapshot

WORKED = reliability(np.array([0.1, 0.1, 0.5, 0.7]), np.array([False, True, True, True]), n_bins=2)


def test_bins_and_expected_error_by_hand() -> None:
    low, high = WORKED.bins
    assert (low.predicted, low.observed, low.n) == pytest.approx((0.1, 0.5, 2))
    assert (high.predicted, high.observed, high.n) == pytest.approx((0.6, 1.0, 2))
    assert WORKED.expected_error == pytest.approx(0.4)


def test_predictions_that_hold_have_no_error() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random(200_000)
    assert reliability(probabilities, rng.random(200_000) < probabilities).expected_error < 0.01


def test_without_predictions_there_is_no_diagram() -> None:
    with pytest.raises(ValueError, match="nothing was predicted"):
        reliability(np.zeros(0), np.zeros(0, np.bool_))


def test_what_is_shown_is_the_best_that_is_not_bought() -> None:
    train, heldout = hold_out(planted_snapshot(), "random", np.random.default_rng(0), share=0.3)
    owned = bought(train.histories, train).toarray()
    relevant = [
        set(heldout.item_idx[heldout.indptr[row] : heldout.indptr[row + 1]]) for row in range(len(heldout))
    ]

    def score(histories: Histories) -> FloatMatrix:
        return np.tile(np.arange(train.n_items, dtype=np.float32), (len(histories), 1))

    found, came_true = shown_probabilities(
        score, lambda scores: scores.astype(np.float64) / 100, train, heldout, 2, np.random.default_rng(0)
    )
    expected, hits = [], []
    for row, user in enumerate(heldout.user_idx):
        best = [item for item in range(train.n_items - 1, -1, -1) if not owned[user, item]][:2]
        expected += [item / 100 for item in best]
        hits += [item in relevant[row] for item in best]
    assert found == pytest.approx(expected)
    assert came_true.tolist() == hits


def test_the_diagram_is_an_svg_with_its_error(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plot belongs to the train extra")
    write_reliability_plot(Reliability.from_json(WORKED.to_json()), tmp_path / "a.svg", "a shop")
    texts = "".join(text for text in ElementTree.parse(tmp_path / "a.svg").getroot().itertext())
    assert "a shop" in texts
    assert "0.4000" in texts
    write_reliability_plot(WORKED, tmp_path / "b.svg", "a shop")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
