"""The demo shop: a seeded, believable shop with planted tastes, and the oracle that knows them."""

from shopgraph.demoshop.oracle import oracle_scores
from shopgraph.demoshop.people import Shopper
from shopgraph.demoshop.write import ShopFacts, make_shop

__all__ = ["ShopFacts", "Shopper", "make_shop", "oracle_scores"]
