from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from gnn.linear.model import LinearKGConfig
from graph.schema import EVENT_TYPES, QUERY, SEARCHED
from ranking.config import FusionConfig, HybridConfig
from ranking.holdout import bought, hold_out
from ranking.hybrid import Hybrid
from ranking.query_weight import learn_query_weights, search_pairs
from ranking.scorer import Scorer
from ranking.training import fit_hybrid
from shopgraph.errors import ArtefactDamaged, BadSource
from shopgraph.types import (
    Edges,
    FloatMatrix,
    GraphSnapshot,
    Interactions,
    NodeTable,
)
from tests.planted import NOW, planted_snapshot

SMALL = HybridConfig(
    fusion=FusionConfig(max_users=200, n_candidates=40, n_hard=10), graph=LinearKGConfig(dim=8, epochs=4)
)
CONFIG = SMALL.model_copy(update={"ablations": ("graph",)})
SELECT = next(code for code, event in enumerate(EVENT_TYPES) if event.name == "select_item")
NOW_S = int(NOW.timestamp())


@pytest.fixture(scope="module")
def snapshot() -> GraphSnapshot:
    return planted_snapshot(n_users=120, with_text=True)


@pytest.fixture(scope="module")
def hybrid(snapshot: GraphSnapshot) -> Hybrid:
    return fit_hybrid(snapshot, CONFIG, np.random.default_rng(0))


def recall_at_5(snapshot: GraphSnapshot) -> float:
    train, heldout = hold_out(snapshot, "random", np.random.default_rng(1), share=0.3)
    fitted = fit_hybrid(train, SMALL, np.random.default_rng(0))
    histories = train.histories.take(heldout.user_idx)
    scores = Scorer(fitted).score(histories)
    scores[bought(histories, train).toarray()] = -np.inf
    top = np.argsort(-scores, axis=1)[:, :5]
    hits = [
        len(set(top[row]) & set(heldout.item_idx[heldout.indptr[row] : heldout.indptr[row + 1]]))
        for row in range(len(heldout))
    ]
    return sum(hits) / len(heldout.item_idx)


def test_planted_tastes_are_found_and_shuffled_ones_are_not() -> None:
    # five of the five to nine items left of a shopper's own taste, against five of forty
    assert recall_at_5(planted_snapshot(n_users=120)) > 0.7
    assert recall_at_5(planted_snapshot(n_users=120, shuffled=True)) < 0.3


