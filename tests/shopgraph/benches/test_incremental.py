from dataclasses import replace

import numpy as np
import pytest

from gnn.linear.model import LinearKGConfig
from ranking.config import FusionConfig, HybridConfig
from ranking.updating import UpdateConfig
from shopgraph.benches.incremental import measure
from shopgraph.errors import BadSettings
from shopgraph.settings import Settings
from shopgraph.types import NO_TIME
from tests.planted import planted_snapshot

SETTINGS = Settings(
    hybrid=HybridConfig(
        fusion=FusionConfig(max_users=200, n_candidates=40, n_hard=10),
        graph=LinearKGConfig(dim=16, epochs=12, batch_size=32),
    ),
    update=UpdateConfig(min_users=16),
)


def test_three_slices_are_tested_before_they_are_learned() -> None:
    shop = planted_snapshot(n_users=120)
    lines: list[str] = []
    rows = measure(shop, SETTINGS, 0, lines.append, slices=3, slice_days=7)
    assert [row["slice"] for row in rows] == ["1", "2", "3", "all"]
    assert len(lines) == 3
    end, week = shop.now.timestamp(), 7 * 86_400
    x = shop.interactions
    in_first = int(((x.time >= end - 4 * week) & (x.time < end - 3 * week)).sum())
    assert 0 < rows[0]["n_new_events"] <= in_first  # some of them are last purchases, never learned
    whole = rows[-1]
    assert whole["n_shoppers"] == sum(row["n_shoppers"] for row in rows[:-1])
    # ten of forty items are of a shopper's taste; lists of any ten items would reach about 0.1
    for model in ("full", "incremental", "never"):
        assert whole[f"ndcg@10_{model}"] > 0.25
        assert whole[f"old_ndcg@10_{model}"] > 0.25
    assert 0.8 < whole["ratio_to_full_ndcg@10"] < 1.2
    low, high = whole["ratio_to_full_ndcg@10_low"], whole["ratio_to_full_ndcg@10_high"]
    assert low <= whole["ratio_to_full_ndcg@10"] <= high


def test_a_shop_without_times_or_too_short_is_refused() -> None:
    shop = planted_snapshot()
    x = shop.interactions
    timeless = replace(shop, interactions=replace(x, time=np.full_like(x.time, NO_TIME)))
    with pytest.raises(BadSettings, match="needs times"):
        measure(timeless, SETTINGS, 0)
    with pytest.raises(BadSettings, match="events of 660 days"):
        measure(shop, SETTINGS, 0, slice_days=30)
