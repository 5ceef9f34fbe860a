"""A model that nobody asked for stays only where it helps."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.item_item.sequence import SequenceConfig
from gnn.linear.config import LinearKGConfig
from gnn.linear.near import NearConfig
from ranking.config import FusionConfig, HybridConfig
from ranking.listwise import FusionRows
from ranking.models import NEAR, SEQUENCE
from ranking.training import fit_hybrid
from ranking.trials import try_without
from shopgraph.types import NO_TIME, GraphSnapshot, Interactions
from tests.planted import planted_snapshot

N_USERS, N_ITEMS = 300, 40
CONFIG = HybridConfig(
    fusion=FusionConfig(max_users=N_USERS, n_candidates=N_ITEMS, n_hard=10, by_group=False),
    graph=LinearKGConfig(dim=8, epochs=2),
)


def chained(seed: int = 0, *, timed: bool = True) -> GraphSnapshot:
    """Whoever bought item n buys item n + 1 next, round and round, from a random start."""
    rng = np.random.default_rng(seed)
    n_events = 8
    items = (rng.integers(0, N_ITEMS, (N_USERS, 1)) + np.arange(n_events)) % N_ITEMS
    snapshot = planted_snapshot(n_users=N_USERS, n_items=N_ITEMS)
    code = snapshot.interactions.type_code.min()
    days = np.tile(np.arange(n_events) * 86_400 + 1_700_000_000, N_USERS)
    n = N_USERS * n_events
    return replace(
        snapshot,
        interactions=Interactions(
            np.repeat(np.arange(N_USERS), n_events).astype(np.int32),
            items.ravel().astype(np.int32),
            np.full(n, code, np.int8),
            np.ones(n, np.float32),
            days.astype(np.int64) if timed else np.full(n, NO_TIME, np.int64),
        ),
    )


def rows_of(values: np.ndarray, relevant: np.ndarray, names: tuple[str, ...]) -> FusionRows:
    n_users = relevant.shape[0]
    users = np.arange(n_users, dtype=np.int32)
    weight = np.zeros(relevant.shape, np.float32)
    return FusionRows(names, values.astype(np.float32), relevant, weight, users, users + 1)


@pytest.mark.parametrize("helps", [True, False])
def test_what_knows_the_answer_stays_and_noise_does_not(helps: bool) -> None:
    rng = np.random.default_rng(1)
    relevant = np.zeros((400, 50), np.bool_)
    relevant[np.arange(400), rng.integers(0, 50, 400)] = True
    known = relevant + rng.normal(size=relevant.shape)
    tried = rng.normal(size=relevant.shape) + helps * relevant
    found = try_without(
        rows_of(np.stack([known, tried]), relevant, ("known", "tried")), "tried", FusionConfig()
    )
    assert found.kept is helps
    assert found.error > 0


def test_too_few_shoppers_judge_nothing() -> None:
    relevant = np.eye(20, dtype=np.bool_)
    values = np.stack([np.zeros((20, 20)), relevant])
    assert not try_without(rows_of(values, relevant, ("known", "tried")), "tried", FusionConfig()).kept


def test_sequence_joins_by_itself_where_order_tells() -> None:
    said: list[str] = []
    fitted = fit_hybrid(chained(), CONFIG, np.random.default_rng(0), said.append)
    assert fitted.weights.models[SEQUENCE] > 0
    assert fitted.metrics["ndcg@10_gain_sequence"] > 0
    assert any(line.startswith("sequence stays: NDCG@10 +") for line in said)


def test_sequence_stays_away_where_order_tells_nothing() -> None:
    snapshot = planted_snapshot(n_users=N_USERS)
    said: list[str] = []
    config = CONFIG.model_copy(update={"ablations": ("all",)})
    fitted = fit_hybrid(snapshot, config, np.random.default_rng(0), said.append)
    assert SEQUENCE not in fitted.models
    assert SEQUENCE not in fitted.ablations
    assert any(line.startswith("sequence is left out") for line in said)


def test_sequence_is_not_even_tried_without_an_order() -> None:
    said: list[str] = []
    fitted = fit_hybrid(chained(timed=False), CONFIG, np.random.default_rng(0), said.append)
    assert not any(SEQUENCE in line for line in said)
    assert SEQUENCE not in fitted.models


def test_validation_by_the_last_item_says_that_there_is_an_order() -> None:
    config = CONFIG.model_copy(update={"validation": "last"})
    assert SEQUENCE in fit_hybrid(chained(timed=False), config, np.random.default_rng(0)).models


def test_ones_own_sequence_model_takes_the_place_of_the_tried_one() -> None:
    config = CONFIG.model_copy(update={"others": {"order": SequenceConfig(decay=0.5)}})
    assert SEQUENCE not in fit_hybrid(chained(), config, np.random.default_rng(0)).models


def test_near_is_not_tried_where_there_are_too_many_items() -> None:
    said: list[str] = []
    few = CONFIG.model_copy(update={"near": NearConfig(max_items=3)})
    fit_hybrid(chained(), few, np.random.default_rng(0), said.append)
    assert f"fitting {NEAR}" not in said
    fit_hybrid(chained(), CONFIG, np.random.default_rng(0), said.append)
    assert f"fitting {NEAR}" in said


def test_what_was_asked_for_is_on_no_trial() -> None:
    assert HybridConfig(use_sequence=True).on_trial == (NEAR,)
    assert HybridConfig(use_sequence=True, use_near=True).on_trial == ()
    assert NEAR in HybridConfig(use_near=True).models
    assert NEAR not in HybridConfig(use_near=False).models
    assert NEAR not in HybridConfig(use_graph=False).models
    assert SEQUENCE in HybridConfig(use_sequence=True).models
    assert SEQUENCE not in HybridConfig(use_sequence=False).models