def test_a_loaded_hybrid_scores_as_the_saved_one(
    snapshot: GraphSnapshot, hybrid: Hybrid, tmp_path: Path
) -> None:
    hybrid.save(tmp_path)
    loaded = Hybrid.load(tmp_path)
    assert loaded.weights == hybrid.weights
    assert loaded.ablations == hybrid.ablations
    assert loaded.metrics == hybrid.metrics
    before, after = (Scorer(one).score(snapshot.histories) for one in (hybrid, loaded))
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_nothing_saved_is_a_pickle(hybrid: Hybrid, tmp_path: Path) -> None:
    hybrid.save(tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


def test_the_same_seed_gives_the_same_weights(snapshot: GraphSnapshot, hybrid: Hybrid) -> None:
    again = fit_hybrid(snapshot, CONFIG, np.random.default_rng(0))
    assert again.weights == hybrid.weights


def test_parts_can_be_left_out(snapshot: GraphSnapshot) -> None:
    config = SMALL.model_copy(update={"use_graph": False, "use_features": False})
    fitted = fit_hybrid(snapshot, config, np.random.default_rng(0))
    assert list(fitted.models) == ["ease"]
    assert list(fitted.weights.models) == ["ease"]
    assert not fitted.weights.features


def test_popularity_always_orders_what_is_shown_to_a_shopper_without_history(
    snapshot: GraphSnapshot, hybrid: Hybrid
) -> None:
    assert hybrid.weights.features["popularity"] > 0
    nobody = replace(snapshot.histories.take(np.zeros(0, np.int64)), indptr=np.zeros(2, np.int64))
    assert len(np.unique(Scorer(hybrid).score(nobody))) > 5


def test_an_ablation_has_weights_of_its_own(hybrid: Hybrid) -> None:
    without = hybrid.ablations["graph"]
    assert list(without.models) == ["ease"]
    assert without.models["ease"] > 0
    assert 0 < hybrid.metrics["ndcg@10_without_graph"] <= 1


def test_relations_that_are_not_named_are_not_learned_from(snapshot: GraphSnapshot) -> None:
    config = SMALL.model_copy(update={"relations": ("MADE_BY",)})
    fitted = fit_hybrid(snapshot, config, np.random.default_rng(0))
    assert [name for name in fitted.features.names if ":" in name] == ["affinity:MADE_BY"]


def test_without_interactions_there_is_nothing_to_learn_from() -> None:
    none = np.zeros(0, np.int32)
    nothing = Interactions(none, none, none.astype(np.int8), none.astype(np.float32), none.astype(np.int64))
    with pytest.raises(BadSource, match="too few interactions"):
        fit_hybrid(replace(planted_snapshot(), interactions=nothing), CONFIG, np.random.default_rng(0))


def test_a_missing_file_is_a_damaged_artefact(hybrid: Hybrid, tmp_path: Path) -> None:
    hybrid.save(tmp_path)
    (tmp_path / "hybrid.json").unlink()
    with pytest.raises(ArtefactDamaged, match=r"hybrid\.json"):
        Hybrid.load(tmp_path)


def test_words_dominate_the_taste_where_no_search_is_known(snapshot: GraphSnapshot, hybrid: Hybrid) -> None:
    parts = Scorer(hybrid).parts(snapshot.histories, np.repeat(snapshot_text(snapshot)[:1], 120, axis=0))
    personal = parts["graph"] + parts["item_item"] + parts["features"]
    ratio = parts["text"].std(axis=1).mean() / personal.std(axis=1).mean()
    assert ratio == pytest.approx(SMALL.fusion.text_dominance, rel=0.5)


def test_a_selection_belongs_to_the_latest_search_before_it() -> None:
    snapshot = with_searches(
        searches=[(0, 0, 1000), (0, 1, 700), (1, 2, 5000)],
        selections=[(0, 7, 650), (0, 8, 900), (1, 9, 100), (2, 9, 50)],
    )
    pairs = search_pairs(snapshot, NOW_S - 10_000)
    # (user, query, item): user 1 searched too long before, user 2 never
    assert list(zip(pairs.user_idx, pairs.query_idx, pairs.item_idx, strict=True)) == [(0, 0, 8), (0, 1, 7)]


def test_selections_before_the_cut_are_left_out() -> None:
    snapshot = with_searches(searches=[(0, 0, 1000)], selections=[(0, 7, 900)])
    assert len(search_pairs(snapshot, NOW_S - 500).item_idx) == 0


def test_the_texts_weights_are_those_that_chose_the_items() -> None:
    rng = np.random.default_rng(0)
    taste, meaning, letters, noise = rng.normal(size=(4, 1500, 50)).astype(np.float32)
    chosen = (taste + 2.0 * meaning + 0.7 * letters + rng.gumbel(size=taste.shape)).argmax(axis=1)
    pairs = replace(
        search_pairs(planted_snapshot(), 0),
        user_idx=np.arange(1500, dtype=np.int32),
        query_idx=np.zeros(1500, np.int32),
        item_idx=chosen.astype(np.int32),
    )
    found = learn_query_weights(
        lambda users: taste[users], pairs, lambda rows: (meaning[rows], letters[rows], noise[rows])
    )
    assert found is not None
    assert found == pytest.approx((2.0, 0.7, 0.0), abs=0.2)


def test_the_hybrid_learns_the_texts_weight_from_searches(snapshot: GraphSnapshot) -> None:
    seconds = [60 * place + 30 for place in range(120)]
    searches = [(user, user % 4, second + 20) for user, second in enumerate(seconds)]
    selections = [(user, user % 4, second) for user, second in enumerate(seconds)]
    asked = with_searches(searches, selections, snapshot)
    learned = fit_hybrid(asked, CONFIG, np.random.default_rng(0), encoder=FirstItems(snapshot_text(snapshot)))
    default = fit_hybrid(asked, CONFIG, np.random.default_rng(0))
    assert learned.weights.text > 0
    assert learned.weights.text != default.weights.text


@dataclass(frozen=True)
class FirstItems:
    """Reads the words "k" as the text of item k."""

    vectors: FloatMatrix
    name: str = "first-items"
    dim: int = 16

    def encode(self, texts: object, kind: object) -> FloatMatrix:
        assert isinstance(texts, list)
        return self.vectors[[int(text) for text in texts]]


def snapshot_text(snapshot: GraphSnapshot) -> FloatMatrix:
    assert snapshot.text_vectors is not None
    return snapshot.text_vectors


def with_searches(
    searches: list[tuple[int, int, int]],
    selections: list[tuple[int, int, int]],
    snapshot: GraphSnapshot | None = None,
) -> GraphSnapshot:
    """Searches (user, query, seconds ago) and selections (user, item, seconds ago) beside the rest."""
    snapshot = snapshot or planted_snapshot()
    asked = np.array(searches)
    edges = Edges(
        asked[:, 0].astype(np.int32),
        asked[:, 1].astype(np.int32),
        np.ones(len(asked), np.float32),
        NOW_S - asked[:, 2].astype(np.int64),
    )
    chosen, x = np.array(selections), snapshot.interactions
    user = np.concatenate([x.user_idx, chosen[:, 0]]).astype(np.int32)
    time = np.concatenate([x.time, NOW_S - chosen[:, 2]])
    order = np.lexsort((time, user))
    interactions = Interactions(
        user[order],
        np.concatenate([x.item_idx, chosen[:, 1]]).astype(np.int32)[order],
        np.concatenate([x.type_code, np.full(len(chosen), SELECT)]).astype(np.int8)[order],
        np.ones(len(user), np.float32),
        time[order],
    )
    words = tuple(str(place) for place in range(4))
    return replace(
        snapshot,
        interactions=interactions,
        relations={**snapshot.relations, SEARCHED: edges},
        nodes={**snapshot.nodes, QUERY: NodeTable(words, words)},
    )
