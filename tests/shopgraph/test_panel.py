"""What `evaluate` compares."""

from dataclasses import replace

import numpy as np

from shopgraph.panel import hybrid_panel
from tests.ranking.engines import item_item_hybrid, shop


def test_an_ablation_may_name_a_model_that_was_not_kept() -> None:
    snapshot = shop()
    hybrid = item_item_hybrid(snapshot)
    left_out = replace(hybrid.weights, models={**hybrid.weights.models, "gone": 0.0})
    panel = hybrid_panel(replace(hybrid, ablations={"graph": left_out}), snapshot, None)
    found = panel(snapshot.histories.take(np.arange(3)))
    np.testing.assert_allclose(found["without_graph"], found["hybrid"], rtol=1e-5, atol=1e-6)
