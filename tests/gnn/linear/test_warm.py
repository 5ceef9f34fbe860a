from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.training.board import EpochReport
from graph.schema import ALSO_BOUGHT, BRAND
from shopgraph.errors import BadSettings
from shopgraph.types import ITEM, USER, GraphSnapshot, Heldout, NodeRef, NodeTable
from tests.gnn.recommender_suite import without_last_event
from tests.planted import edges, planted_snapshot

CONFIG = LinearKGConfig(dim=8, epochs=15, batch_size=16, min_degree=1)
ONE_EPOCH = CONFIG.model_copy(update={"epochs": 1})
STILL = CONFIG.model_copy(update={"epochs": 1, "learning_rate": 1e-12})


def fitted(
    snapshot: GraphSnapshot, config: LinearKGConfig = CONFIG, start: LinearKG | None = None
) -> LinearKG:
    model = LinearKG(config, start=start)
    model.fit(snapshot, np.random.default_rng(0))
    return model


def grown_snapshot(with_text: bool = False) -> GraphSnapshot:
    """The planted shop as it stands later: four items stand before the old ones in the order of ids, the
    last four are gone, half of the users have other ids, and a relation and a brand are new.
    """
    snapshot = planted_snapshot(with_text=with_text)
    items = snapshot.nodes[ITEM]
    ids = (*(f"h{n:03d}" for n in range(4)), *items.ids[:-4])
    users = snapshot.nodes[USER]
    user_ids = (*users.ids[:30], *(f"v{n:03d}" for n in range(30)))
    brands = snapshot.nodes[BRAND]
    more_brands = NodeTable((*brands.ids, "b999"), (*brands.names, "New"))
    nodes = {ITEM: replace(items, ids=ids), USER: replace(users, ids=user_ids), BRAND: more_brands}
    relations = {**snapshot.relations, ALSO_BOUGHT: edges([0, 5], [4, 9])}
    made_by = next(edge_type for edge_type in relations if edge_type.dst == BRAND)
    old = relations[made_by]
    relations[made_by] = edges([*old.src.tolist(), 3], [*old.dst.tolist(), 4])
    return replace(snapshot, nodes={**snapshot.nodes, **nodes}, relations=relations)


def test_known_nodes_keep_their_vectors_and_new_ones_start_from_their_labels_mean() -> None:
    earlier = fitted(planted_snapshot())
    later = fitted(grown_snapshot(), STILL, earlier)
    before, after = earlier.state.parameters, later.state.parameters
    np.testing.assert_allclose(after.base[4:40], before.base[:36], atol=1e-6)
    np.testing.assert_allclose(after.base[:4], np.tile(before.base[:36].mean(axis=0), (4, 1)), atol=1e-6)
    for n in range(4):
        old, new = (model.state.graph.row_of(NodeRef(BRAND, n)) for model in (earlier, later))
        np.testing.assert_allclose(after.base[new], before.base[old], atol=1e-6)
    fresh = later.state.graph.row_of(NodeRef(BRAND, 4))
    brands = np.flatnonzero(earlier.state.graph.label_code == earlier.state.graph.labels.index(BRAND))
    np.testing.assert_allclose(after.base[fresh], before.base[brands].mean(axis=0), atol=1e-6)


def test_weights_of_known_relations_are_kept_and_a_new_one_starts_afresh() -> None:
    earlier = fitted(planted_snapshot(), CONFIG.model_copy(update={"hops": 2}))
    later = fitted(grown_snapshot(), STILL.model_copy(update={"hops": 2}), earlier)
    before = dict(zip(earlier.state.graph.steps, earlier.state.parameters.first_hop, strict=True))
    after = dict(zip(later.state.graph.steps, later.state.parameters.first_hop, strict=True))
    for step, weight in after.items():
        assert weight == pytest.approx(before.get(step, 1.0), rel=1e-4)
    assert set(after) - set(before)
    assert later.state.parameters.gate_bias == pytest.approx(earlier.state.parameters.gate_bias)
    assert later.state.parameters.scale == pytest.approx(earlier.state.parameters.scale)


def test_an_unchanged_shop_scores_as_before(tmp_path: Path) -> None:
    snapshot = planted_snapshot(with_text=True)
    earlier = fitted(snapshot)
    earlier.save(tmp_path)
    later = fitted(snapshot, STILL, LinearKG.load(tmp_path))
    np.testing.assert_allclose(later.score(snapshot.histories), earlier.score(snapshot.histories), atol=1e-4)


def test_one_warm_epoch_beats_one_cold_epoch() -> None:
    earlier = fitted(replace(planted_snapshot(), relations={}))  # tastes must be learned from purchases
    train, targets = without_last_event(replace(grown_snapshot(), relations={}))
    users = np.arange(len(targets), dtype=np.int32)
    heldout = Heldout(users, np.arange(len(targets) + 1), targets.astype(np.int32))
    reports: list[EpochReport] = []
    for start in (None, earlier):
        model = LinearKG(ONE_EPOCH, start=start, validation=heldout, on_epoch=reports.append)
        model.fit(train, np.random.default_rng(0))
    cold, warm = reports
    assert warm.loss < 0.9 * cold.loss
    assert (warm.ndcg or 0) > 1.2 * (cold.ndcg or 0)


def test_texts_of_another_length_get_a_new_projection() -> None:
    earlier = fitted(planted_snapshot(with_text=True))
    snapshot = grown_snapshot(with_text=True)
    assert snapshot.text_vectors is not None
    shorter = replace(snapshot, text_vectors=snapshot.text_vectors[:, :5])
    later = fitted(shorter, STILL, earlier)
    assert later.state.parameters.projection is not None
    assert later.state.parameters.projection.shape == (5, 8)
    assert np.isfinite(later.score(shorter.histories)).all()


def test_another_length_of_vectors_is_said() -> None:
    earlier = fitted(planted_snapshot())
    with pytest.raises(BadSettings, match=r"dim is 4, that of the model to start from 8; set it to that"):
        fitted(planted_snapshot(), ONE_EPOCH.model_copy(update={"dim": 4}), earlier)
