from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from gnn.linear.bans import Bans, path_types, without_banned
from gnn.linear.model import LinearKG, LinearKGConfig
from gnn.linear.paths import Routes, routes_of
from graph.schema import BRAND, CATEGORY
from shopgraph.types import ITEM, NodeRef, PathEdge
from tests.gnn.recommender_suite import awkward_snapshot

CONFIGS = [LinearKGConfig(dim=8, epochs=10, batch_size=16, min_degree=1, hops=hops) for hops in (1, 2)]
SAME_BRAND = (PathEdge("MADE_BY", True), PathEdge("MADE_BY", False))
SNAPSHOT = awkward_snapshot(with_text=True)
EVERYBODY = SNAPSHOT.histories


@pytest.fixture(scope="module", params=CONFIGS, ids=["one hop", "two hops"])
def model(request: pytest.FixtureRequest) -> LinearKG:
    fitted = LinearKG(request.param)
    fitted.fit(SNAPSHOT, np.random.default_rng(0))
    return fitted


def slow_scores(model: LinearKG, kept: Callable[[Routes], NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Scores from the routes that are kept, one by one; weights and constants as they are."""
    state, n_items = model.state, len(model.item_vectors)
    routes = routes_of(np.arange(n_items, dtype=np.int32), state.parameters, state.graph)
    routes = routes.take(kept(routes))
    vectors = np.zeros(model.item_vectors.shape)
    np.add.at(vectors, routes.place, routes.coefficient[:, None] * state.parameters.base[routes.node])
    vectors = vectors * state.constants[:, None] + model.components["text"]
    products = vectors @ (vectors - vectors.mean(axis=0)).T
    np.fill_diagonal(products, 0)
    found: NDArray[np.float64] = model._weights(EVERYBODY).toarray() @ products
    return found


def test_no_term_is_left_of_a_banned_relation(model: LinearKG) -> None:
    graph = model.state.graph
    steps = [n for n, step in enumerate(graph.steps) if step.edge_type.relation == "MADE_BY"]
    banned = without_banned(model, Bans(relations=frozenset({"MADE_BY"})))
    wanted = slow_scores(model, lambda x: ~np.isin(x.first, steps) & ~np.isin(x.second, steps))
    np.testing.assert_allclose(banned.score(EVERYBODY), wanted, atol=1e-4)
    assert np.abs(model.score(EVERYBODY) - wanted).max() > 1e-2


def test_no_term_is_left_over_a_banned_entity(model: LinearKG) -> None:
    entity = NodeRef(CATEGORY, 1)
    row = model.state.graph.row_of(entity)
    banned = without_banned(model, Bans(entities=frozenset({entity})))
    wanted = slow_scores(model, lambda x: (x.node != row) & (x.between != row))
    np.testing.assert_allclose(banned.score(EVERYBODY), wanted, atol=1e-4)
    assert np.abs(model.score(EVERYBODY) - wanted).max() > 1e-3


def test_a_banned_kind_of_path_takes_its_shares_and_nothing_else(model: LinearKG) -> None:
    for banned_type in path_types(model):
        banned = without_banned(model, Bans(path_types=frozenset({banned_type})))
        history = EVERYBODY.row(3)
        for item_idx in (4, 8, 11):
            before = model.shares(history, item_idx)
            after = banned.shares(history, item_idx)
            taken = [share for share in before if share.path and share.path[1::2] == banned_type]
            assert set(after) == set(before) - set(taken)
            drop = model.score(history)[0, item_idx] - banned.score(history)[0, item_idx]
            assert drop == pytest.approx(sum(share.value for share in taken), abs=1e-4)


def test_the_kinds_of_paths_are_those_that_shares_have(model: LinearKG) -> None:
    seen = {
        share.path[1::2]
        for user in range(20)
        for item_idx in range(0, 40, 3)
        for share in model.shares(EVERYBODY.row(user), item_idx)
        if share.kind == "path"
    }
    assert SAME_BRAND in seen
    assert seen <= set(path_types(model))


@pytest.mark.parametrize(
    "bans",
    [
        Bans(relations=frozenset({"IN_CATEGORY"})),
        Bans(entities=frozenset({NodeRef(BRAND, 2)})),
        Bans(path_types=frozenset({SAME_BRAND})),
        Bans(frozenset({"ALSO_BOUGHT"}), frozenset({NodeRef(BRAND, 0)}), frozenset({SAME_BRAND})),
    ],
)
def test_what_is_left_is_still_the_sum_of_its_shares(model: LinearKG, bans: Bans) -> None:
    banned = without_banned(model, bans)
    for user in (0, 7, 19):
        history = EVERYBODY.row(user)
        whole = banned.score(history)[0]
        few = np.array([1, 5, 30], np.int32)
        np.testing.assert_allclose(banned.score_items(history, few), whole[few], atol=1e-5)
        for item_idx in (4, 8, 11):
            shares = banned.shares(history, item_idx)
            assert sum(share.value for share in shares) == pytest.approx(whole[item_idx], abs=1e-4)
            walked = {step for share in shares for step in share.path}
            assert not any(isinstance(x, PathEdge) and x.relation in bans.relations for x in walked)
            assert not walked & bans.entities


def test_items_are_no_entities(model: LinearKG) -> None:
    with pytest.raises(ValueError, match="no entity"):
        without_banned(model, Bans(entities=frozenset({NodeRef(ITEM, 3)})))


def test_what_the_model_does_not_know_changes_nothing(model: LinearKG) -> None:
    bans = Bans(frozenset({"NO_SUCH"}), frozenset({NodeRef("Place", 0)}), frozenset({(PathEdge("X", True),)}))
    assert without_banned(model, bans) is model
