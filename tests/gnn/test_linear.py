from gnn.linear import LinearKG, LinearKGConfig
from tests.gnn.recommender_suite import RecommenderSuite


class TestOneHop(RecommenderSuite):
    def make(self) -> LinearKG:
        return LinearKG(LinearKGConfig(dim=8, epochs=20, batch_size=16, min_degree=1))


class TestTwoHops(RecommenderSuite):
    def make(self) -> LinearKG:
        return LinearKG(LinearKGConfig(dim=8, epochs=20, batch_size=16, hops=2))
