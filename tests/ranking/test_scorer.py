import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from gnn.linear.model import LinearKGConfig
from ranking.config import FusionConfig, HybridConfig
from ranking.hybrid import Hybrid
from ranking.scorer import Scorer, part_of, sum_by_part
from ranking.training import fit_hybrid
from shopgraph.types import PARTS, FusionWeights, GraphSnapshot, Share
from tests.planted import planted_snapshot

FAST = HybridConfig(
    fusion=FusionConfig(max_users=100, n_candidates=30, n_hard=5), graph=LinearKGConfig(dim=8, epochs=4)
)


@pytest.fixture(scope="module")
def snapshot() -> GraphSnapshot:
    return planted_snapshot(n_users=80, with_text=True)


@pytest.fixture(scope="module")
def hybrid(snapshot: GraphSnapshot) -> Hybrid:
    return fit_hybrid(snapshot, FAST, np.random.default_rng(0))


@pytest.fixture(scope="module")
def scorer(hybrid: Hybrid) -> Scorer:
    """Every part counts, whatever was learned."""
    features = {name: 0.5 + 0.1 * place for place, name in enumerate(hybrid.features.names)}
    return Scorer(hybrid, FusionWeights({"linear": 0.9, "ease": 1.1}, 0.7, features))


def queries(snapshot: GraphSnapshot, n: int) -> np.ndarray:
    vectors = np.random.default_rng(1).normal(size=(n, 16)).astype(np.float32)
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def test_the_parts_sum_to_the_score(snapshot: GraphSnapshot, scorer: Scorer) -> None:
    asked = queries(snapshot, 80)
    parts = scorer.parts(snapshot.histories, asked)
    assert tuple(parts) == PARTS
    for part in set(PARTS) - {"rules"}:
        assert parts[part].std() > 0, part
    score = scorer.score(snapshot.histories, asked)
    np.testing.assert_allclose(np.sum(list(parts.values()), axis=0), score, atol=1e-4)


@pytest.mark.parametrize("with_query", [False, True])
def test_the_shares_sum_to_every_part(snapshot: GraphSnapshot, scorer: Scorer, with_query: bool) -> None:
    asked = queries(snapshot, 3) if with_query else None
    users = np.array([0, 17, 41])
    parts = scorer.parts(snapshot.histories.take(users), asked)
    for row, user in enumerate(users):
        for item_idx in (0, 13, 39):
            query = None if asked is None else asked[row]
            found = sum_by_part(scorer.shares(snapshot.histories.row(user), item_idx, query))
            for part in PARTS:
                assert found[part] == pytest.approx(parts[part][row, item_idx], abs=1e-4), part


@pytest.mark.parametrize("picked", [[30, 1, 8], list(range(39, 0, -1))])
def test_some_items_score_as_among_all(snapshot: GraphSnapshot, scorer: Scorer, picked: list[int]) -> None:
    asked, history = queries(snapshot, 1), snapshot.histories.row(3)
    item_idx = np.array([*picked, history.item_idx[0]], np.int32)
    some = scorer.parts_of_items(history, item_idx, asked[0])
    for part, scores in scorer.parts(history, asked).items():
        np.testing.assert_allclose(some[part], scores[0, item_idx], atol=1e-4, err_msg=part)


def test_a_batch_scores_as_one_by_one(snapshot: GraphSnapshot, scorer: Scorer) -> None:
    batch = scorer.score(snapshot.histories)
    for user in (0, 50):
        np.testing.assert_allclose(batch[user], scorer.score(snapshot.histories.row(user))[0], atol=1e-4)


def test_without_words_the_text_part_is_zero(snapshot: GraphSnapshot, scorer: Scorer) -> None:
    assert not scorer.parts(snapshot.histories)["text"].any()


def test_without_a_history_only_impersonal_features_count(snapshot: GraphSnapshot, scorer: Scorer) -> None:
    nobody = replace(snapshot.histories.take(np.zeros(0, np.int64)), indptr=np.zeros(2, np.int64))
    parts = scorer.parts(nobody)
    assert not parts["graph"].any()
    assert not parts["item_item"].any()
    expected = sum(
        scorer.weights.features[name]
        * scorer.hybrid.features.columns[name]
        / scorer.hybrid.features.scales[name]
        for name in ("popularity", "trending")
    )
    np.testing.assert_allclose(parts["features"][0], expected, atol=1e-5)


def test_a_weight_of_zero_silences_its_part(snapshot: GraphSnapshot, hybrid: Hybrid) -> None:
    silent = Scorer(hybrid, FusionWeights({"linear": 0.0, "ease": 1.0}, 0.0, {}))
    parts = silent.parts(snapshot.histories, queries(snapshot, 80))
    assert parts["item_item"].any()
    assert not any(parts[part].any() for part in ("graph", "features", "text"))


def test_the_words_lift_what_they_describe(snapshot: GraphSnapshot, hybrid: Hybrid) -> None:
    assert snapshot.text_vectors is not None
    asked = snapshot.text_vectors[[5]]
    ranked = np.argsort(-Scorer(hybrid).score(snapshot.histories.row(0), asked)[0])
    assert (ranked[:5] % 4 == 5 % 4).all()


def test_every_kind_of_share_belongs_to_a_part() -> None:
    kinds = get_args(get_type_hints(Share)["kind"])
    assert {part_of(Share(kind, 1.0)) for kind in kinds} == set(PARTS)


def test_scoring_needs_no_torch(hybrid: Hybrid, tmp_path: Path) -> None:
    hybrid.save(tmp_path)
    program = (
        "import sys; from pathlib import Path; from ranking.hybrid import Hybrid;"
        "from ranking.scorer import Scorer;"
        f"Scorer(Hybrid.load(Path({str(tmp_path)!r}))); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
