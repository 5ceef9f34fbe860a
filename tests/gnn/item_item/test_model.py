from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gnn.item_item.ease import word_memberships
from gnn.item_item.model import Ease, ItemItem, ItemItemConfig, SparseNeighbours, item_item_for
from graph.schema import ALSO_BOUGHT, MADE_BY
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import Interactions, Recommender
from tests.gnn.recommender_suite import LONELY_ITEM, RecommenderSuite, awkward_snapshot, one_history
from tests.planted import PURCHASE, VIEW, edges, planted_snapshot

RNG = np.random.default_rng(0)


class TestEase(RecommenderSuite):
    def make(self) -> Recommender:
        return Ease(ItemItemConfig(l2=1.0))


class TestSparseNeighbours(RecommenderSuite):
    def make(self) -> Recommender:
        return SparseNeighbours(ItemItemConfig(shrinkage=1.0))


def fitted_ease(config: ItemItemConfig) -> Ease:
    model = Ease(config)
    model.fit(planted_snapshot(), RNG)
    return model


AS_SOLVED = ItemItemConfig(popularity_power=0.0, power=1.0, past_popularity_power=0.0)
"""Entries as the closed form has them."""


def purchases(pairs: list[tuple[int, int]]) -> Interactions:
    users, items = np.array(sorted(pairs), np.int32).T
    n = len(users)
    return Interactions(
        users, items, np.full(n, PURCHASE, np.int8), np.ones(n, np.float32), np.arange(n, dtype=np.int64)
    )


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_closed_form_equals_the_normal_equations_solved_column_by_column(dropout: float) -> None:
    """B's column j minimises |X_j - X·B_j|² + Σ_i λ_i·B_ij² with B_jj = 0: an ordinary ridge regression."""
    snapshot = planted_snapshot(n_users=30, n_items=12, n_tastes=3, n_events=4)
    snapshot = replace(snapshot, relations={})
    config = AS_SOLVED.model_copy(update={"l2": 2.0, "dropout": dropout, "type_weights": {"view_item": 1.0}})
    model = Ease(config)
    model.fit(snapshot, RNG)
    x = np.zeros((30, 12))
    x[snapshot.interactions.user_idx, snapshot.interactions.item_idx] = 1
    ridge = 2.0 + dropout / (1 - dropout) * x.sum(0)
    for j in range(12):
        others = np.delete(np.arange(12), j)
        gram = x[:, others].T @ x[:, others] + np.diag(ridge[others])
        expected = np.linalg.solve(gram, x[:, others].T @ x[:, j])
        found = model.similarity.toarray()[others, j]
        np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-5)
    assert not model.similarity.diagonal().any()


def test_an_entity_counts_like_a_shopper_who_bought_all_its_items() -> None:
    snapshot = replace(planted_snapshot(), relations={})
    x = snapshot.interactions
    basket = [2, 3, 5]
    more = purchases(
        [*zip(x.user_idx.tolist(), x.item_idx.tolist(), strict=True), *((60, i) for i in basket)]
    )
    every_type_alike = {"view_item": 1.0, "select_item": 1.0, "add_to_cart": 1.0, "rate": 1.0}
    with_brand = replace(snapshot, relations={MADE_BY: edges(basket, [0, 0, 0])})
    alike = AS_SOLVED.model_copy(update={"type_weights": every_type_alike})
    side = Ease(alike.model_copy(update={"relation_weights": {"MADE_BY": 1.0}}))
    side.fit(with_brand, RNG)
    users = planted_snapshot(n_users=61).nodes
    bought = Ease(alike)
    bought.fit(replace(snapshot, nodes=users, interactions=more), RNG)
    np.testing.assert_allclose(side.similarity.toarray(), bought.similarity.toarray(), atol=1e-6)


def test_popular_items_score_higher_by_a_power_of_their_count() -> None:
    snapshot = replace(planted_snapshot(n_items=4, n_tastes=1, n_events=2), relations={})
    similarity = []
    for power in (0.0, 0.5):
        seen = {"type_weights": {"view_item": 1.0}, "popularity_power": power}
        model = Ease(AS_SOLVED.model_copy(update=seen))
        model.fit(snapshot, RNG)
        similarity.append(model.similarity.toarray())
    counts = np.bincount(snapshot.interactions.item_idx, minlength=4)
    np.testing.assert_allclose(similarity[1], similarity[0] * np.sqrt(counts), rtol=1e-5)


def test_entries_are_raised_to_a_power_and_what_all_buy_says_less() -> None:
    snapshot = replace(planted_snapshot(n_items=4, n_tastes=1, n_events=2), relations={})
    plain = AS_SOLVED.model_copy(update={"type_weights": {"view_item": 1.0}})
    similarity = []
    for config in (plain, plain.model_copy(update={"power": 2.0, "past_popularity_power": 0.5})):
        model = Ease(config)
        model.fit(snapshot, RNG)
        similarity.append(model.similarity.toarray())
    counts = np.bincount(snapshot.interactions.item_idx, minlength=4)
    np.testing.assert_allclose(similarity[1], similarity[0] ** 2 / np.sqrt(counts)[:, None], rtol=1e-5)


