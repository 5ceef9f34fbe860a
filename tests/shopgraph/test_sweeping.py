from gnn.linear.config import LINEAR_SPACE, LinearKGConfig
from gnn.training.sweep import Trial
from ranking.config import HybridConfig
from shopgraph.settings import Settings
from shopgraph.sweeping import sweep_graph
from tests.planted import planted_snapshot

SETTINGS = Settings(seed=1, hybrid=HybridConfig(graph=LinearKGConfig(epochs=3, batch_size=16, hops=2)))


def test_a_sweep_is_repeatable_and_its_best_is_what_is_trained_next() -> None:
    snapshot = planted_snapshot()
    seen: list[Trial] = []
    settings, found = sweep_graph(snapshot, SETTINGS, 4, seen.append)
    assert len(seen) == 4
    graph = settings.hybrid.graph
    assert {name: getattr(graph, name) for name in LINEAR_SPACE} == dict(found.best.values)
    assert (graph.hops, graph.epochs) == (2, 3)
    assert found.best.ndcg >= seen[0].ndcg > 0
    _, again = sweep_graph(snapshot, SETTINGS, 4, seen.append)
    assert [(trial.values, trial.ndcg) for trial in again.trials] == [
        (trial.values, trial.ndcg) for trial in found.trials
    ]
