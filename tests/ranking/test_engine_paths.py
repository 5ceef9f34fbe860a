"""The reasons of a trained graph model: paths that exist, shares that add up, removal that is exact."""

from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from gnn.item_item.model import ItemItemConfig, item_item_for
from gnn.linear.model import LinearKG, LinearKGConfig
from ranking.candidates import CandidateConfig
from ranking.engine import Ask, Engine
from ranking.hybrid import Hybrid
from ranking.models import EASE, LINEAR
from ranking.phrases import LANGUAGES, Language
from ranking.profiles import LiveEvent
from shopgraph.types import ITEM, EdgeType, FloatMatrix, NamedNode, PathEdge, RankedItem, Reason
from tests.planted import NOW
from tests.ranking.engines import COLD_ITEM, engine_of, shop, with_models

SNAPSHOT = shop()
ITEM_IDX = SNAPSHOT.nodes[ITEM].index
USERS = ("u000", "u001", "u002", "u003", "u017")


@cache
def trained(hops: int) -> LinearKG:
    model = LinearKG(LinearKGConfig.model_validate({"dim": 16, "epochs": 8, "hops": hops, "device": "cpu"}))
    model.fit(SNAPSHOT, np.random.default_rng(0))
    return model


@pytest.fixture(scope="module", params=[1, 2], ids=["one hop", "two hops"])
def hybrid(request: pytest.FixtureRequest) -> Hybrid:
    item_item = item_item_for(SNAPSHOT.n_items, ItemItemConfig())
    item_item.fit(SNAPSHOT, np.random.default_rng(0))
    return with_models(SNAPSHOT, {LINEAR: trained(request.param), EASE: item_item})


@pytest.fixture
def engine(hybrid: Hybrid) -> Engine:
    return engine_of(hybrid, SNAPSHOT)


def answered(engine: Engine, n_reasons: int = 1_000) -> Iterator[tuple[str, RankedItem]]:
    for user_id in USERS:
        for item in engine.answer(Ask(now=NOW, user_id=user_id, n=6, reasons=n_reasons)).items:
            yield user_id, item


def paths(item: RankedItem) -> list[Reason]:
    return [reason for reason in item.reasons if reason.part == "graph" and reason.path]


def steps(reason: Reason) -> Iterator[tuple[NamedNode, PathEdge, NamedNode]]:
    for before, edge, after in zip(reason.path[::2], reason.path[1::2], reason.path[2::2], strict=False):
        assert isinstance(before, NamedNode)
        assert isinstance(edge, PathEdge)
        assert isinstance(after, NamedNode)
        yield before, edge, after


def test_every_edge_of_every_path_exists(engine: Engine) -> None:
    n_edges = 0
    for _, item in answered(engine):
        for reason in paths(item):
            for before, edge, after in steps(reason):
                src, dst = (before, after) if edge.forward else (after, before)
                edges = SNAPSHOT.relations[EdgeType(src.label, edge.relation, dst.label)]
                src_idx, dst_idx = (SNAPSHOT.nodes[node.label].index[node.id] for node in (src, dst))
                assert ((edges.src == src_idx) & (edges.dst == dst_idx)).any()
                n_edges += 1
    assert n_edges > 100


def test_paths_lead_from_a_past_item_to_the_shown_one(engine: Engine) -> None:
    for user_id, item in answered(engine):
        history = engine.profiles.history(user_id, NOW)
        assert history is not None
        past = {SNAPSHOT.nodes[ITEM].ids[idx] for idx in history.item_idx}
        for reason in paths(item):
            first, last = reason.path[0], reason.path[-1]
            assert isinstance(first, NamedNode)
            assert isinstance(last, NamedNode)
            assert first.id in past
            assert (last.label, last.id) == (ITEM, item.item_id)


def test_shares_sum_to_every_part_and_to_the_score(engine: Engine) -> None:
    for _, item in answered(engine):
        for part, value in item.score_parts.items():
            shares = sum(reason.share for reason in item.reasons if reason.part == part)
            assert shares == pytest.approx(value, abs=1e-4)
        assert sum(reason.share for reason in item.reasons) == pytest.approx(item.score, abs=1e-4)
        assert item.score_parts["graph"] != 0


def terms(model: LinearKG, past: int, target: int) -> Mapping[tuple[str, str], float]:
    """⟨m_c(past), m_d(target)⟩ for each pair of components, and what is taken off for the mean item."""
    pairs = {
        (one, other): float(left[past].astype(float) @ right[target].astype(float))
        for one, left in model.components.items()
        for other, right in model.components.items()
    }
    mean = model.item_vectors.mean(axis=0).astype(float)
    return {**pairs, ("", "mean"): -float(model.item_vectors[past].astype(float) @ mean)}