def test_words_weigh_by_their_rarity_and_lonely_or_common_ones_are_left_out() -> None:
    titles = ("Rose soap", "rose oil", "Soap dish", *["thing"] * 27)
    table = replace(planted_snapshot(n_items=30).items, title=titles, text=("",) * 30)
    found = word_memberships(table).toarray()
    # "rose" and "soap" are in two of 30 titles; "oil" and "dish" in one, "thing" in 27
    rare = np.log(30 / 2)
    np.testing.assert_allclose(found[:3, :2], [[rare, rare], [rare, 0], [0, rare]], rtol=1e-6)
    assert not found[3:].any()
    assert not found[:, 2:].any()


def test_words_link_items_that_no_shopper_links() -> None:
    snapshot = replace(awkward_snapshot(), relations={})
    titles = list(snapshot.items.title)
    titles[0] = titles[LONELY_ITEM] = "rose soap"
    linked = replace(snapshot, items=replace(snapshot.items, title=tuple(titles), text=("",) * len(titles)))
    for weight in (0.0, 1.0):
        model = Ease(ItemItemConfig(l2=1.0, word_weight=weight))
        model.fit(linked, RNG)
        assert (model.similarity[[0], [LONELY_ITEM]].item() > 0) == (weight > 0)


def test_a_relation_of_weight_zero_is_left_out() -> None:
    config = ItemItemConfig(relation_weights={"MADE_BY": 0.0, "IN_CATEGORY": 0.0})
    bare = Ease(config)
    bare.fit(replace(planted_snapshot(), relations={}), RNG)
    np.testing.assert_array_equal(fitted_ease(config).similarity.toarray(), bare.similarity.toarray())


def test_a_new_item_is_reached_through_its_relations_alone() -> None:
    snapshot = awkward_snapshot()
    brand_of_first = int(snapshot.relations[MADE_BY].dst[0])
    linked = replace(snapshot, relations={MADE_BY: edges([0, LONELY_ITEM], [brand_of_first, brand_of_first])})
    model = Ease(ItemItemConfig(l2=1.0))
    model.fit(linked, RNG)
    assert model.similarity[[0], [LONELY_ITEM]].item() > 0


def test_items_bought_together_are_linked_directly() -> None:
    snapshot = replace(planted_snapshot(), relations={ALSO_BOUGHT: edges([0], [1])})
    bare = replace(snapshot, relations={})
    weights = []
    for graph in (snapshot, bare):
        model = Ease(AS_SOLVED.model_copy(update={"relation_weights": {"ALSO_BOUGHT": 5.0}}))
        model.fit(graph, RNG)
        weights.append(model.similarity[[0], [1]].item())
    assert weights[0] > weights[1] + 0.01


def test_pruning_keeps_the_largest_entries_of_each_past_item() -> None:
    full = fitted_ease(ItemItemConfig(top_k=40)).similarity.toarray()
    pruned = fitted_ease(ItemItemConfig(top_k=6)).similarity.toarray()
    assert (full >= 0).all()
    for past in range(40):
        kept = np.flatnonzero(pruned[past])
        assert len(kept) == 6
        np.testing.assert_array_equal(pruned[past, kept], full[past, kept])
        assert np.delete(full[past], kept).max() <= full[past, kept].min()


def test_neighbours_are_shrunk_cosines() -> None:
    snapshot = planted_snapshot(n_users=3, n_items=4, n_tastes=1)
    snapshot = replace(snapshot, interactions=purchases([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 2)]))
    model = SparseNeighbours(ItemItemConfig(shrinkage=1.0, top_k=1))
    model.fit(snapshot, RNG)
    # items 0 and 1 share two shoppers of 3 and 2; items 0 and 2 share one of 3 and 1
    close, far = 2 / (np.sqrt(6) + 1), 1 / (np.sqrt(3) + 1)
    expected = [[0, close, 0, 0], [close, 0, 0, 0], [far, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(model.similarity.toarray(), expected, atol=1e-6)


def test_score_adds_weighted_rows_of_past_items() -> None:
    snapshot = planted_snapshot()
    model = fitted_ease(ItemItemConfig(l2=1.0, history_power=0.5, half_life_days=10.0))
    history = one_history(snapshot, [0, 4, 4], PURCHASE, days_ago=[10, 30, 20])
    similarity = model.similarity.toarray()
    expected = (0.5 * similarity[0] + 0.25 * similarity[4]) / np.sqrt(2)
    np.testing.assert_allclose(model.score(history)[0], expected, atol=1e-6)
    shares = model.shares(history, 8)
    assert {share.past_item_idx for share in shares} == {0, 4}


def test_a_purchase_says_more_than_a_view() -> None:
    snapshot = planted_snapshot()
    model = fitted_ease(ItemItemConfig(l2=1.0))
    bought = model.score(one_history(snapshot, [0], PURCHASE, [1]))
    viewed = model.score(one_history(snapshot, [0], VIEW, [1]))
    np.testing.assert_allclose(viewed, 0.2 * bought, atol=1e-6)


def test_unknown_event_in_type_weights_is_named() -> None:
    with pytest.raises(ValueError, match="'wink'"):
        fitted_ease(ItemItemConfig(type_weights={"wink": 1.0}))


@pytest.mark.parametrize(("n_items", "kind"), [(100, Ease), (101, SparseNeighbours)])
def test_catalogue_size_chooses_the_model(n_items: int, kind: type[ItemItem]) -> None:
    assert type(item_item_for(n_items, ItemItemConfig(max_items_closed_form=100))) is kind


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    fitted_ease(ItemItemConfig()).save(tmp_path)
    path = tmp_path / "item_item.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ArtefactDamaged, match=r"item_item\.safetensors"):
        ItemItem.load(tmp_path)
