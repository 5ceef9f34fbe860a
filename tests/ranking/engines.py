"""A shop small enough to check by hand, and an engine trained on it in a second."""

from dataclasses import replace

import numpy as np

from gnn.index import ExactIndex
from gnn.item_item.model import item_item_for
from gnn.linear.model import LinearKG
from gnn.registry import SavedModel
from ranking.candidates import CandidateConfig, Candidates
from ranking.catalogue import CATEGORY, CHILD_OF, IN_CATEGORY, Catalogue
from ranking.config import FeatureConfig, HybridConfig
from ranking.diversity.config import DiversityConfig
from ranking.engine import Engine
from ranking.feature_fitting import fit_features
from ranking.hybrid import TEXT, Hybrid
from ranking.models import EASE
from ranking.profiles import Profiles
from ranking.scorer import Scorer
from ranking.tokens import Signer
from shopgraph.types import (
    ITEM,
    USER,
    EdgeType,
    FusionWeights,
    GraphSnapshot,
    Interactions,
    NodeTable,
)
from tests.planted import edges, planted_snapshot

ALSO_BOUGHT = EdgeType(ITEM, "ALSO_BOUGHT", ITEM)
COLD_ITEM, QUIET_USER = "i039", "u060"


def shop() -> GraphSnapshot:
    """The planted shop and: a category tree, a few direct edges, Chinese titles of the even items,
    every seventh item out of stock, an item without events (COLD_ITEM), a user without (QUIET_USER).
    """
    planted = planted_snapshot(with_text=True)
    cold = planted.nodes[ITEM].index[COLD_ITEM]
    x = planted.interactions
    kept = x.item_idx != cold
    users = planted.nodes[USER]
    categories = planted.nodes[CATEGORY]
    titles = planted.items.title
    return replace(
        planted,
        nodes={
            **planted.nodes,
            USER: NodeTable((*users.ids, QUIET_USER), (*users.names, "Quiet")),
            CATEGORY: NodeTable((*categories.ids, "root"), (*categories.names, "All")),
        },
        interactions=Interactions(*(column[kept] for column in vars(x).values())),
        items=replace(
            planted.items,
            title_zh=tuple(f"商品{n}" if n % 2 == 0 else "" for n in range(len(titles))),
            in_stock=np.arange(len(titles)) % 7 != 0,
        ),
        relations={
            **planted.relations,
            IN_CATEGORY: planted.relations[IN_CATEGORY],
            CHILD_OF: edges([0, 1], [4, 4]),
            ALSO_BOUGHT: edges([0, 4, 1], [4, 8, 5]),
        },
    )


def with_models(snapshot: GraphSnapshot, models: dict[str, SavedModel]) -> Hybrid:
    """A hybrid of the fitted models and all features; what is not personal weighs little."""
    rng = np.random.default_rng(0)
    features = fit_features(snapshot, FeatureConfig(), rng)
    betas = {name: 0.01 if name in features.columns else 0.3 for name in features.names}
    weights = FusionWeights(dict.fromkeys(models, 1.0), 0.5, betas)
    scales = {**dict.fromkeys(models, 1.0), TEXT: 0.5}
    return Hybrid(models, features, scales, weights, snapshot.n_items)


def item_item_hybrid(snapshot: GraphSnapshot) -> Hybrid:
    """Without the graph part."""
    model = item_item_for(snapshot.n_items, HybridConfig().item_item)
    model.fit(snapshot, np.random.default_rng(0))
    return with_models(snapshot, {EASE: model})


def candidates_of(hybrid: Hybrid, snapshot: GraphSnapshot, config: CandidateConfig | None) -> Candidates:
    """The hybrid's sources with exact indexes."""
    graph = hybrid.graph_model
    vectors = graph.item_vectors if isinstance(graph, LinearKG) else None
    text = None if snapshot.text_vectors is None else ExactIndex(snapshot.text_vectors)
    return Candidates(Scorer(hybrid), None if vectors is None else ExactIndex(vectors), text, config)


def engine_of(
    hybrid: Hybrid,
    snapshot: GraphSnapshot,
    config: CandidateConfig | None = None,
    diversity: DiversityConfig | None = None,
) -> Engine:
    """An engine that answers from the hybrid."""
    return Engine(
        Scorer(hybrid),
        Catalogue.from_snapshot(snapshot),
        candidates_of(hybrid, snapshot, config),
        Profiles(snapshot),
        Signer(b"test key of sufficient length"),
        "v1",
        diversity,
    )