def event_factors(model: LinearKG, engine: Engine, user_id: str) -> dict[int, float]:
    """n_u · a_i of each past item, found by solving profile = Σ a_i · z_i."""
    history = engine.profiles.history(user_id, NOW)
    assert history is not None
    items = np.unique(history.item_idx)
    vectors: FloatMatrix = model.item_vectors[items]
    solution: NDArray[np.float64] = np.linalg.lstsq(vectors.T, model.profiles(history)[0], rcond=None)[0]
    return dict(zip(items.tolist(), solution.tolist(), strict=True))


def test_frozen_removal_of_each_top_path_drops_the_score_by_its_share() -> None:
    model = trained(hops=1)
    hybrid = with_models(SNAPSHOT, {LINEAR: model})
    engine = engine_of(hybrid, SNAPSHOT)
    alpha = hybrid.weights.models[LINEAR] / hybrid.scales[LINEAR]
    n_removed = 0
    for user_id, item in answered(engine, n_reasons=5):
        target = ITEM_IDX[item.item_id]
        factors = event_factors(model, engine, user_id)
        factors.pop(target, None)  # an item that was viewed does not speak for itself
        rest = item.score - item.score_parts["graph"]
        for reason in paths(item):
            if len(reason.path) != 5:
                continue
            past, edge, node, _, _ = reason.path
            assert isinstance(past, NamedNode)
            assert isinstance(node, NamedNode)
            assert isinstance(edge, PathEdge)
            if node.label == ITEM:
                continue  # an item has several such neighbours; brand and category are one each
            component = f"{ITEM}-{edge.relation}->{node.label}"
            removed = (ITEM_IDX[past.id], component, component)
            frozen = rest + alpha * sum(
                factor * value
                for past_idx, factor in factors.items()
                for (one, two), value in terms(model, past_idx, target).items()
                if (past_idx, one, two) != removed
            )
            assert item.score - frozen == pytest.approx(reason.share, abs=1e-4)
            n_removed += 1
    assert n_removed >= 20


def test_a_path_is_shown_wherever_there_is_one(engine: Engine) -> None:
    for _, item in answered(engine, n_reasons=1):
        assert len(item.reasons) == 1
        assert bool(paths(item)) != item.no_path
    assert any(paths(item) for _, item in answered(engine, n_reasons=1))


def test_few_reasons_are_the_largest_of_all_reasons(engine: Engine) -> None:
    every = {(user, item.item_id): item.reasons for user, item in answered(engine)}
    for user, item in answered(engine, n_reasons=4):
        largest = sorted((abs(reason.share) for reason in every[user, item.item_id]), reverse=True)[:4]
        shown = sorted((abs(reason.share) for reason in item.reasons), reverse=True)
        assert shown[:3] == pytest.approx(largest[:3], abs=1e-6)


def test_item_item_reasons_draw_no_edge(engine: Engine) -> None:
    learned = [r for _, item in answered(engine) for r in item.reasons if r.part == "item_item"]
    assert learned
    assert all(len(reason.path) == 1 for reason in learned)


def test_cold_item_stands_on_brand_and_category(engine: Engine) -> None:
    ask = Ask(now=NOW, user_id="u003", candidate_ids=(COLD_ITEM,), n=1, reasons=1_000)
    (item,) = engine.answer(ask).items
    relations = {edge.relation for reason in paths(item) for _, edge, _ in steps(reason)}
    assert {"MADE_BY", "IN_CATEGORY"} <= relations


def test_graph_source_finds_the_users_taste(hybrid: Hybrid) -> None:
    only_graph = CandidateConfig(score_all_below=0, graph=6, item_item=0, text=0, popular=0, trending=0)
    engine = engine_of(hybrid, SNAPSHOT, only_graph)
    answer = engine.answer(Ask(now=NOW, user_id="u001", n=2, reasons=0))
    assert {int(item.item_id[1:]) % 4 for item in answer.items} == {1}


def test_purchase_brings_paths_from_it_at_once(engine: Engine) -> None:
    engine.profiles.add("new", [LiveEvent("e1", "i002", "purchase", NOW)])
    answer = engine.answer(Ask(now=NOW, user_id="new", n=3))
    assert {int(item.item_id[1:]) % 4 for item in answer.items} == {2}
    for item in answer.items:
        assert paths(item)
        assert "that you bought" in paths(item)[0].text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_reason_is_one_sentence(engine: Engine, language: Language) -> None:
    ask = Ask(now=NOW, user_id="u000", n=10, reasons=1_000, language=language)
    for item in engine.answer(ask).items:
        for reason in item.reasons:
            assert reason.text[-1] in ".)。）"


def test_similar_items_have_paths_without_a_shopper(engine: Engine) -> None:
    answer = engine.answer(Ask(now=NOW, similar_to="i006", n=3))
    sentences = [reason.text for item in answer.items for reason in paths(item)]
    assert sentences
    assert not any("you" in sentence for sentence in sentences)
